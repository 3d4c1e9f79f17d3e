/** The keys that move over the map. */
export type WalkKey = 'ArrowRight' | 'ArrowLeft' | 'ArrowUp' | 'ArrowDown' | 'Home' | 'End'

export const WALK_KEYS: readonly string[] = ['ArrowRight', 'ArrowLeft', 'ArrowUp', 'ArrowDown', 'Home', 'End']

interface Place {
  id: string
  x: number
  y: number
}

interface Arrow {
  caller: string
  callee: string
  /** Traffic; the busiest edge is walked first. */
  weight: number
}

/** Where the reader is, and where from: going back retraces the way that led there. */
export interface Step {
  at: string
  /** Callers walked through, the last one last. */
  trail: string[]
}

/**
 * Walks one step over the map. Right follows the busiest call to its callee, left goes back the way that led
 * here or else to the busiest caller. Up and down go through the other callees of the caller one came from,
 * by height, or through the neighbours in the same column when one came from nowhere. Home and End go to the
 * first and last place by reading order. A step that leads nowhere stays.
 */
export function walk(places: readonly Place[], arrows: readonly Arrow[], from: Step | null, key: WalkKey): Step | null {
  const known = new Map(places.map((p) => [p.id, p]))
  const order = places.toSorted(byReadingOrder)
  const here = from && known.get(from.at)
  if (!here || key === 'Home') return start(order[0])
  if (key === 'End') return start(order.at(-1))

  if (key === 'ArrowRight') {
    const next = busiest(arrows.filter((a) => a.caller === here.id && a.callee !== here.id && known.has(a.callee)))
    return next ? { at: next.callee, trail: [...from.trail, here.id] } : from
  }
  if (key === 'ArrowLeft') {
    const back = from.trail.at(-1)
    if (back !== undefined && known.has(back)) return { at: back, trail: from.trail.slice(0, -1) }
    const next = busiest(arrows.filter((a) => a.callee === here.id && a.caller !== here.id && known.has(a.caller)))
    return next ? { at: next.caller, trail: [] } : from
  }

  const row = siblings(places, arrows, from, here)
  const next = row[row.findIndex((p) => p.id === here.id) + (key === 'ArrowDown' ? 1 : -1)]
  return next ? { at: next.id, trail: from.trail } : from
}

function start(p: Place | undefined): Step | null {
  return p ? { at: p.id, trail: [] } : null
}

function siblings(places: readonly Place[], arrows: readonly Arrow[], from: Step, here: Place): Place[] {
  const parent = from.trail.at(-1)
  const ids = new Set(arrows.filter((a) => a.caller === parent).map((a) => a.callee))
  // An only child still has somewhere to go: its column.
  const family = places.filter((p) => ids.has(p.id))
  const row = family.length > 1 ? family : places.filter((p) => Math.abs(p.x - here.x) < 1)
  return row.toSorted((a, b) => a.y - b.y || byId(a.id, b.id))
}

function busiest(arrows: Arrow[]): Arrow | undefined {
  return arrows.toSorted((a, b) => b.weight - a.weight || byId(a.callee, b.callee) || byId(a.caller, b.caller))[0]
}

function byReadingOrder(a: Place, b: Place): number {
  return a.x - b.x || a.y - b.y || byId(a.id, b.id)
}

function byId(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

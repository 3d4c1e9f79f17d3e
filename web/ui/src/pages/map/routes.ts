import { BOX, type Point } from './layout'

/** The course of an arrow that has none of its own: from the caller's right side to the callee's left side. */
export function straight(caller: Point, callee: Point): Point[] {
  const y = BOX.height / 2
  if (caller.x === callee.x && caller.y === callee.y) {
    // A service that calls itself: out at the right, over the top, back in at the left.
    return [
      { x: caller.x + BOX.width, y: caller.y + y },
      { x: caller.x + BOX.width + 24, y: caller.y - 16 },
      { x: caller.x - 24, y: caller.y - 16 },
      { x: caller.x, y: caller.y + y },
    ]
  }
  return [{ x: caller.x + BOX.width, y: caller.y + y }, { x: callee.x, y: callee.y + y }]
}

/**
 * The SVG path through the points of a route. Every piece leaves and arrives level, so that the pieces join
 * smoothly and an arrow meets its box at a right angle.
 */
export function pathThrough(route: readonly Point[]): string {
  const [first, ...rest] = route
  if (!first) return ''
  let d = `M${first.x},${first.y}`
  let at = first
  for (const p of rest) {
    const half = (p.x - at.x) / 2
    d += at.y === p.y ? `L${p.x},${p.y}` : `C${at.x + half},${at.y} ${p.x - half},${p.y} ${p.x},${p.y}`
    at = p
  }
  return d
}

/** Points along the path of a route, evenly spread, from caller to callee. */
export function pointsAlong(route: readonly Point[], perPiece = 8): Point[] {
  const points: Point[] = []
  for (let i = 1; i < route.length; i++) {
    const a = route[i - 1]!
    const b = route[i]!
    for (let k = 0; k < perPiece; k++) {
      const t = k / perPiece
      // The cubic of pathThrough: its x control points lie at the middle, its y control points at the ends.
      const s = 1 - t
      const mid = (a.x + b.x) / 2
      points.push({
        x: s ** 3 * a.x + 3 * s * s * t * mid + 3 * s * t * t * mid + t ** 3 * b.x,
        y: (s ** 3 + 3 * s * s * t) * a.y + (3 * s * t * t + t ** 3) * b.y,
      })
    }
  }
  const last = route.at(-1)
  return last ? [...points, last] : points
}

/**
 * Where the label of an arrow goes: the point of its path nearest to the middle at which a label of the given
 * size touches no box. If there is none, the point at which it covers least.
 */
export function labelSpot(route: readonly Point[], boxes: Iterable<Point>, size: { width: number; height: number }): Point {
  const points = pointsAlong(route, 16)
  const byMiddle = points.map((p, i) => ({ p, off: Math.abs(i - (points.length - 1) / 2) })).toSorted((a, b) => a.off - b.off)
  const all = [...boxes]
  let best = { p: byMiddle[0]?.p ?? { x: 0, y: 0 }, covered: Infinity }
  for (const { p } of byMiddle) {
    const covered = all.reduce((sum, box) => sum + overlap(p, size, box), 0)
    if (covered === 0) return p
    if (covered < best.covered) best = { p, covered }
  }
  return best.p
}

/** Area in which a label centred at p covers a box, with a small margin around it. */
function overlap(p: Point, size: { width: number; height: number }, box: Point): number {
  const margin = 6
  const w = Math.min(p.x + size.width / 2 + margin, box.x + BOX.width) - Math.max(p.x - size.width / 2 - margin, box.x)
  const h = Math.min(p.y + size.height / 2 + margin, box.y + BOX.height) - Math.max(p.y - size.height / 2 - margin, box.y)
  return w > 0 && h > 0 ? w * h : 0
}

/** A route that ends `by` px earlier, to leave room for the arrow's head. */
export function trimEnd(route: readonly Point[], by: number): Point[] {
  const end = route.at(-1)
  const before = route.at(-2)
  if (!end || !before) return [...route]
  return [...route.slice(0, -1), { x: end.x - Math.sign(end.x - before.x) * Math.min(by, Math.abs(end.x - before.x) / 2), y: end.y }]
}

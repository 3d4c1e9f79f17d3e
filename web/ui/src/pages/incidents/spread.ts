import type { Incident } from '../../api/model'

/** A node on the map of the spread. */
export interface Reached {
  id: string
  name: string
  /** Steps from the origin, 0 for the origin itself. */
  column: number
  /** Place in its column, from the top. */
  row: number
  /** When it fell ill, in ms after the first; null when that is not known. */
  after: number | null
  /** Whether users call it, and the worst of what they met there. */
  entry?: { bad: number; requests: number }
}

/** A step of the spread: from the callee that failed to the caller that fell ill with it. */
export interface Arrow {
  from: string
  to: string
  calls: number
  failed: number
}

export interface Spread {
  nodes: Reached[]
  arrows: Arrow[]
  columns: number
  rows: number
}

/**
 * The map of how an incident spread: the likely cause at the left, those that fell ill with it to the right, as many
 * columns away as there are calls between. In a column the earliest comes first. Steps that close a circle are left out.
 */
export function spreadOf(i: Incident): Spread {
  const names = new Map<string, string>()
  for (const s of i.path) names.set(s.caller, s.caller_name).set(s.callee, s.callee_name)
  const first = i.candidates[0]
  if (first) names.set(first.node, first.node_name)

  const column = distances(i, first?.node)
  const onset = onsets(i)
  const byColumn = new Map<number, string[]>()
  for (const id of [...column.keys()].toSorted((a, b) => (onset.get(a) ?? Infinity) - (onset.get(b) ?? Infinity) || (a < b ? -1 : 1))) {
    const c = column.get(id)!
    byColumn.set(c, [...(byColumn.get(c) ?? []), id])
  }
  const nodes = [...byColumn].toSorted(([a], [b]) => a - b).flatMap(([c, ids]) => ids.map((id, row): Reached => {
    const entries = i.entries.filter((e) => e.node === id)
    const at = onset.get(id)
    return {
      id, name: names.get(id) || id, column: c, row, after: at === undefined ? null : Math.max(0, at - Date.parse(i.started)),
      ...(entries.length > 0 && { entry: { bad: sum(entries.map((e) => e.bad)), requests: sum(entries.map((e) => e.requests)) } }),
    }
  }))
  return {
    nodes,
    arrows: i.path.filter((s) => (column.get(s.caller) ?? -1) > (column.get(s.callee) ?? Infinity))
      .map((s) => ({ from: s.callee, to: s.caller, calls: s.calls, failed: s.failed })),
    columns: byColumn.size,
    rows: Math.max(0, ...[...byColumn.values()].map((ids) => ids.length)),
  }
}

/** Least number of calls between the origin and each node that it spread to. */
function distances({ path }: Incident, origin: string | undefined): Map<string, number> {
  const start = origin ?? path[0]?.callee
  const found = new Map<string, number>(start === undefined ? [] : [[start, 0]])
  for (const [id, steps] of found) { // grows while it is walked
    for (const s of path) if (s.callee === id && !found.has(s.caller)) found.set(s.caller, steps + 1)
  }
  return found
}

/** When each node fell ill first, in Unix ms. */
function onsets(i: Incident): Map<string, number> {
  const at = new Map<string, number>()
  const note = (id: string, when: string | null) => {
    if (when !== null) at.set(id, Math.min(at.get(id) ?? Infinity, Date.parse(when)))
  }
  for (const m of i.members) note(m.node, m.onset)
  for (const s of i.path) note(s.caller, s.onset)
  for (const c of i.candidates) note(c.node, c.onset)
  return at
}

function sum(values: number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

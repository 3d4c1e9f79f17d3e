import type { Trace, TraceSpan } from '../../api/model'

/** One span of a waterfall: where it stands in the tree, and its bar on the shared time axis. */
export interface SpanRow {
  span: TraceSpan
  /** Names the row in the URL: the span's id, with its kind when the other half of the call has the same id. */
  key: string
  /** Place among all rows. */
  index: number
  /** Place of the parent among all rows; -1 for a root. */
  parent: number
  /** Rows below it, at any depth. They follow it at once. */
  below: number
  /** Of these, how many failed. */
  failedBelow: number
  /** Place among the children of its parent, from 1, and how many these are. */
  position: number
  siblings: number
  /** Start and length of the bar as shares of the trace. */
  left: number
  width: number
}

/** Lays the spans of a trace out. They come in the order of rows, each after its parent. */
export function layoutWaterfall({ spans, duration_ms }: Pick<Trace, 'spans' | 'duration_ms'>): SpanRow[] {
  const rows: SpanRow[] = []
  const keys = new Set<string>()
  const path: SpanRow[] = [] // from the root to the row before
  const children = new Map<number, SpanRow[]>()
  for (const span of spans) {
    while (path.length > 0 && path.at(-1)!.span.depth >= span.depth) path.pop()
    const parent = path.at(-1)?.index ?? -1
    const among = children.get(parent) ?? []
    children.set(parent, among)
    const left = duration_ms > 0 ? clamp(span.start_ms / duration_ms) : 0
    const row: SpanRow = {
      span, key: keyOf(span, keys), index: rows.length, parent, below: 0, failedBelow: 0, position: among.length + 1, siblings: 0,
      left, width: duration_ms > 0 ? Math.min(clamp(span.duration_ms / duration_ms), 1 - left) : 0,
    }
    for (const above of path) {
      above.below++
      if (hasFailed(span)) above.failedBelow++
    }
    among.push(row)
    rows.push(row)
    path.push(row)
  }
  for (const among of children.values()) for (const row of among) row.siblings = among.length
  return rows
}

function keyOf(span: TraceSpan, taken: Set<string>): string {
  let key = taken.has(span.id) ? `${span.id}-${span.kind}` : span.id
  while (taken.has(key)) key += '-'
  taken.add(key)
  return key
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share))
}

export function hasFailed(span: TraceSpan): boolean {
  return span.outcomes.includes('failed')
}

/** The rows in sight: those that are not below one that is shut. */
export function inSight(rows: readonly SpanRow[], shut: ReadonlySet<string>): SpanRow[] {
  const shown: SpanRow[] = []
  for (let i = 0; i < rows.length;) {
    const row = rows[i]!
    shown.push(row)
    i += shut.has(row.key) ? row.below + 1 : 1
  }
  return shown
}

/** What a key does in the tree: another row is selected, or the selected one is opened or shut. */
export type Move = { select: string } | { open: string } | { shut: string } | undefined

/** Answers a key as tree grids do: up, down, Home and End walk, right opens or enters, left shuts or leaves. */
export function moveBy(key: string, rows: readonly SpanRow[], shut: ReadonlySet<string>, selected: string | undefined): Move {
  const shown = inSight(rows, shut)
  const at = shown.findIndex((r) => r.key === selected)
  const row = shown[at]
  const to = (i: number): Move => {
    const target = shown[Math.min(Math.max(i, 0), shown.length - 1)]
    return target && target.key !== selected ? { select: target.key } : undefined
  }
  switch (key) {
    case 'ArrowDown': return to(at + 1)
    case 'ArrowUp': return to(row ? at - 1 : 0)
    case 'PageDown': return to(at + 10)
    case 'PageUp': return to(at - 10)
    case 'Home': return to(0)
    case 'End': return to(shown.length - 1)
    case 'ArrowRight':
      if (!row) return to(0)
      if (row.below === 0) return undefined
      return shut.has(row.key) ? { open: row.key } : to(at + 1)
    case 'ArrowLeft':
      if (!row) return to(0)
      if (row.below > 0 && !shut.has(row.key)) return { shut: row.key }
      return row.parent >= 0 ? { select: rows[row.parent]!.key } : undefined
    default: return undefined
  }
}

/** Round moments along a trace, in ms from its start, at most `most` of them after 0. */
export function ticks(durationMs: number, most = 5): number[] {
  if (durationMs <= 0) return [0]
  const raw = durationMs / most
  const magnitude = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((m) => m * magnitude).find((s) => s >= raw * 0.999999)!
  const out: number[] = []
  for (let i = 0; i * step <= durationMs * 1.000001; i++) out.push(Number((i * step).toPrecision(12)))
  return out
}

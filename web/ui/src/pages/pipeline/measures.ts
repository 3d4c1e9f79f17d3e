import type { Health } from '../../graph/red'
import type { Measures, Replica } from '../../api/model'

/** Words for the values that a process reports. One without words is shown by its name. */
const NAMES: Record<string, string> = {
  received_requests: 'Requests received', accepted_spans: 'Spans accepted', refused_requests: 'Requests refused, to be sent again',
  duplicate_requests: 'Requests sent twice', duplicate_spans: 'Spans sent twice', late_calls: 'Calls corrected late',
  calls: 'Calls found', requests: 'Requests found', over_limit_nodes: 'Nodes over the limit', over_limit_operations: 'Operations over the limit',
  over_limit_edges: 'Edges over the limit', overflowed_spans: 'Spans forgotten early for want of room', stored_rows: 'Rows stored',
  store_errors: 'Writes that failed and were tried again', evidence_traces: 'Traces kept as evidence', evidence_skipped: 'Traces not kept as evidence',
  waiting_halves: 'Halves waiting for the other', remembered_spans: 'Spans remembered', pending_rows: 'Rows waiting to be stored',
  journal_bytes: 'Journal', journal_max_bytes: 'Journal, at most', journal_lag_ms: 'Journal lag',
  store_lag_ms: 'Store lag', memory_bytes: 'Memory',
}

const REJECTED = 'rejected_spans_'

/** The name of a value in words. */
export function nameOf(measure: string): string {
  return NAMES[measure] ?? (measure.startsWith(REJECTED) ? `Spans rejected: ${reasonText(measure.slice(REJECTED.length))}` : spaced(measure))
}

const REASONS: Record<string, string> = {
  invalid_id: 'trace or span id of the wrong length, or zero', no_timestamp: 'neither start nor end',
  out_of_window: 'too far in the future, or older than what is kept',
}

export function reasonText(reason: string): string {
  return REASONS[reason] ?? spaced(reason)
}

function spaced(name: string): string {
  const words = name.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export interface Rejection {
  reason: string
  spans: number
  perSecond: number | null
}

/** Rejected spans by reason, those that go on first; reasons that never occurred are left out. */
export function rejections(values: Measures): Rejection[] {
  return Object.entries(values)
    .filter(([name, m]) => name.startsWith(REJECTED) && m.value > 0)
    .map(([name, m]) => ({ reason: name.slice(REJECTED.length), spans: m.value, perSecond: m.per_second }))
    .sort((a, b) => (b.perSecond ?? 0) - (a.perSecond ?? 0) || b.spans - a.spans || (a.reason < b.reason ? -1 : 1))
}

/** The sum of rates; null when none of them is known. */
export function rateOf(values: Measures, names: (name: string) => boolean): number | null {
  const known = Object.entries(values).flatMap(([name, m]) => (names(name) && m.per_second !== null ? [m.per_second] : []))
  return known.length > 0 ? known.reduce((sum, r) => sum + r, 0) : null
}

export const isRejected = (name: string) => name.startsWith(REJECTED)
export const isDuplicate = (name: string) => name.startsWith('duplicate_')

export interface Fill {
  bytes: number
  max: number
  share: number
  health: Health
}

/** How full the journal is; from 90 % on senders are refused. Undefined when there is none. */
export function journalFill(values: Measures): Fill | undefined {
  const bytes = values.journal_bytes?.value
  const max = values.journal_max_bytes?.value
  if (bytes === undefined || !max || max <= 0) return undefined
  const share = Math.min(1, Math.max(0, bytes / max))
  return { bytes, max, share, health: share >= 0.9 ? 'bad' : share >= 0.7 ? 'warn' : 'ok' }
}

/** From which lag on what is on the screen is not what goes on. */
const LAG_WARN_MS = 30_000
const LAG_BAD_MS = 120_000

export function lagHealth(values: Measures): Health {
  const lag = values.store_lag_ms?.value
  if (lag === undefined) return 'unknown'
  return lag >= LAG_BAD_MS ? 'bad' : lag >= LAG_WARN_MS ? 'warn' : 'ok'
}

/** How a process fares: the worst of what it says, and in trouble when it says nothing. */
export function replicaHealth(r: Replica): Health {
  if (r.state === 'silent') return 'bad'
  const all = [journalFill(r.values)?.health, lagHealth(r.values)]
  return all.includes('bad') ? 'bad' : all.includes('warn') ? 'warn' : 'ok'
}

/** The unit that a value's name ends with. */
export function unitOf(name: string): 'bytes' | 'ms' | 'count' {
  return name.endsWith('_bytes') ? 'bytes' : name.endsWith('_ms') ? 'ms' : 'count'
}

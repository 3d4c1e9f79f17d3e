import type { CallOutcomes, DependencySite } from '../../api/model'

/** How requests fared, by how the callee did: the four-fold table of a call site, with its failures told apart. */
export interface Row {
  callee: string
  /** What the row has to do with the verdict. */
  note: string
  /** Of all evidence; null where only the window can tell. */
  all: { failed: number; ok: number } | null
  /** Of the window; null when it has no request of this call site. */
  window: { failed: number; ok: number } | null
}

/**
 * The rows of the table: the callee failed in one of three ways, or it answered. Requests in which it answered are
 * counted for the window alone, as older evidence keeps them only as a share.
 */
export function fourfold({ evidence: e }: DependencySite, seen: CallOutcomes | undefined): Row[] {
  const pair = (failed: number, ok: number) => ({ failed, ok })
  return [
    {
      callee: 'All calls to it failed', note: 'the verdict rests on these',
      all: pair(e.total_fatal, e.total_survived), window: seen ? pair(seen.total_fatal, seen.total_survived) : null,
    },
    {
      callee: 'Some of them failed', note: 'count half',
      all: pair(e.partial_fatal, e.partial_survived), window: seen ? pair(seen.partial_fatal, seen.partial_survived) : null,
    },
    {
      callee: 'Others failed too', note: 'not used: they may be the cause',
      all: pair(e.contested_fatal, e.contested_survived), window: seen ? pair(seen.contested_fatal, seen.contested_survived) : null,
    },
    {
      callee: 'It answered', note: 'requests that fail for other reasons',
      all: null, window: seen ? pair(Math.max(0, seen.failed - seen.fatal), Math.max(0, seen.requests - seen.failed - seen.survived)) : null,
    },
  ]
}

import type { Criticality, DependencySite } from '../api/model'
import { share } from '../format/format'

/** What the verdicts are called and what they mean. */
export const VERDICT: Record<Criticality, { title: string; means: (assumed: Criticality) => string }> = {
  hard: { title: 'Hard', means: () => 'The caller fails when the callee does.' },
  soft: { title: 'Soft', means: () => 'The caller does not fail when the callee does.' },
  partial: { title: 'Partial', means: () => 'The caller fails with the callee sometimes.' },
  mixed: { title: 'Mixed', means: () => 'It depends on the operation of the caller.' },
  unknown: {
    title: 'Unknown',
    means: (assumed) => assumed === 'unknown' ? 'Too few failures were seen.' : `Too few failures were seen; until then reckon with ${assumed}.`,
  },
}

/** The probability that the caller fails, as an interval in percent; nothing without a failure to judge by. */
export function interval({ low, high, evidence }: { low: number; high: number; evidence: { total_fatal: number; total_survived: number; partial_fatal: number } }): string {
  if (evidence.total_fatal + evidence.total_survived + evidence.partial_fatal === 0) return ''
  const [from, to] = [Math.round(low * 100), Math.round(high * 100)]
  return from === to ? `${from} %` : `${from}–${to} %`
}

/** Basis of a verdict, where it is not the evidence. */
export const BASIS_TEXT = { inferred: '', declared: 'declared by a team', imported: 'imported' } as const

/** What the expectation before the first failure rests on. */
export const PRIOR_TEXT: Record<DependencySite['prior'], string> = {
  synchronous: 'its calls are waited for', asynchronous: 'its calls are not waited for', cache: 'it is a cache',
  health_check: 'the caller’s own health check needs it', declared: 'a team has declared it', '': '',
}

/** What else is known of a dependency beside its verdict, shortest first. */
export function facetsOf(sites: readonly DependencySite[]): string[] {
  if (sites.length === 0) return []
  const facets: string[] = []
  if (sites.every((s) => s.asynchronous)) facets.push('not waited for')
  if (sites.some((s) => s.latency_hard)) facets.push('its slowness is passed on')
  const rescued = sites.reduce((n, s) => n + s.rescued, 0)
  const exhausted = sites.reduce((n, s) => n + s.exhausted, 0)
  if (rescued >= 1) facets.push(`retries absorb ${share(rescued, rescued + exhausted)}`)
  const rare = Math.max(...sites.map((s) => s.conditional))
  if (rare > 0 && rare < 0.95) facets.push(`only ${share(rare, 1)} of requests call it`)
  if (sites.some((s) => s.disagrees)) facets.push('evidence disagrees with what is declared')
  return facets
}

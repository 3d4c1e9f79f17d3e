import type { Red, Window } from '../api/model'

/** At which share of failed calls a node or an edge is worth a look, and at which it is in trouble. */
export const THRESHOLDS = {
  warn: 0.01,
  bad: 0.05,
  /** Failures below this number never count as trouble: one unlucky call is not an outage. */
  minFailures: 2,
} as const

/** How a node or an edge fares. `unknown` means that nothing was reported, which is not healthy. */
export type Health = 'ok' | 'warn' | 'bad' | 'unknown'

export function healthOf(red: Pick<Red, 'calls' | 'failed'>): Health {
  if (red.calls <= 0) return 'unknown'
  const share = red.failed / red.calls
  if (red.failed < THRESHOLDS.minFailures || share < THRESHOLDS.warn) return 'ok'
  return share < THRESHOLDS.bad ? 'warn' : 'bad'
}

/** Worst first. */
export const BY_SEVERITY: readonly Health[] = ['bad', 'warn', 'unknown', 'ok']

export const HEALTH_TEXT: Record<Health, string> = {
  bad: 'failing', warn: 'degraded', ok: 'healthy', unknown: 'not reported',
}

/** How much of a window calls can have been seen in, in seconds: all of it, unless the first ever were made within it. */
export function seconds(w: Pick<Window, 'from' | 'to' | 'since'>): number {
  return (Date.parse(w.to) - Date.parse(w.since ?? w.from)) / 1000
}

/** Calls per second before sampling: the best estimate of the traffic. */
export function perSecond(red: Pick<Red, 'calls_weighted'>, windowSeconds: number): number {
  return windowSeconds > 0 ? red.calls_weighted / windowSeconds : 0
}

/** Share of failed calls in [0, 1]; null when there were none to fail. */
export function errorShare(red: Pick<Red, 'calls' | 'failed'>): number | null {
  return red.calls > 0 ? red.failed / red.calls : null
}

/** Whether the counts are estimates because calls were sampled. */
export function isEstimate(red: Pick<Red, 'calls' | 'calls_weighted' | 'calls_interval'>): boolean {
  return red.calls_interval > 0 || red.calls_weighted !== red.calls
}

/**
 * Adds up counts. Percentiles cannot be added and are null; the intervals of independent estimates add up
 * like standard deviations do.
 */
export function sum(reds: readonly Red[]): Red {
  const total: Red = {
    calls: 0, calls_weighted: 0, calls_interval: 0, sampling_known: true,
    failed: 0, throttled: 0, client_errors: 0, timeouts: 0, resends: 0,
    p50_ms: null, p95_ms: null, p99_ms: null,
  }
  let variance = 0
  for (const r of reds) {
    total.calls += r.calls
    total.calls_weighted += r.calls_weighted
    total.failed += r.failed
    total.throttled += r.throttled
    total.client_errors += r.client_errors
    total.timeouts += r.timeouts
    total.resends += r.resends
    total.sampling_known &&= r.sampling_known
    variance += r.calls_interval ** 2
  }
  total.calls_interval = Math.sqrt(variance)
  return total
}

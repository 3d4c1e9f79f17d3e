import type { CallOutcomes } from '../../api/model'

/** How the requests of a service fare with one of its dependencies. */
export interface Dependency {
  callee: string
  requests: number
  /** Requests with a failure of the callee that failed with it, and that did not. */
  fatal: number
  survived: number
  calls: number
  attempts: number
  timedOut: number
  /** A trace of each of the two, if one is kept. */
  fatalTrace: string | null
  survivedTrace: string | null
  /** The call sites that this adds up, those with most failures first. */
  sites: CallOutcomes[]
}

/** Adds up the call sites of each callee, those that take most requests down first. */
export function dependencies(sites: readonly CallOutcomes[]): Dependency[] {
  const byCallee = new Map<string, Dependency>()
  for (const s of sites.toSorted(byHarm)) {
    const d = byCallee.get(s.callee) ?? {
      callee: s.callee, requests: 0, fatal: 0, survived: 0, calls: 0, attempts: 0, timedOut: 0, fatalTrace: null, survivedTrace: null, sites: [],
    }
    byCallee.set(s.callee, d)
    d.requests += s.requests
    d.fatal += s.fatal
    d.survived += s.survived
    d.calls += s.calls
    d.attempts += s.attempts
    d.timedOut += s.timed_out
    d.fatalTrace ??= s.fatal_trace
    d.survivedTrace ??= s.survived_trace
    d.sites.push(s)
  }
  return [...byCallee.values()].sort(byHarm)
}

function byHarm(a: { fatal: number; survived: number; requests: number; callee: string }, b: typeof a): number {
  return b.fatal - a.fatal || b.survived - a.survived || b.requests - a.requests || (a.callee < b.callee ? -1 : Number(a.callee > b.callee))
}

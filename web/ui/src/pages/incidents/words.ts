import type { Candidate, Incident, IncidentMember, Sign } from '../../api/model'
import { count, duration, plural, share } from '../../format/format'

/** What is wrong, as the end of a sentence. */
export const AILMENT: Record<Sign, string> = {
  failing: 'requests fail', tolerated: 'calls fail that requests survive', slow: 'requests are slow', different: 'requests make other calls than before', '': 'something is ill',
}

/** What an incident is called: its likely cause and what is wrong. */
export function titleOf({ candidates, sign }: Incident): string {
  const first = candidates[0]
  if (!first) return `No cause found yet: ${AILMENT[sign]}`
  return `${first.node_name || first.node}: ${AILMENT[sign]}`
}

/** How much a sign counts: requests and calls by number, slowness in time. */
export function unitsText(units: number, sign: Sign): string {
  if (sign === 'slow') return `${duration(units * 1000)} added`
  return plural(Math.round(units), sign === 'tolerated' ? 'failed call' : sign === 'different' ? 'different request' : 'failed request')
}

/** Why a node is a candidate, in a sentence. */
export function reasonOf(c: Candidate, sign: Sign): string {
  const name = c.node_name || c.node
  const parts = []
  if (c.own > 0) {
    parts.push(sign === 'slow' ? `${name} took ${duration(c.own * 1000)} longer by itself` : `${plural(Math.round(c.own), 'request')} of ${name} went wrong although all its calls succeeded`)
  }
  if (c.unanswered > 0) {
    parts.push(sign === 'slow'
      ? `calls to it took ${duration(c.unanswered * 1000)} longer on the way`
      : `${plural(Math.round(c.unanswered), 'call')} from ${plural(c.callers, 'operation')} failed without a failed request of its own to explain them`)
  }
  return parts.join('; ')
}

/** What a member showed when it was worst. */
export function memberText(m: IncidentMember): string {
  const what = m.sign === 'slow' ? 'slow' : 'failed'
  const before = m.before > 0 ? `, ${share(m.before, 1)} before` : ''
  return `${count(m.bad)} of ${count(m.requests)} ${m.callee ? 'calls' : 'requests'} ${what} (${share(m.bad, m.requests)}${before})`
}

/** How long an incident lasted, or lasts. */
export function lengthOf({ started, closed }: Incident, now: number): string {
  return duration((closed ? Date.parse(closed) : now) - Date.parse(started))
}

/** What part a node had in an incident; nothing when it had none. */
export function partIn(i: Incident, node: string): string | undefined {
  const candidate = i.candidates.find((c) => c.node === node)
  if (candidate?.likely) return 'its likely cause'
  if (i.entries.some((e) => e.node === node)) return 'an entry that was hit'
  if (i.members.some((m) => m.node === node || m.callee === node)) return 'ill with it'
  return candidate && 'a possible cause'
}

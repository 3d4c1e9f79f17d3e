import type { Incident, IncidentMember, IncidentStep, Sign } from '../../api/model'
import { clock, count, duration, plural, share } from '../../format/format'
import type { Health } from '../../graph/red'

/** What is wrong, as the end of a sentence. */
export const AILMENT: Record<Sign, string> = {
  failing: 'requests fail', tolerated: 'calls fail that requests survive', slow: 'requests are slow', different: 'requests make other calls than before', '': 'something is ill',
}

/** What an incident is called: its likely causes and what is wrong. */
export function titleOf({ candidates, sign }: Incident): string {
  if (candidates.length === 0) return `No cause found yet: ${AILMENT[sign]}`
  const causes = candidates.filter((c, n) => n === 0 || c.likely).map((c) => c.node_name || c.node)
  return `${causes.join(' and ')}: ${AILMENT[sign]}`
}

/** How much a sign counts: requests and calls by number, slowness in time. */
export function unitsText(units: number, sign: Sign): string {
  if (sign === 'slow') return `${duration(units * 1000)} added`
  return plural(Math.round(units), sign === 'tolerated' ? 'failed call' : sign === 'different' ? 'different request' : 'failed request')
}

/** What a member showed when it was clearest. */
export function memberText(m: IncidentMember): string {
  const what = m.callee ? 'call' : 'request'
  const suspected = m.suspected ? ', suspected' : ''
  if (m.times !== null) {
    if (m.sign === 'different' && m.times >= 1000) return `${plural(Math.round(m.requests), what)} made calls that they did not make before${suspected}`
    const times = `${m.times < 10 ? m.times.toFixed(1) : Math.round(m.times)}×`
    return m.sign === 'different'
      ? `${plural(Math.round(m.requests), what)} made ${times} as many calls as before${suspected}`
      : `${plural(Math.round(m.requests), what)} took ${times} as long as before${suspected}`
  }
  const before = m.before > 0 ? `, ${share(m.before, 1)} before` : ''
  return `${count(m.bad)} of ${count(m.requests)} ${what}s ${m.sign === 'slow' ? 'slow' : 'failed'} (${share(m.bad, m.requests)}${before})${suspected}`
}

/** The window of an incident, with a while before it to compare with. */
export function windowOf({ started, closed }: Pick<Incident, 'started' | 'closed'>): { from: string; to: string } {
  return {
    from: new Date(Date.parse(started) - 10 * 60_000).toISOString(),
    to: closed ? new Date(Date.parse(closed) + 5 * 60_000).toISOString() : 'now',
  }
}

/** The time in which something was ill, as far as it has come. */
export function illTime({ started, closed, last_ill }: Pick<Incident, 'started' | 'closed' | 'last_ill'>): { from: string; to: string } {
  return { from: started, to: closed ? last_ill : 'now' }
}

/** How many calls of a step failed; of slowness, how many there were. */
export function stepText({ calls, failed }: IncidentStep, sign: Sign): string {
  if (failed > 0) return `${count(failed)} of ${plural(calls, 'call')} failed (${share(failed, calls)})`
  return sign === 'slow' ? plural(calls, 'call') : `${plural(calls, 'call')}, none failed`
}

const QUIET_MS = 60_000

/** Whether an incident still shows, has not for a minute and may come back, or is over. */
export function phaseOf(i: Pick<Incident, 'closed' | 'last_ill'>, now: number): 'Lasting' | 'Quiet' | 'Over' {
  if (i.closed) return 'Over'
  return now - Date.parse(i.last_ill) > QUIET_MS ? 'Quiet' : 'Lasting'
}

/** How much an incident asks for: nothing once it is over. */
export function incidentHealth(i: Pick<Incident, 'closed' | 'last_ill' | 'suspected'>, now: number): Health {
  const phase = phaseOf(i, now)
  if (phase === 'Over') return 'ok'
  return phase === 'Quiet' || i.suspected ? 'warn' : 'bad'
}

/** How long an incident lasted, or lasts. */
export function lengthOf(i: Pick<Incident, 'started' | 'closed' | 'last_ill'>, now: number): string {
  return duration((phaseOf(i, now) === 'Lasting' ? now : Date.parse(i.closed ?? i.last_ill)) - Date.parse(i.started))
}

/** Until when an incident shows. */
export function stateOf(i: Pick<Incident, 'closed' | 'last_ill'>, now: number): string {
  return { Over: 'until nothing was ill', Quiet: `no sign since ${clock(new Date(i.last_ill))}`, Lasting: 'still ill' }[phaseOf(i, now)]
}

/** What part a node had in an incident; nothing when it had none. */
export function partIn(i: Incident, node: string): string | undefined {
  const candidate = i.candidates.find((c) => c.node === node)
  if (candidate?.likely) return 'its likely cause'
  if (i.entries.some((e) => e.node === node)) return 'an entry that was hit'
  if (i.members.some((m) => m.node === node || m.callee === node)) return 'ill with it'
  return candidate && 'a possible cause'
}

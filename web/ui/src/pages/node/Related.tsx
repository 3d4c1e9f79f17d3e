import type { Incident } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { Loaded } from '../../components/Loaded'
import { IncidentLink, ViewLink } from '../../components/ViewLink'
import { ago, dateTime } from '../../format/format'
import { useFindings, useIncidents } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { SEVERITY_MARK, SEVERITY_TEXT, topicOf } from '../findings/words'
import { incidentHealth, lengthOf, partIn, phaseOf, titleOf } from '../incidents/words'

/** The incidents in which a node had a part. */
export function Incidents({ id }: { id: string }) {
  const query = useIncidents()
  const now = useNow()
  return (
    <Loaded query={query}>
      {({ incidents }) => {
        const its = incidents.flatMap((i): [Incident, string][] => {
          const part = partIn(i, id)
          return part ? [[i, part]] : []
        })
        if (its.length === 0) return <p className="text-ink-3">None of the latest incidents concerns it.</p>
        return (
          <ul aria-label="Incidents">
            {its.slice(0, 8).map(([i, part]) => (
              <li key={i.id} className="border-line border-t py-2 first:border-t-0 first:pt-0">
                <span className="flex items-baseline gap-2">
                  <HealthMark health={incidentHealth(i, now)} silent />
                  <IncidentLink id={i.id} className="link min-w-0 flex-1 truncate font-medium">{titleOf(i)}</IncidentLink>
                  <time className="num text-ink-3 text-xs whitespace-nowrap" dateTime={i.started} title={dateTime(new Date(i.started))}>{ago(Date.parse(i.started), now)}</time>
                </span>
                <span className="text-ink-3 num block pl-5 text-xs">{part}; {phaseOf(i, now) === 'Lasting' ? 'lasting for' : 'over after'} {lengthOf(i, now)}</span>
              </li>
            ))}
          </ul>
        )
      }}
    </Loaded>
  )
}

/** The findings about a node, or about its dependency on one callee. */
export function NodeFindings({ id, callee }: { id: string; callee?: string }) {
  const query = useFindings({ node: id, state: 'all', limit: 200 })
  const now = useNow()
  return (
    <Loaded query={query}>
      {({ findings }) => {
        const its = callee ? findings.filter((f) => f.node === id && f.callee === callee) : findings
        if (its.length === 0) return <p className="text-ink-3">Nothing that is worth acting on was found.</p>
        return (
          <>
            <ul aria-label="Findings">
              {its.slice(0, 8).map((f) => (
                <li key={f.id} className="border-line border-t py-2 first:border-t-0 first:pt-0" data-state={f.state}>
                  <span className="flex items-baseline gap-2">
                    <HealthMark health={f.state === 'open' ? SEVERITY_MARK[f.severity] : 'ok'} silent />
                    <ViewLink to="/findings" patch={{ finding: f.id, state: f.state, severity: 'info', about: id, kind: undefined }} className="link min-w-0 flex-1">{f.title}</ViewLink>
                  </span>
                  <span className="text-ink-3 num block pl-5 text-xs">
                    {f.state === 'open' ? SEVERITY_TEXT[f.severity] : 'Resolved'} · {topicOf(f.kind)} · {f.state === 'open' ? `open since ${ago(Date.parse(f.opened), now)}` : ago(Date.parse(f.changed), now)}
                  </span>
                </li>
              ))}
            </ul>
            {its.length > 8 && <p className="mt-1"><ViewLink to="/findings" patch={{ about: id, severity: 'info' }} className="link">All {its.length} findings</ViewLink></p>}
          </>
        )
      }}
    </Loaded>
  )
}

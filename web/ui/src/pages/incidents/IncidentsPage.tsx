import type { Incident } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { HealthMark } from '../../components/HealthMark'
import { Page } from '../../components/Page'
import { IncidentLink } from '../../components/ViewLink'
import { ago, count, dateTime, plural, share } from '../../format/format'
import { useIncidents } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { Phase } from './Phase'
import { incidentHealth, lengthOf, titleOf } from './words'

/** What went wrong lately, the lasting first. */
export function IncidentsPage() {
  const query = useIncidents()
  const now = useNow()
  if (!query.data) {
    return query.error
      ? <ErrorState problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      : <p className="text-ink-3 p-6" role="status">Loading the incidents…</p>
  }
  const { at, incidents } = query.data
  return (
    <Page title="Incidents" note={<>What went wrong and what caused it{at && <>, as of the last look {ago(Date.parse(at), now)}</>}</>}>
      {query.error && (
        <p role="status" className="text-warn flex items-center gap-2"><HealthMark health="warn" silent /> The last refresh did not work: {problemFrom(query.error).message}</p>
      )}
      {incidents.length === 0 ? <Nothing looked={at !== null} /> : (
        <ul className="card overflow-hidden" aria-label="Incidents">
          {incidents.map((i) => <Item key={i.id} incident={i} now={now} />)}
        </ul>
      )}
    </Page>
  )
}

function Item({ incident: i, now }: { incident: Incident; now: number }) {
  const first = i.candidates[0]
  const worst = i.entries.reduce((most, e) => Math.max(most, e.requests > 0 ? e.bad / e.requests : 0), 0)
  return (
    <li className="border-line border-t first:border-t-0" data-incident={i.id} data-open={i.closed === null}>
      <IncidentLink id={i.id} className="hover:bg-sunken flex items-start gap-3 px-4 py-3 sm:px-5">
        <span className="pt-1"><HealthMark health={incidentHealth(i, now)} silent /></span>
        <span className="min-w-0 flex-1">
          <span className="block text-base font-semibold wrap-anywhere">{titleOf(i)}</span>
          <span className="text-ink-3 num block text-xs">
            <Phase of={i} now={now} />{i.suspected && ', suspected'} · {lengthOf(i, now)} · {count(i.members.length)} ill · {plural(i.entries.length, 'entry', 'entries')} hit
            {i.entries.length > 0 && `, up to ${share(worst, 1)} of their requests`}{first && ` · its cause explains ${share(first.share, 1)}`}
          </span>
        </span>
        <time className="text-ink-3 num text-xs whitespace-nowrap" dateTime={i.started} title={dateTime(new Date(i.started))}>began {ago(Date.parse(i.started), now)}</time>
      </IncidentLink>
    </li>
  )
}

function Nothing({ looked }: { looked: boolean }) {
  if (!looked) return <p className="text-ink-2" role="status">The first look is still under way.</p>
  return (
    <section className="card p-5">
      <h2 className="flex items-center gap-2 text-base font-semibold"><HealthMark health="ok" silent /> Nothing has gone wrong yet</h2>
      <p className="text-ink-2 mt-2 max-w-prose">
        An incident begins when operations fail or slow down far beyond what the last hour had, in two looks in a row. It names the likely
        cause by following the blame along the calls, also to a service that is dead and tells nothing.
      </p>
    </section>
  )
}

import type { ReactNode } from 'react'
import type { Incident } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { HealthMark } from '../../components/HealthMark'
import { TraceLink, ViewLink } from '../../components/ViewLink'
import { ago, clock, count, dateTime, share } from '../../format/format'
import { useIncidents } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { select, useView } from '../../hooks/useView'
import { lengthOf, memberText, reasonOf, titleOf, unitsText } from './words'

/** What went wrong, what caused it, how it spread and whom it hit. */
export function IncidentsPage() {
  const [view] = useView()
  const query = useIncidents()
  const now = useNow()
  if (!query.data) {
    return query.error
      ? <ErrorState problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      : <p className="text-ink-3 p-6" role="status">Loading the incidents…</p>
  }
  const { at, incidents } = query.data
  const open = view.incident ?? incidents[0]?.id
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Incidents">
      <div className="mx-auto flex w-full max-w-5xl flex-col gap-4 p-4 pb-12 sm:p-6">
        <header className="flex flex-wrap items-baseline gap-x-3">
          <h1 className="text-xl font-semibold tracking-tight">Incidents</h1>
          <p className="text-ink-2">What went wrong and what caused it{at && <>, as of the last look {ago(Date.parse(at), now)}</>}</p>
        </header>
        {query.error && (
          <p role="status" className="text-warn flex items-center gap-2"><HealthMark health="warn" silent /> The last refresh did not work: {problemFrom(query.error).message}</p>
        )}
        {incidents.length === 0 ? <Nothing looked={at !== null} /> : (
          <ul className="flex flex-col gap-4" aria-label="Incidents">
            {incidents.map((i) => <Item key={i.id} incident={i} now={now} open={i.id === open} />)}
          </ul>
        )}
      </div>
    </div>
  )
}

function Item({ incident: i, now, open }: { incident: Incident; now: number; open: boolean }) {
  const [, change] = useView()
  const body = `incident-${i.id}`
  return (
    <li className="border-line bg-surface shadow-card overflow-hidden rounded-xl border" data-incident={i.id} data-open={i.closed === null}>
      <h2>
        <button type="button" className="hover:bg-sunken flex w-full items-start gap-3 px-4 py-3 text-left sm:px-5" aria-expanded={open} aria-controls={body}
          onClick={() => change({ incident: open ? '-' : i.id }, { replace: true })}>
          <span className="pt-1"><HealthMark health={i.closed === null ? 'bad' : 'ok'} silent /></span>
          <span className="min-w-0 flex-1">
            <span className="block text-base font-semibold">{titleOf(i)}</span>
            <span className="text-ink-3 num block text-xs">
              {i.closed === null ? <b className="text-bad font-medium">Lasting</b> : 'Over'} · {lengthOf(i, now)} · {count(i.members.length)} ill · {count(i.entries.length)} {i.entries.length === 1 ? 'entry' : 'entries'} hit
            </span>
          </span>
          <time className="text-ink-3 num text-xs whitespace-nowrap" dateTime={i.started} title={dateTime(new Date(i.started))}>began {ago(Date.parse(i.started), now)}</time>
        </button>
      </h2>
      {open && <div id={body} className="border-line grid gap-x-10 gap-y-6 border-t px-4 py-4 sm:px-5 lg:grid-cols-2"><Details incident={i} /></div>}
    </li>
  )
}

function Details({ incident: i }: { incident: Incident }) {
  return (
    <>
      <Part title="Possible causes" note="by share of the blame">
        {i.candidates.length === 0 && <p className="text-ink-3">What is ill does not point anywhere yet.</p>}
        <ol aria-label="Possible causes">
          {i.candidates.map((c) => (
            <li key={c.node} className="border-line border-t py-2 first:border-t-0">
              <span className="flex items-baseline justify-between gap-2">
                <Name id={c.node} name={c.node_name} strong />
                <span className="num whitespace-nowrap"><b className="font-semibold">{share(c.share, 1)}</b> {c.likely && <span className="text-bad font-medium">likely</span>}</span>
              </span>
              <span className="bg-sunken my-1 block h-1.5 overflow-hidden rounded-full" aria-hidden="true"><span className="block h-full" style={{ width: `${c.share * 100}%`, background: 'var(--bad-line)' }} /></span>
              <span className="text-ink-2 num block text-xs">{unitsText(c.units, i.sign)}: {reasonOf(c, i.sign)}.{c.trace && <> <TraceLink id={c.trace} className="link">Example trace</TraceLink></>}</span>
            </li>
          ))}
        </ol>
      </Part>
      <Part title="Entries hit" note="called from outside">
        {i.entries.length === 0 && <p className="text-ink-3">No operation that is called from outside is ill.</p>}
        <ul aria-label="Entries hit">
          {i.entries.map((e) => (
            <li key={`${e.node} ${e.operation}`} className="border-line flex items-baseline justify-between gap-3 border-t py-2 first:border-t-0">
              <span className="min-w-0 truncate"><Name id={e.node} name={e.node_name} /> <span className="text-ink-2">{e.operation}</span></span>
              <span className="num whitespace-nowrap"><b className="text-bad font-semibold">{share(e.bad, e.requests)}</b> <span className="text-ink-3 text-xs">of {count(e.requests)} in a minute</span></span>
            </li>
          ))}
        </ul>
      </Part>
      <Part title="How it spread" note="from the first cause to its callers">
        {i.path.length === 0 && <p className="text-ink-3">It did not spread to callers.</p>}
        <ol aria-label="How it spread">
          {i.path.map((s) => (
            <li key={`${s.caller} ${s.callee}`} className="border-line flex flex-wrap items-baseline justify-between gap-x-3 border-t py-1.5 first:border-t-0">
              <span><Name id={s.callee} name={s.callee_name} /> <span className="text-ink-3" aria-label="to its caller">→</span> <Name id={s.caller} name={s.caller_name} /></span>
              <span className="num text-ink-3 text-xs">{count(s.failed)} of {count(s.calls)} calls failed{s.onset && <>, ill since {clock(new Date(s.onset))}</>}</span>
            </li>
          ))}
        </ol>
      </Part>
      <Part title="Timeline" note="what fell ill when">
        <ol aria-label="Timeline">
          {i.members.map((m) => (
            <li key={`${m.node} ${m.callee} ${m.operation} ${m.sign}`} className="border-line flex gap-3 border-t py-1.5 first:border-t-0">
              <time className="num text-ink-3 text-xs" dateTime={m.onset}>{clock(new Date(m.onset))}</time>
              <span className="min-w-0 flex-1">
                <Name id={m.node} name={m.node_name} /> {m.callee ? <><span className="text-ink-3">calling</span> <Name id={m.callee} name={m.callee_name} /></> : <span className="text-ink-2">{m.operation}</span>}
                <span className="num text-ink-3 block text-xs">{memberText(m)}</span>
              </span>
            </li>
          ))}
          <li className="border-line flex gap-3 border-t py-1.5"><time className="num text-ink-3 text-xs" dateTime={i.opened}>{clock(new Date(i.opened))}</time> noticed</li>
          {i.closed && <li className="border-line flex gap-3 border-t py-1.5"><time className="num text-ink-3 text-xs" dateTime={i.closed}>{clock(new Date(i.closed))}</time> over</li>}
        </ol>
      </Part>
    </>
  )
}

function Part({ title, note, children }: { title: string; note: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h3 className="flex items-baseline gap-2"><span className="eyebrow">{title}</span><span className="text-ink-3 text-xs">{note}</span></h3>
      <div className="mt-1.5">{children}</div>
    </section>
  )
}

function Name({ id, name, strong }: { id: string; name: string; strong?: boolean }) {
  return <ViewLink to="/map" patch={select.node(id)} className={strong ? 'font-semibold hover:underline' : 'link'}>{name || id}</ViewLink>
}

function Nothing({ looked }: { looked: boolean }) {
  if (!looked) return <p className="text-ink-2" role="status">The first look is still under way.</p>
  return (
    <section className="border-line bg-surface shadow-card rounded-xl border p-5">
      <h2 className="flex items-center gap-2 text-base font-semibold"><HealthMark health="ok" silent /> Nothing has gone wrong yet</h2>
      <p className="text-ink-2 mt-2 max-w-prose">
        An incident begins when operations fail or slow down far beyond what the last hour had, in two looks in a row. It names the likely
        cause by following the blame along the calls, also to a service that is dead and tells nothing.
      </p>
    </section>
  )
}

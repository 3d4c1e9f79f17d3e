import { useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Incident } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { HealthMark } from '../../components/HealthMark'
import { Card, PageFrame, Tile, Tiles } from '../../components/Page'
import { EdgePageLink, NodePageLink, TraceLink, ViewLink } from '../../components/ViewLink'
import { clock, count, dateTime, duration, plural, share } from '../../format/format'
import { useIncidents, useTraces } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { Phase } from './Phase'
import { SpreadMap } from './SpreadMap'
import { illTime, incidentHealth, lengthOf, memberText, phaseOf, stateOf, stepText, titleOf, unitsText, windowOf } from './words'

/** One incident: what it did, what caused it and why one thinks so, how it spread, and what fell ill when. */
export function IncidentPage() {
  const { id } = useParams({ from: '/incidents/$id' })
  const query = useIncidents()
  if (!query.data) {
    return query.error
      ? <ErrorState problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      : <p className="text-ink-3 p-6" role="status">Loading the incident…</p>
  }
  const incident = query.data.incidents.find((i) => i.id === id)
  if (incident) return <Detail incident={incident} />
  return query.data.at === null ? <p className="text-ink-2 p-6" role="status">The first look is still under way.</p> : <Gone />
}

function Gone() {
  return (
    <div className="grid flex-1 place-items-center p-6">
      <section role="alert" className="max-w-md">
        <h1 className="text-lg font-semibold">This incident is not kept any more</h1>
        <p className="text-ink-2 mt-2 text-base">Only the latest incidents are. Its finding tells the rest, if that is still known.</p>
        <p className="mt-5 flex gap-2"><ViewLink to="/incidents" patch={{}} className="primary">The latest incidents</ViewLink> <ViewLink to="/findings" patch={{ kind: 'incident', state: 'all' }} className="control">Findings</ViewLink></p>
      </section>
    </div>
  )
}

function Detail({ incident: i }: { incident: Incident }) {
  const now = useNow()
  const first = i.candidates[0]
  const [bad, requests] = i.entries.reduce(([b, r], e) => [b + e.bad, r + e.requests], [0, 0])
  return (
    <PageFrame label={titleOf(i)} wide>
      <header className="flex flex-wrap items-start gap-x-4 gap-y-3" data-incident={i.id}>
        <div className="min-w-0 flex-1 basis-80">
          <p className="text-ink-3 text-xs"><ViewLink to="/incidents" patch={{}} className="link">Incidents</ViewLink></p>
          <h1 className="mt-1 flex items-center gap-2.5 text-xl leading-tight font-semibold tracking-tight wrap-anywhere"><HealthMark health={incidentHealth(i, now)} size={16} silent /> {titleOf(i)}</h1>
          <p className="text-ink-2 num mt-1">
            <Phase of={i} now={now} />, began {dateTime(new Date(i.started))}{i.suspected && ', suspected: chance makes it unlikely, and not impossible'}{i.closed && `, over at ${clock(new Date(i.closed))}`}
          </p>
        </div>
        <div className="flex flex-wrap gap-2">
          <ViewLink to="/map" patch={{ ...windowOf(i), lens: i.sign === 'slow' ? 'latency' : 'errors' }} className="control">The map at that time</ViewLink>
          {first && <ViewLink to="/whatif" patch={{ act: [`down.${first.node}`] }} className="control">What if it goes down?</ViewLink>}
        </div>
      </header>
      <Tiles>
        <Tile term={phaseOf(i, now) === 'Lasting' ? 'Lasts' : 'Lasted'} note={stateOf(i, now)}>{lengthOf(i, now)}</Tile>
        <Tile term="Noticed after" note={clock(new Date(i.opened))}>{duration(Math.max(0, Date.parse(i.opened) - Date.parse(i.started)))}</Tile>
        <Tile term="Likely cause" note={first?.likely ? `${share(first.share, 1)} of the blame` : 'none has half of the blame'}>{first?.likely ? <NodePageLink id={first.node} className="hover:underline" title={first.node_name}>{first.node_name}</NodePageLink> : 'open'}</Tile>
        <Tile term="Ill" note="operations and calls">{count(i.members.length)}</Tile>
        <Tile term="Entries hit" note="operations called from outside">{count(i.entries.length)}</Tile>
        <Tile term={i.sign === 'slow' ? 'Requests slow' : 'Requests failing'} note={requests > 0 ? 'of hit entries, when it was clearest' : 'nothing called from outside was hit'}>{requests > 0 ? share(bad, requests) : 'none'}</Tile>
      </Tiles>
      <Card title="How it spread" note="from the likely cause at the left to its callers, with the time after the first onset"><SpreadMap incident={i} /><Steps incident={i} /></Card>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title="Possible causes" note="by share of the blame"><Causes incident={i} /></Card>
        <Card title="Entries hit" note="called from outside"><Entries incident={i} /></Card>
      </div>
      <Card title="Timeline" note="what fell ill when"><Timeline incident={i} now={now} /></Card>
    </PageFrame>
  )
}

/** The calls along which it spread, each with its counts and traces. */
function Steps({ incident: i }: { incident: Incident }) {
  if (i.path.length === 0) return null
  return (
    <ol className="mt-4" aria-label="Steps">
      {i.path.map((s) => (
        <li key={`${s.caller} ${s.callee}`} className="border-line num flex flex-wrap items-baseline gap-x-4 gap-y-0.5 border-t py-1.5" data-step={`${s.caller_name}>${s.callee_name}`}>
          <EdgePageLink id={`${s.caller}-${s.callee}`} patch={windowOf(i)} className="link min-w-0 wrap-anywhere sm:w-80">{s.caller_name || s.caller} → {s.callee_name || s.callee}</EdgePageLink>
          <span className="text-ink-2 text-xs sm:w-56">{stepText(s, i.sign)}</span>
          <Evidence traces={s.traces} of={{ edge: `${s.caller}-${s.callee}` }} incident={i}
            otherwise={<EdgePageLink id={`${s.caller}-${s.callee}`} patch={windowOf(i)} className="link">Traces of these calls at that time</EdgePageLink>} />
        </li>
      ))}
    </ol>
  )
}

interface EvidenceProps {
  traces: string[]
  of: { edge: string } | { node: string }
  incident: Incident
  /** Where to look further if there are none. */
  otherwise: ReactNode
}

/** Traces that show it: those noted, or, since only failures are, the slowest that are kept. */
function Evidence(props: EvidenceProps) {
  if (props.traces.length > 0) return <Examples title="Example traces" traces={props.traces} />
  return props.incident.sign === 'slow' ? <Slowest {...props} /> : <span className="text-ink-3 text-xs">{props.otherwise}</span>
}

const SLOWEST = 5

function Slowest({ of, incident, otherwise }: EvidenceProps) {
  const { data, isPending } = useTraces(of, 'slow', illTime(incident), SLOWEST)
  if (isPending) return null
  if (!data || data.traces.length === 0) return <span className="text-ink-3 text-xs">{otherwise}</span>
  return <Examples title="Slowest traces" traces={data.traces.map((t) => t.id)} />
}

function Examples({ title, traces }: { title: string; traces: string[] }) {
  return (
    <span className="text-ink-3 text-xs">
      {title} {traces.map((id, n) => <TraceLink key={id} id={id} className="link mr-1" aria-label={`${title.replace(/s$/, '')} ${n + 1}`}>{n + 1}</TraceLink>)}
    </span>
  )
}


function Causes({ incident: i }: { incident: Incident }) {
  if (i.candidates.length === 0) return <p className="text-ink-3">What is ill does not point anywhere yet.</p>
  return (
    <ol aria-label="Possible causes">
      {i.candidates.map((c) => (
        <li key={c.node} className="border-line border-t py-2.5 first:border-t-0 first:pt-0" data-candidate={c.node_name}>
          <span className="flex items-baseline justify-between gap-2">
            <NodePageLink id={c.node} patch={windowOf(i)} className="min-w-0 truncate font-semibold hover:underline" title={c.node_name}>{c.node_name || c.node}</NodePageLink>
            <span className="num whitespace-nowrap"><b className="font-semibold">{share(c.share, 1)}</b> {c.likely && <span className="text-bad font-medium">likely</span>}</span>
          </span>
          <span className="bg-sunken my-1 block h-1.5 overflow-hidden rounded-full" aria-hidden="true"><span className="block h-full" style={{ width: `${c.share * 100}%`, background: 'var(--bad-line)' }} /></span>
          <ul className="text-ink-2 num list-disc pl-4 text-xs" aria-label={`Why ${c.node_name || c.node}`}>
            {c.reasons.map((r) => <li key={r.kind}>{r.text}</li>)}
            {c.reasons.length === 0 && <li>{unitsText(c.units, i.sign)}</li>}
          </ul>
          <Evidence traces={c.traces} of={{ node: c.node }} incident={i}
            otherwise={<NodePageLink id={c.node} patch={windowOf(i)} className="link">Traces of it at that time</NodePageLink>} />
        </li>
      ))}
    </ol>
  )
}

function Entries({ incident: i }: { incident: Incident }) {
  if (i.entries.length === 0) return <p className="text-ink-3">No operation that is called from outside is ill.</p>
  return (
    <ul aria-label="Entries hit">
      {i.entries.map((e) => (
        <li key={`${e.node} ${e.operation}`} className="border-line border-t py-2 first:border-t-0 first:pt-0">
          <span className="flex items-baseline justify-between gap-3">
            <span className="min-w-0 truncate"><NodePageLink id={e.node} patch={windowOf(i)} className="link">{e.node_name || e.node}</NodePageLink> <span className="text-ink-2">{e.operation}</span></span>
            <span className="num whitespace-nowrap"><b className="text-bad font-semibold">{share(e.bad, e.requests)}</b> <span className="text-ink-3 text-xs">of {count(e.requests)}</span></span>
          </span>
          <span className="bg-sunken mt-1 block h-1.5 overflow-hidden rounded-full" aria-hidden="true"><span className="block h-full" style={{ width: `${e.requests > 0 ? (e.bad / e.requests) * 100 : 0}%`, background: 'var(--bad-line)' }} /></span>
        </li>
      ))}
    </ul>
  )
}

const SHOWN = 40

/** What fell ill when: each with its time, and a bar from then to the end. */
function Timeline({ incident: i, now }: { incident: Incident; now: number }) {
  const start = Date.parse(i.started)
  const end = Math.max(i.closed ? Date.parse(i.closed) : now, start + 1)
  const place = (at: string) => `${Math.min(100, Math.max(0, ((Date.parse(at) - start) / (end - start)) * 100))}%`
  const members = i.members.toSorted((a, b) => a.onset.localeCompare(b.onset))
  return (
    <>
      <ol className="num" aria-label="Timeline">
        {members.slice(0, SHOWN).map((m) => (
          <Moment key={`${m.node} ${m.callee} ${m.operation} ${m.sign}`} at={m.onset} start={start} left={place(m.onset)} right={place(i.last_ill)}>
            <span className="block truncate">
              {m.callee
                ? <EdgePageLink id={`${m.node}-${m.callee}`} patch={windowOf(i)} className="link">{m.node_name} → {m.callee_name}</EdgePageLink>
                : <><NodePageLink id={m.node} patch={windowOf(i)} className="link">{m.node_name || m.node}</NodePageLink> <span className="text-ink-2">{m.operation}</span></>}
            </span>
            <span className="text-ink-3 block text-xs">{memberText(m)}</span>
          </Moment>
        ))}
        <Moment at={i.opened} start={start} left={place(i.opened)}><b className="font-medium">noticed</b></Moment>
        {i.closed && <Moment at={i.closed} start={start} left={place(i.closed)}><b className="font-medium">over</b></Moment>}
      </ol>
      {members.length > SHOWN && <p className="text-ink-3 mt-2 text-xs">and {plural(members.length - SHOWN, 'more', 'more')} that fell ill later</p>}
    </>
  )
}

interface MomentProps {
  at: string
  start: number
  left: string
  /** End of the bar; without it the moment is a mark. */
  right?: string
  children: ReactNode
}

function Moment({ at, start, left, right, children }: MomentProps) {
  return (
    <li className="border-line grid grid-cols-[4.5rem_minmax(0,1fr)] items-center gap-x-3 border-t py-1.5 first:border-t-0 sm:grid-cols-[4.5rem_4.5rem_minmax(0,20rem)_minmax(0,1fr)]">
      <time className="text-ink-3 text-xs" dateTime={at}>{clock(new Date(at))}</time>
      <span className="text-ink-3 hidden text-right text-xs sm:block">{Date.parse(at) > start && `+ ${duration(Date.parse(at) - start)}`}</span>
      <span className="min-w-0">{children}</span>
      <span className="bg-sunken relative col-start-2 mt-1 block h-2 rounded-full sm:col-start-auto sm:mt-0" aria-hidden="true">
        {right === undefined
          ? <span className="absolute -inset-y-1 w-0.5" style={{ left: `min(${left}, 100% - 2px)`, background: 'var(--ink)' }} />
          : <span className="absolute inset-y-0 rounded-full" style={{ left, right: `calc(100% - max(${right}, ${left} + 0.6%))`, background: 'var(--bad-line)', opacity: 0.75 }} />}
      </span>
    </li>
  )
}

import { useEffect, useRef } from 'react'
import type { Finding } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { Probability, VerdictBadge } from '../../components/Verdict'
import { EdgePageLink, IncidentLink, NodePageLink, TraceLink, ViewLink } from '../../components/ViewLink'
import { ago, dateTime, plural } from '../../format/format'
import { useDependencies, useFinding } from '../../hooks/queries'
import { select, useView } from '../../hooks/useView'
import { Loaded } from '../../components/Loaded'
import { windowOf } from '../incidents/words'
import { MarkForm } from './MarkForm'
import { confidenceText, factText, SEVERITY_COLOUR, SEVERITY_MARK, SEVERITY_TEXT, topicOf } from './words'

/** A finding as a line that unfolds into its evidence. */
export function FindingItem({ finding: f, now }: { finding: Finding; now: number }) {
  const [view, change] = useView()
  const open = view.finding === f.id
  const item = useRef<HTMLLIElement>(null)
  // A link that names a finding brings it into sight.
  const named = useRef(open)
  useEffect(() => {
    if (named.current) item.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  const body = `finding-${f.id}`
  return (
    <li ref={item} className="border-line border-t first:border-t-0" data-finding={f.kind} data-id={f.id} data-severity={f.severity}>
      <h2>
        <button type="button" className="hover:bg-sunken flex w-full items-start gap-3 px-4 py-3 text-left sm:px-5" aria-expanded={open} aria-controls={body}
          onClick={() => change({ finding: open ? undefined : f.id }, { replace: true })}>
          <span className="pt-1"><HealthMark health={SEVERITY_MARK[f.severity]} silent /></span>
          <span className="min-w-0 flex-1">
            <span className="block font-semibold">{f.title}</span>
            <span className="text-ink-3 num block text-xs">
              <span className={`font-medium ${SEVERITY_COLOUR[f.severity]}`}>{SEVERITY_TEXT[f.severity]}</span> · {topicOf(f.kind)} · <span className="whitespace-nowrap">{confidenceText(f)}</span>
              {f.mark && <> · <b className="text-ink-2 font-medium">{f.mark.what}{f.mark.by && ` by ${f.mark.by}`}{f.mark.until && ` until ${dateTime(new Date(f.mark.until))}`}</b></>}
            </span>
          </span>
          <time className="text-ink-3 num text-xs whitespace-nowrap" dateTime={f.opened} title={dateTime(new Date(f.opened))}>
            {f.state === 'open' ? `open for ${ago(Date.parse(f.opened), now).replace(' ago', '')}` : `resolved ${ago(Date.parse(f.changed), now)}`}
          </time>
        </button>
      </h2>
      {open && <div id={body} className="border-line bg-canvas border-t px-4 py-4 sm:px-5 sm:pl-11"><Details finding={f} /></div>}
    </li>
  )
}

function Details({ finding: f }: { finding: Finding }) {
  return (
    <div className="grid gap-x-10 gap-y-5 lg:grid-cols-[3fr_2fr]">
      <div className="flex min-w-0 flex-col gap-4">
        <p className="max-w-prose">{f.detail}</p>
        <Subject finding={f} />
        {(f.facts.length > 0 || f.node) && <section aria-label="Evidence">
          <h3 className="eyebrow">Evidence</h3>
          {f.kind.startsWith('dependency.') && f.node && f.callee && <Judged caller={f.node} callee={f.callee} operation={f.operation} />}
          <table className="num mt-1 w-full">
            <tbody>
              {f.facts.map((x) => (
                <tr key={x.name}>
                  <th scope="row" className="text-ink-2 border-line border-t py-1 pr-4 text-left font-normal">{x.name}</th>
                  <td className="border-line border-t py-1 text-right">{factText(x)} {x.text && <span className="text-ink-3 text-xs">{x.text}</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Examples finding={f} />
        </section>}
        {f.kind.startsWith('slo.') && <p><ViewLink to="/objectives" patch={{ finding: undefined }} className="link">All objectives</ViewLink></p>}
      </div>
      <div className="flex flex-col gap-4">
        <MarkForm finding={f} />
        <History id={f.id} />
      </div>
    </div>
  )
}

/** What the finding is about, each a link to everything known of it. */
function Subject({ finding: f }: { finding: Finding }) {
  return (
    <p className="flex flex-wrap gap-x-4 gap-y-1" role="group" aria-label="Subject">
      {f.node && f.callee && <EdgePageLink id={`${f.node}-${f.callee}`} className="link">{f.node_name || f.node} → {f.callee_name || f.callee}</EdgePageLink>}
      {f.node && <NodePageLink id={f.node} className="link">{f.node_name || f.node}</NodePageLink>}
      {f.callee && <NodePageLink id={f.callee} className="link">{f.callee_name || f.callee}</NodePageLink>}
      {f.incident && <IncidentLink id={f.incident} className="link">The incident</IncidentLink>}
      {f.node && <ViewLink to="/map" patch={{ ...select.node(f.node), focus: f.node, depth: 1, finding: undefined }} className="link">On the map</ViewLink>}
      {f.operation && <span className="text-ink-2">{f.operation}</span>}
    </p>
  )
}

/** The verdict that a finding speaks of as it is now, with its interval. */
function Judged({ caller, callee, operation }: { caller: string; callee: string; operation: string }) {
  const { data } = useDependencies(caller)
  const between = (x: { caller: string; callee: string }) => x.caller === caller && x.callee === callee
  const now = data?.call_sites.find((s) => between(s) && s.operation === operation) ?? data?.edges.find(between)
  if (!now) return null
  return (
    <p className="mt-1.5 flex flex-wrap items-center gap-x-5 gap-y-1" data-verdict={now.verdict}>
      <span className="text-ink-3 text-xs">now</span> <VerdictBadge of={now} /> <Probability of={now} />
    </p>
  )
}

/** Traces of the finding; where it names none, how to find some. */
function Examples({ finding: f }: { finding: Finding }) {
  if (f.traces.length > 0) {
    return (
      <p className="mt-2 flex flex-wrap gap-x-3">
        <span className="text-ink-3">Example traces</span>
        {f.traces.map((t) => <TraceLink key={t} id={t} className="link font-mono text-xs">{t.slice(0, 8)}</TraceLink>)}
      </p>
    )
  }
  if (!f.node) return null
  // An incident is over at some time; what else there is to see is to be seen now.
  const since = f.since ?? f.opened
  const at = f.kind === 'incident' ? windowOf({ started: since, closed: f.state === 'open' ? null : f.last }) : undefined
  return (
    <p className="text-ink-3 mt-2">
      It keeps no example of its own. {f.callee
        ? <EdgePageLink id={`${f.node}-${f.callee}`} patch={at} className="link">Traces of these calls</EdgePageLink>
        : <NodePageLink id={f.node} patch={at} className="link">Traces of {f.node_name || f.node}{at && ' at that time'}</NodePageLink>}
    </p>
  )
}

function History({ id }: { id: string }) {
  const query = useFinding(id)
  return (
    <section aria-label="History">
      <h3 className="eyebrow">History</h3>
      <Loaded query={query}>
        {({ finding, events }) => (
          <>
            <ol className="num mt-1 text-xs">
              {events.map((e) => (
                <li key={`${e.at} ${e.what}`} className="border-line flex justify-between gap-3 border-t py-1">
                  <span>{e.what}, {SEVERITY_TEXT[e.severity].toLowerCase()}</span>
                  <time className="text-ink-3" dateTime={e.at}>{dateTime(new Date(e.at))}</time>
                </li>
              ))}
            </ol>
            <p className="text-ink-3 num mt-1 text-xs">
              {finding.since && `Holds since ${dateTime(new Date(finding.since))}. `}Seen first {dateTime(new Date(finding.first))}, opened {plural(finding.openings, 'time')}.
            </p>
          </>
        )}
      </Loaded>
    </section>
  )
}

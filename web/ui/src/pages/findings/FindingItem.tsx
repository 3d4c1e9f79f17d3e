import type { Finding } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { TraceLink, ViewLink } from '../../components/ViewLink'
import { ago, dateTime, plural } from '../../format/format'
import { useFinding } from '../../hooks/queries'
import { select, useView } from '../../hooks/useView'
import { Loaded } from '../panel/parts'
import { MarkForm } from './MarkForm'
import { confidenceText, factText, SEVERITY_COLOUR, SEVERITY_MARK, SEVERITY_TEXT, topicOf } from './words'

/** A finding as a line that unfolds into its evidence. */
export function FindingItem({ finding: f, now }: { finding: Finding; now: number }) {
  const [view, change] = useView()
  const open = view.finding === f.id
  const body = `finding-${f.id}`
  return (
    <li className="border-line border-t first:border-t-0" data-finding={f.kind} data-severity={f.severity}>
      <h2>
        <button type="button" className="hover:bg-sunken flex w-full items-start gap-3 px-4 py-3 text-left sm:px-5" aria-expanded={open} aria-controls={body}
          onClick={() => change({ finding: open ? undefined : f.id }, { replace: true })}>
          <span className="pt-1"><HealthMark health={SEVERITY_MARK[f.severity]} silent /></span>
          <span className="min-w-0 flex-1">
            <span className="block font-semibold">{f.title}</span>
            <span className="text-ink-3 num block text-xs">
              <span className={`font-medium ${SEVERITY_COLOUR[f.severity]}`}>{SEVERITY_TEXT[f.severity]}</span> · {topicOf(f.kind)} · {confidenceText(f)}
              {f.mark && <> · <b className="text-ink-2 font-medium">{f.mark.what}{f.mark.by && ` by ${f.mark.by}`}</b></>}
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
      <div className="flex flex-col gap-4">
        <p className="max-w-prose">{f.detail}</p>
        <p className="flex flex-wrap gap-x-4 gap-y-1">
          {f.node && <ViewLink to="/map" patch={{ ...select.node(f.node), finding: undefined }} className="link">{f.node_name || f.node}</ViewLink>}
          {f.callee && <ViewLink to="/map" patch={{ ...select.node(f.callee), finding: undefined }} className="link">{f.callee_name || f.callee}</ViewLink>}
          {f.incident && <ViewLink to="/incidents" patch={{ incident: f.incident, finding: undefined }} className="link">The incident</ViewLink>}
          {f.operation && <span className="text-ink-2">{f.operation}</span>}
        </p>
        <section aria-label="Evidence">
          <h3 className="eyebrow">Evidence</h3>
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
          {f.traces.length > 0 && (
            <p className="mt-2 flex flex-wrap gap-x-3">
              <span className="text-ink-3">Example traces</span>
              {f.traces.map((t) => <TraceLink key={t} id={t} className="link font-mono text-xs">{t.slice(0, 8)}</TraceLink>)}
            </p>
          )}
        </section>
      </div>
      <div className="flex flex-col gap-4">
        <MarkForm finding={f} />
        <History id={f.id} />
      </div>
    </div>
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

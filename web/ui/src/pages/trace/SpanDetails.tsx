import type { ReactNode } from 'react'
import type { Trace } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { ArrowIcon, TypeTile } from '../../components/icons'
import { ViewLink } from '../../components/ViewLink'
import { clock, duration, share } from '../../format/format'
import { LEAVING, select } from '../../hooks/useView'
import type { SpanRow } from './waterfall'
import { KIND_TEXT, OUTCOME_TEXT } from './words'

/** What is known of the selected span, and the way from it to the map. */
export function SpanDetails({ row, trace }: { row: SpanRow | undefined; trace: Trace }) {
  return (
    <section aria-label="Selected span"
      className="border-line bg-surface max-h-[45%] w-full shrink-0 overflow-y-auto border-t p-5 lg:max-h-none lg:w-80 lg:border-t-0 lg:border-l">
      {row ? <Details row={row} trace={trace} /> : (
        <p className="text-ink-3">Select a span to see what is known of it. Arrow keys walk the tree; right opens a span, left shuts it.</p>
      )}
    </section>
  )
}

function Details({ row, trace }: { row: SpanRow; trace: Trace }) {
  const { span } = row
  const node = trace.nodes.find((n) => n.id === span.node)
  const name = node?.name || span.node
  return (
    <>
      <div className="flex items-center gap-2.5">
        <TypeTile type={node?.type ?? 'service'} size={28} />
        <div className="min-w-0">
          <h2 className="truncate font-semibold" title={span.operation}>{span.operation}</h2>
          <p className="text-ink-3 truncate"><MapLink patch={select.node(span.node)}>{name}</MapLink>{node?.namespace && ` · ${node.namespace}`}</p>
        </div>
      </div>
      <ul className="mt-3 flex flex-col gap-1" aria-label="How it ended">
        {span.outcomes.map((o) => (
          <li key={o} className={`flex items-center gap-1.5 ${o === 'failed' ? 'text-bad font-medium' : 'text-ink-2'}`}>
            <HealthMark health={o === 'failed' ? 'bad' : o === 'resent' || o === 'receive' || o === 'synthetic' ? 'unknown' : 'warn'} silent /> {OUTCOME_TEXT[o]}
          </li>
        ))}
        {span.outcomes.length === 0 && <li className="text-ink-2 flex items-center gap-1.5"><HealthMark health="ok" silent /> did not fail</li>}
      </ul>
      <dl className="mt-4 grid grid-cols-[auto_1fr] gap-x-4 gap-y-2">
        <Term name="Duration">{duration(span.duration_ms)}<span className="text-ink-3"> · {share(span.duration_ms, trace.duration_ms)} of the trace</span></Term>
        <Term name="Starts">{duration(span.start_ms)}<span className="text-ink-3"> in, at {clock(new Date(Date.parse(trace.start) + span.start_ms))}</span></Term>
        <Term name="Kind">{span.kind === 'unspecified' ? 'not reported' : span.kind}<span className="text-ink-3">{span.kind !== 'unspecified' && `: ${KIND_TEXT[span.kind]}`}</span></Term>
        <Term name="Protocol">{span.protocol || 'not reported'}</Term>
        <Term name="Below it">{row.below === 0 ? 'nothing' : `${row.below}${row.failedBelow > 0 ? `, ${row.failedBelow} failed` : ''}`}</Term>
        <Term name="Span id"><code className="font-mono text-xs break-all">{span.id}</code></Term>
        <Term name="Parent id">{span.parent_id ? <code className="font-mono text-xs break-all">{span.parent_id}</code> : 'none'}
          {span.parent_id && row.parent < 0 && <span className="text-ink-3"> · not in this trace</span>}</Term>
      </dl>
      {span.call && (
        <div className="border-line mt-4 border-t pt-4">
          <h3 className="eyebrow">The call it stands for</h3>
          <p className="mt-2 flex flex-wrap items-center gap-x-2">
            <MapLink patch={select.node(span.call.caller)}>{span.call.caller_name || span.call.caller}</MapLink>
            <ArrowIcon size={14} className="text-ink-3" /><span className="sr-only">calls</span>
            <MapLink patch={select.node(span.call.callee)}>{span.call.callee_name || span.call.callee}</MapLink>
          </p>
          {span.call.edge && <p className="mt-2"><MapLink patch={select.edge(span.call.edge)}>All calls between them</MapLink></p>}
        </div>
      )}
      <p className="text-ink-3 mt-4 text-xs">Starts are by the clock of the service that made the span; clocks of two services may differ.</p>
    </>
  )
}

function Term({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="num">{children}</dd>
    </>
  )
}

function MapLink({ patch, children }: { patch: Parameters<typeof ViewLink>[0]['patch']; children: ReactNode }) {
  return <ViewLink to="/map" patch={{ ...patch, ...LEAVING }} className="link">{children}</ViewLink>
}

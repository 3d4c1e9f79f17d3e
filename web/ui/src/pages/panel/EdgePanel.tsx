import type { EdgeDetail, GraphEdge } from '../../api/model'
import { ArrowIcon } from '../../components/icons'
import { ago, plural } from '../../format/format'
import { seconds } from '../../graph/red'
import { useEdge, useSeries } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { Measured } from './Measured'
import { HealthBadge, Loaded, NodeLink, Section } from './parts'
import { RedCharts } from './RedCharts'
import { RedRows } from './RedRows'

/** Everything known of one edge in the window. */
export function EdgePanel({ id }: { id: string }) {
  const query = useEdge(id)
  return query.data ? <Detail detail={query.data} /> : <div className="px-5 pt-14"><Loaded query={query}>{() => null}</Loaded></div>
}

const BASIS: Record<GraphEdge['basis'][number], string> = {
  kinds: 'The caller’s client span and the callee’s server span met.',
  boundary: 'A span of the callee names a span of the caller as its parent.',
  link: 'A consumer’s span links to its producer’s.',
  virtual: 'Only one side sends spans; the other was inferred from their attributes.',
}

function Detail({ detail }: { detail: EdgeDetail }) {
  const { edge } = detail
  const length = seconds(detail.window)
  const callee = { p50_ms: edge.server_p50_ms, p95_ms: edge.server_p95_ms, p99_ms: edge.server_p99_ms }
  const sites = detail.call_sites.map((s) => ({
    key: `${s.caller_operation}\n${s.callee_operation}`, red: s,
    name: (
      <>
        <span className="text-ink-3 block truncate text-xs" title={s.caller_operation}>{s.caller_operation || 'operation not named'}</span>
        <span className="block truncate font-medium" title={s.callee_operation}>{s.callee_operation || 'operation not named'}</span>
      </>
    ),
  }))
  return (
    <div className="pb-6">
      <Head detail={detail} />
      <Section title="Calls">
        <Measured windowSeconds={length} sides={[{ by: 'the caller', counts: edge, durations: edge }, { by: 'the callee', durations: callee }]} />
      </Section>
      <Section title="Over time"><EdgeCharts id={edge.id} /></Section>
      <Section title="Call sites" note={`${plural(sites.length, 'pair')} of operations, the caller’s first`}>
        <RedRows of="operation" rows={sites} windowSeconds={length} empty="No operation is known." />
      </Section>
      <Section title="Seen because">
        <ul className="text-ink-2">{edge.basis.map((b) => <li key={b}>{BASIS[b]}</li>)}</ul>
      </Section>
    </div>
  )
}

function Head({ detail: { edge, caller, callee } }: { detail: EdgeDetail }) {
  const now = useNow()
  return (
    <header className="px-5 pt-3.5 pb-4">
      <h2 className="sr-only">{caller.name} calls {callee.name}</h2>
      <div className="pr-10">
        <NodeLink node={caller} />
        <p className="text-ink-3 flex items-center gap-2.5 py-0.5 pl-1.5 text-xs">
          <ArrowIcon className="rotate-90" /> {edge.protocol}, {edge.mode === 'async' ? 'asynchronous: the caller does not wait' : 'synchronous: the caller waits'}
        </p>
        <NodeLink node={callee} />
      </div>
      <div className="text-ink-2 mt-3 flex flex-wrap items-center gap-x-4">
        <HealthBadge red={edge} />
        <span title={edge.last_seen}>last seen {ago(Date.parse(edge.last_seen), now)}</span>
      </div>
    </header>
  )
}

function EdgeCharts({ id }: { id: string }) {
  const query = useSeries({ edge: id })
  return <Loaded query={query}>{(series) => <RedCharts series={series} />}</Loaded>
}

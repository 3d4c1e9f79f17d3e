import type { EdgeDetail } from '../../api/model'
import { AnsweredBy } from '../../components/AnsweredBy'
import { AuditCard } from '../../components/AuditCard'
import { ArrowIcon } from '../../components/icons'
import { AddToWhatIf } from '../../components/AddToWhatIf'
import { EdgePageLink } from '../../components/ViewLink'
import { ago, count, duration, rate, share } from '../../format/format'
import { perSecond, seconds } from '../../graph/red'
import { useEdge, useSeries } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { Criticality } from './Criticality'
import { ExampleTraces } from './ExampleTraces'
import { RedCharts } from './RedCharts'
import { Loaded } from '../../components/Loaded'
import { Figures, HealthBadge, NodeLink, Section } from './parts'

/** Everything known of one edge in the window. */
export function EdgePanel({ id }: { id: string }) {
  const query = useEdge(id)
  return (
    <div className="pb-8">
      {!query.data && <div className="px-5 pt-14 pb-4"><Loaded query={query}>{() => null}</Loaded></div>}
      {query.data && <Detail detail={query.data} />}
    </div>
  )
}

const BASIS: Record<EdgeDetail['edge']['basis'][number], string> = {
  kinds: 'a client and a server span',
  boundary: 'a span whose parent is in another service',
  link: 'a span link',
  virtual: 'one side only; the other was inferred from attributes',
}

function Detail({ detail }: { detail: EdgeDetail }) {
  const now = useNow()
  const { edge, caller, callee } = detail
  const length = seconds(detail.window)
  const server = { p50_ms: edge.server_p50_ms, p95_ms: edge.server_p95_ms, p99_ms: edge.server_p99_ms }
  return (
    <>
      <header className="px-5 pt-4 pb-4">
        <h2 className="sr-only">{caller.name} calls {callee.name}</h2>
        <div className="pr-10">
          <NodeLink node={caller} />
          <p className="text-ink-3 flex items-center gap-2 py-0.5 pl-1.5"><ArrowIcon className="rotate-90" /> {edge.protocol}, {edge.mode === 'async' ? 'asynchronous' : 'synchronous'}</p>
          <NodeLink node={callee} />
        </div>
        <div className="text-ink-2 mt-3 flex flex-wrap items-center gap-x-4">
          <HealthBadge red={edge} />
          <span>last seen {ago(Date.parse(edge.last_seen), now)}</span>
          <EdgePageLink id={edge.id} className="control ml-auto h-7 px-2 text-xs">Open page</EdgePageLink>
        </div>
      </header>
      <Section title="Calls">
        <Figures red={edge} windowSeconds={length} columns={[{ title: 'client', red: edge }, { title: 'server', red: server }]} />
      </Section>
      <Section title="Criticality" note="from all failures seen, whatever the window"><Criticality caller={edge.caller} callee={edge.callee} /></Section>
      <Section title="What if" note="add it to the question"><AddToWhatIf of={{ caller: edge.caller, callee: edge.callee }} /></Section>
      <Section title="Practices" note="as seen in traces"><AuditCard node={edge.caller} callee={edge.callee} /></Section>
      <Section title="Over time"><EdgeCharts id={edge.id} /></Section>
      <Section title="Operations" note="caller’s → callee’s">
        <table className="num w-full">
          <thead>
            <tr className="text-ink-3 text-xs">
              <th scope="col" className="pb-1 text-left font-normal">Call site</th>
              <th scope="col" className="pb-1 text-right font-normal">Rate</th>
              <th scope="col" className="pb-1 text-right font-normal">Errors</th>
              <th scope="col" className="pb-1 text-right font-normal">p95</th>
            </tr>
          </thead>
          <tbody>
            {detail.call_sites.slice(0, 30).map((s) => (
              <tr key={`${s.caller_operation}\n${s.callee_operation}`}>
                <td className="border-line max-w-48 border-t py-1 pr-2">
                  <span className="text-ink-3 block truncate text-xs" title={s.caller_operation}>{s.caller_operation || 'not known'}</span>
                  <span className="block truncate" title={s.callee_operation}>{s.callee_operation || 'not known'}</span>
                </td>
                <td className="border-line border-t py-1 text-right whitespace-nowrap">{rate(perSecond(s, length))}</td>
                <td className="border-line border-t py-1 text-right whitespace-nowrap">{share(s.failed, s.calls)}</td>
                <td className="border-line border-t py-1 text-right whitespace-nowrap">{duration(s.p95_ms)}</td>
              </tr>
            ))}
          </tbody>
          {detail.call_sites.length > 30 && <caption className="text-ink-3 caption-bottom pt-2 text-left text-xs">and {count(detail.call_sites.length - 30)} less busy ones</caption>}
        </table>
      </Section>
      <Section title="Example traces" note="kept as evidence"><ExampleTraces of={{ edge: edge.id }} /></Section>
      <Section title="Seen as">
        <ul className="text-ink-2 list-disc pl-4">{edge.basis.map((b) => <li key={b}>{BASIS[b]}</li>)}</ul>
        {edge.halves && callee.type === 'service' && (
          <p className="text-ink-2 mt-1">
            {share(edge.halves.both, edge.calls)} of the calls were seen from both ends, {count(edge.halves.caller_only)} by the caller only, {count(edge.halves.callee_only)} by the callee only.
          </p>
        )}
        {edge.answered_by && <AnsweredBy service={edge.answered_by} />}
        {edge.aliased > 0 && (
          <p className="text-ink-2 mt-1">{count(edge.aliased)} calls got no answer. They are shown here because calls to the same address are answered by {callee.name} otherwise.</p>
        )}
      </Section>
    </>
  )
}

function EdgeCharts({ id }: { id: string }) {
  const query = useSeries({ edge: id })
  return <Loaded query={query}>{(series) => <RedCharts series={series} />}</Loaded>
}

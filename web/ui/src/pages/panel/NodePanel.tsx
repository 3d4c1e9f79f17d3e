import type { NodeDetail, Operation } from '../../api/model'
import { AddToWhatIf } from '../../components/AddToWhatIf'
import { AnsweredBy } from '../../components/AnsweredBy'
import { TargetIcon, TypeTile } from '../../components/icons'
import { NodePageLink, ViewLink } from '../../components/ViewLink'
import { ago, count, duration, plural, rate, share } from '../../format/format'
import { answererOf } from '../../graph/collapse'
import { perSecond, seconds } from '../../graph/red'
import { useNode, useOperations, useSeries } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { useView } from '../../hooks/useView'
import { DependencyOutcomes } from './DependencyOutcomes'
import { Fragility } from './Fragility'
import { RedCharts } from './RedCharts'
import { Loaded } from '../../components/Loaded'
import { EdgeRows, Figures, HealthBadge, Section } from './parts'

/** Everything known of one node in the window. */
export function NodePanel({ id }: { id: string }) {
  const query = useNode(id)
  return (
    <div className="pb-8">
      {!query.data && <div className="px-5 pt-14 pb-4"><Loaded query={query}>{() => null}</Loaded></div>}
      {query.data && <Detail detail={query.data} />}
    </div>
  )
}

function Detail({ detail }: { detail: NodeDetail }) {
  const [view, change] = useView()
  const now = useNow()
  const { node } = detail
  const answerer = answererOf(detail.callers)
  const length = seconds(detail.window)
  const place = [node.environment, node.namespace].filter(Boolean).join(' / ')
  const isService = node.type === 'service'
  return (
    <>
      <header className="px-5 pt-4 pb-4">
        <div className="flex items-center gap-3 pr-10">
          <TypeTile type={node.type} size={36} />
          <div className="min-w-0">
            <h2 className="truncate text-lg leading-tight font-semibold">{node.name}</h2>
            <p className="text-ink-3 truncate">{[node.system || node.type, place].filter(Boolean).join(' · ')}</p>
          </div>
        </div>
        {answerer && <AnsweredBy service={answerer} />}
        <div className="text-ink-2 mt-3 flex flex-wrap items-center gap-x-4 gap-y-2">
          <HealthBadge red={node} />
          <span>last seen {ago(Date.parse(node.last_seen), now)}</span>
          <NodePageLink id={node.id} className="control ml-auto h-7 px-2 text-xs">Open page</NodePageLink>
          <button type="button" className="control h-7 px-2 text-xs" data-active={view.focus === node.id}
            onClick={() => change({ focus: view.focus === node.id ? undefined : node.id, depth: 1 })}>
            <TargetIcon /> {view.focus === node.id ? 'End focus' : 'Focus'}
          </button>
        </div>
      </header>
      <Section title={isService ? 'Requests served' : 'Calls received'} note={isService ? 'by its own account' : 'as its callers measured'}>
        <Figures red={node} windowSeconds={length} columns={[{ title: isService ? 'server' : 'client', red: node }]} />
      </Section>
      <Section title="Over time" note={view.op ? `operation ${view.op}` : undefined}>
        {view.op && <button type="button" className="link mb-2" onClick={() => change({ op: undefined })}>All operations</button>}
        <NodeCharts id={node.id} operation={view.op} />
      </Section>
      {node.type !== 'user' && node.type !== 'unknown' && <Section title="Fragility" note="as of now, whatever the window"><Fragility id={node.id} /></Section>}
      {node.type !== 'user' && node.type !== 'unknown' && <Section title="What if" note="add it to the question"><AddToWhatIf of={{ node: node.id }} /></Section>}
      {isService && <Section title="Operations"><Operations id={node.id} windowSeconds={length} /></Section>}
      {isService && detail.callees.length > 0 && (
        <Section title="With its dependencies" note="do its requests fail when they do?"><DependencyOutcomes id={node.id} /></Section>
      )}
      <Section title="Callers" note={plural(detail.callers.length, 'edge')}>
        <EdgeRows edges={detail.callers} nodes={detail.neighbours} end="caller" windowSeconds={length} />
      </Section>
      <Section title="Callees" note={plural(detail.callees.length, 'edge')}>
        <EdgeRows edges={detail.callees} nodes={detail.neighbours} end="callee" windowSeconds={length} />
        {isService && <p className="text-ink-3 mt-2">Is one missing? <ViewLink to="/pipeline" patch={{}} className="link">The graph doctor</ViewLink> says what hides edges.</p>}
      </Section>
    </>
  )
}

function NodeCharts({ id, operation }: { id: string; operation?: string }) {
  const query = useSeries({ node: id, operation })
  return <Loaded query={query}>{(series) => <RedCharts series={series} />}</Loaded>
}

const SHOWN = 30

function Operations({ id, windowSeconds }: { id: string; windowSeconds: number }) {
  const [view, change] = useView()
  const query = useOperations(id)
  return (
    <Loaded query={query}>
      {({ operations }) => operations.length === 0
        ? <p className="text-ink-3">No requests were served in this window.</p>
        : (
          <table className="num w-full">
            <thead>
              <tr className="text-ink-3 text-xs">
                <th scope="col" className="pb-1 text-left font-normal">Operation</th>
                <th scope="col" className="pb-1 text-right font-normal">Rate</th>
                <th scope="col" className="pb-1 text-right font-normal">Errors</th>
                <th scope="col" className="pb-1 text-right font-normal">p95</th>
              </tr>
            </thead>
            <tbody>
              {operations.slice(0, SHOWN).map((o) => (
                <tr key={`${o.operation} ${o.version}`}>
                  <td className="border-line max-w-48 border-t py-1 pr-2">
                    <button type="button" className="link block max-w-full truncate text-left" aria-pressed={view.op === o.operation} title={label(o)}
                      onClick={() => change({ op: view.op === o.operation ? undefined : o.operation })}>{o.operation}</button>
                    {o.version && <span className="text-ink-3 text-xs">{o.version}</span>}
                  </td>
                  <td className="border-line border-t py-1 text-right whitespace-nowrap">{rate(perSecond(o, windowSeconds))}</td>
                  <td className="border-line border-t py-1 text-right whitespace-nowrap">{share(o.failed, o.calls)}</td>
                  <td className="border-line border-t py-1 text-right whitespace-nowrap">{duration(o.p95_ms)}</td>
                </tr>
              ))}
            </tbody>
            {operations.length > SHOWN && <caption className="text-ink-3 caption-bottom pt-2 text-left text-xs">and {count(operations.length - SHOWN)} less busy ones</caption>}
          </table>
        )}
    </Loaded>
  )
}

function label(o: Operation): string {
  return o.version ? `${o.operation} (version ${o.version})` : o.operation
}

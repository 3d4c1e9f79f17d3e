import { useParams } from '@tanstack/react-router'
import type { GraphEdge, GraphNode, NodeDetail } from '../../api/model'
import { Problem, problemFrom } from '../../api/problem'
import { AnsweredBy } from '../../components/AnsweredBy'
import { AuditCard } from '../../components/AuditCard'
import { ArrowIcon, TypeTile } from '../../components/icons'
import { Loaded } from '../../components/Loaded'
import { NotInWindow } from '../../components/NotInWindow'
import { Card, PageFrame, Tile, Tiles } from '../../components/Page'
import { EdgePageLink, NodePageLink, ViewLink } from '../../components/ViewLink'
import { ago, count, duration, rate, share } from '../../format/format'
import { isEstimate, perSecond, seconds } from '../../graph/red'
import { useEdge, useNode, useSeries } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { select } from '../../hooks/useView'
import { NodeFindings } from '../node/Related'
import { TraceList } from '../panel/ExampleTraces'
import { HealthBadge } from '../panel/parts'
import { RedCharts } from '../panel/RedCharts'
import { CallSites, History, Verdict } from './Verdicts'

/** Everything known of the calls of one node to another: the verdict, what it rests on, and how the calls fare. */
export function EdgePage() {
  const { id } = useParams({ from: '/edges/$id' })
  return <About key={id} id={id} />
}

/** The page takes the id of an edge, or its two ends; of several edges between them the busiest is shown then. */
function About({ id }: { id: string }) {
  const [caller, callee] = [id.slice(0, 16), id.slice(17, 33)]
  const query = useNode(caller)
  if (!query.data) {
    if (query.error) return <NotInWindow problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
    return <p className="text-ink-3 p-6" role="status">Loading the edge…</p>
  }
  const edges = query.data.callees.filter((e) => e.callee === callee).toSorted((a, b) => b.calls - a.calls)
  const edge = edges.find((e) => e.id === id) ?? edges[0]
  const other = query.data.neighbours.find((n) => n.id === callee)
  if (!edge || !other) {
    const problem = new Problem('Not found', `No call of ${query.data.node.name} to this callee was seen.`, 404)
    return <NotInWindow problem={problem} onRetry={() => void query.refetch()} retrying={query.isFetching} />
  }
  return <Detail detail={query.data} edge={edge} edges={edges} callee={other} />
}

function Detail({ detail, edge, edges, callee }: { detail: NodeDetail; edge: GraphEdge; edges: GraphEdge[]; callee: GraphNode }) {
  const caller = detail.node
  return (
    <PageFrame label={`${caller.name} calls ${callee.name}`} wide>
      <Head edge={edge} edges={edges} caller={caller} callee={callee} />
      <Card title="Criticality" note="does the caller fail when the callee does? From all failures seen, whatever the window">
        <Verdict caller={caller.id} callee={callee.id} />
      </Card>
      <Figures edge={edge} windowSeconds={seconds(detail.window)} />
      <Card title="By call site" note="the caller’s operations"><CallSites caller={caller.id} callee={callee.id} /></Card>
      <Card title="Over time"><EdgeCharts id={edge.id} /></Card>
      <div className="grid items-start gap-4 lg:grid-cols-3">
        <Card title="Failed calls" note="traces kept as evidence, newest first"><TraceList of={{ edge: edge.id }} outcome="failed" /></Card>
        <Card title="Slowest calls" note="traces, the slowest call first"><TraceList of={{ edge: edge.id }} outcome="slow" /></Card>
        <Card title="Calls that did not fail" note="traces, newest first"><TraceList of={{ edge: edge.id }} outcome="ok" /></Card>
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title="Resilience practices" note="as seen in the traces of these calls"><AuditCard node={caller.id} callee={callee.id} /></Card>
        <div className="grid gap-4">
          <Card title="Changes over time" note="of the verdict"><History caller={caller.id} callee={callee.id} /></Card>
          <Card title="Findings" note="about this dependency"><NodeFindings id={caller.id} callee={callee.id} /></Card>
        </div>
      </div>
      <Card title="Operations" note="caller’s and callee’s, busiest first"><Pairs id={edge.id} /></Card>
    </PageFrame>
  )
}

function Head({ edge, edges, caller, callee }: { edge: GraphEdge; edges: GraphEdge[]; caller: GraphNode; callee: GraphNode }) {
  const now = useNow()
  return (
    <header className="flex flex-wrap items-center gap-x-4 gap-y-3">
      <div className="min-w-0 flex-1 basis-80">
        <h1 className="flex flex-wrap items-center gap-x-2.5 gap-y-1 text-xl leading-tight font-semibold tracking-tight">
          <End node={caller} /><ArrowIcon className="text-ink-3" size={20} /><span className="sr-only">calls</span><End node={callee} />
        </h1>
        <p className="text-ink-2 mt-1 flex flex-wrap items-center gap-x-3">
          <span>{describe(edge)}</span>
          <HealthBadge red={edge} />
          <span className="text-ink-3">last seen {ago(Date.parse(edge.last_seen), now)}</span>
          {edges.filter((e) => e.id !== edge.id).map((e) => <EdgePageLink key={e.id} id={e.id} className="link">also {describe(e)}</EdgePageLink>)}
        </p>
        {edge.answered_by && <AnsweredBy service={edge.answered_by} />}
      </div>
      <div className="flex flex-wrap gap-2">
        <ViewLink to="/map" patch={{ ...select.edge(edge.id), focus: caller.id, depth: 1 }} className="control">On the map</ViewLink>
        <ViewLink to="/whatif" patch={{ ...select.none, act: [`down.${callee.id}`] }} className="control">What if {short(callee.name)} goes down?</ViewLink>
      </div>
    </header>
  )
}

function End({ node }: { node: GraphNode }) {
  return (
    <NodePageLink id={node.id} className="flex min-w-0 items-center gap-2 hover:underline">
      <TypeTile type={node.type} size={32} /><span className="min-w-0 wrap-anywhere">{node.name}</span>
    </NodePageLink>
  )
}

function describe(e: GraphEdge): string {
  return `${e.protocol}, ${e.mode === 'async' ? 'asynchronous' : 'synchronous'}`
}

function short(name: string): string {
  return name.length > 24 ? 'it' : name
}

/** Rate, errors and duration as both sides saw them. */
function Figures({ edge: e, windowSeconds }: { edge: GraphEdge; windowSeconds: number }) {
  const network = e.p50_ms !== null && e.server_p50_ms !== null ? Math.max(0, e.p50_ms - e.server_p50_ms) : null
  return (
    <Tiles>
      <Tile term="Rate" note={`${count(e.calls)} calls`}>{isEstimate(e) && '≈ '}{rate(perSecond(e, windowSeconds))}</Tile>
      <Tile term="Errors" note={`${count(e.failed)} failed`}>{share(e.failed, e.calls)}</Tile>
      <Tile term="Timeouts" note={e.resends > 0 ? `${count(e.resends)} resent` : 'none resent'}>{count(e.timeouts)}</Tile>
      <Tile term="p95, caller’s side" note={`p50 ${duration(e.p50_ms)}`}>{duration(e.p95_ms)}</Tile>
      <Tile term="p95, callee’s side" note={e.server_p95_ms === null ? 'it sends no spans of its own' : `p50 ${duration(e.server_p50_ms)}`}>{e.server_p95_ms === null ? '–' : duration(e.server_p95_ms)}</Tile>
      <Tile term="On the way" note="difference of the medians">{network === null ? '–' : duration(network)}</Tile>
    </Tiles>
  )
}

function EdgeCharts({ id }: { id: string }) {
  const query = useSeries({ edge: id })
  return <Loaded query={query}>{(series) => <RedCharts series={series} wide sides />}</Loaded>
}

const SHOWN = 30
const cell = 'border-line border-t py-1.5 pl-3 text-right whitespace-nowrap'

function Pairs({ id }: { id: string }) {
  const query = useEdge(id)
  return (
    <Loaded query={query}>
      {({ call_sites, window }) => (
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Table of operations">
          <table className="num w-full min-w-[34rem] table-fixed">
            <thead>
              <tr className="text-ink-3 text-xs">
                <th scope="col" className="pb-1 text-left font-normal">Caller’s operation</th>
                <th scope="col" className="pb-1 text-left font-normal">Callee’s operation</th>
                <th scope="col" className="w-24 pb-1 text-right font-normal">Rate</th>
                <th scope="col" className="w-20 pb-1 text-right font-normal">Errors</th>
                <th scope="col" className="w-24 pb-1 text-right font-normal">p95</th>
              </tr>
            </thead>
            <tbody>
              {call_sites.slice(0, SHOWN).map((s) => (
                <tr key={`${s.caller_operation}\n${s.callee_operation}`}>
                  <td className="border-line truncate border-t py-1.5 pr-3" title={s.caller_operation}>{s.caller_operation || 'not known'}</td>
                  <td className="border-line truncate border-t py-1.5" title={s.callee_operation}>{s.callee_operation || 'not known'}</td>
                  <td className={cell}>{rate(perSecond(s, seconds(window)))}</td>
                  <td className={cell}>{share(s.failed, s.calls)}</td>
                  <td className={cell}>{duration(s.p95_ms)}</td>
                </tr>
              ))}
            </tbody>
            {call_sites.length > SHOWN && <caption className="text-ink-3 caption-bottom pt-2 text-left text-xs">and {count(call_sites.length - SHOWN)} less busy ones</caption>}
          </table>
        </div>
      )}
    </Loaded>
  )
}

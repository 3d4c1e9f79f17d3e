import { useParams } from '@tanstack/react-router'
import type { NodeDetail } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { AnsweredBy } from '../../components/AnsweredBy'
import { AuditCard } from '../../components/AuditCard'
import { Loaded } from '../../components/Loaded'
import { Card, PageFrame, Tile, Tiles } from '../../components/Page'
import { TypeTile } from '../../components/icons'
import { ViewLink } from '../../components/ViewLink'
import { NotInWindow } from '../../components/NotInWindow'
import { ago, count, duration, plural, rate, share } from '../../format/format'
import { answererOf } from '../../graph/collapse'
import { isEstimate, perSecond, seconds } from '../../graph/red'
import { useDependencies, useHotspot, useNode, useSeries } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { select, useView } from '../../hooks/useView'
import { Parts } from '../hotspots/Parts'
import { TraceList } from '../panel/ExampleTraces'
import { HealthBadge } from '../panel/parts'
import { RedCharts } from '../panel/RedCharts'
import { DependencyTable } from './DependencyTable'
import { OperationTable, Versions } from './Operations'
import { Incidents, NodeFindings } from './Related'

/** Everything known of one node: how it fares, what it depends on, what depends on it, and how fragile that makes it. */
export function NodePage() {
  const { id } = useParams({ from: '/nodes/$id' })
  return <About key={id} id={id} />
}

function About({ id }: { id: string }) {
  const query = useNode(id)
  if (!query.data) {
    const problem = query.error && problemFrom(query.error)
    if (problem) return <NotInWindow problem={problem} onRetry={() => void query.refetch()} retrying={query.isFetching} />
    return <p className="text-ink-3 p-6" role="status">Loading the node…</p>
  }
  return <Detail detail={query.data} />
}

function Detail({ detail }: { detail: NodeDetail }) {
  const [view, change] = useView()
  const { node } = detail
  const serves = node.type === 'service' || node.type === 'function'
  const acts = node.type !== 'user' && node.type !== 'unknown'
  return (
    <PageFrame label={node.name} wide>
      <Head detail={detail} acts={acts} />
      <InShort detail={detail} acts={acts} />
      <Card title="Over time" note={view.op ? `operation ${view.op}` : serves ? 'as it measured itself' : 'as its callers measured it'}
        action={view.op && <button type="button" className="link" onClick={() => change({ op: undefined }, { replace: true })}>All operations</button>}>
        <NodeCharts id={node.id} operation={view.op} />
      </Card>
      {serves && <Card title="Depends on" note="do its requests fail when these do? From all failures seen, whatever the window"><DependencyTable detail={detail} end="callee" /></Card>}
      <Card title="Depended on by" note="do their requests fail when it does?"><DependencyTable detail={detail} end="caller" /></Card>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        {acts && <Card title="Fragility" note="as of now, whatever the window"><Fragile id={node.id} /></Card>}
        {acts && <Card title="Resilience practices" note="as seen in the traces of its calls"><AuditCard node={node.id} /></Card>}
        <Card title="Incidents" note="in which it was ill, blamed or hit"><Incidents id={node.id} /></Card>
        <Card title="Findings" note="about it and its dependencies"><NodeFindings id={node.id} /></Card>
      </div>
      {serves && (
        <div className="grid items-start gap-4 lg:grid-cols-[2fr_1fr]">
          <Card title="Operations" note="choose one to see its charts"><OperationTable id={node.id} windowSeconds={seconds(detail.window)} /></Card>
          <Card title="Versions" note="service.version of this window"><Versions id={node.id} /></Card>
        </div>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-3">
        <Card title="Failed traces" note="kept as evidence, newest first"><TraceList of={{ node: node.id }} outcome="failed" /></Card>
        <Card title="Slowest traces" note="by its longest span or call to it"><TraceList of={{ node: node.id }} outcome="slow" /></Card>
        <Card title="Traces that did not fail" note="newest first"><TraceList of={{ node: node.id }} outcome="ok" /></Card>
      </div>
    </PageFrame>
  )
}

function Head({ detail: { node, callers }, acts }: { detail: NodeDetail; acts: boolean }) {
  const now = useNow()
  const answerer = answererOf(callers)
  const place = [node.environment, node.namespace].filter(Boolean).join(' / ')
  return (
    <header className="flex flex-wrap items-center gap-x-4 gap-y-3">
      <TypeTile type={node.type} size={44} />
      <div className="min-w-0 flex-1 basis-64">
        <h1 className="text-xl leading-tight font-semibold tracking-tight wrap-anywhere">{node.name}</h1>
        <p className="text-ink-2 flex flex-wrap items-center gap-x-3">
          <span>{[node.system || node.type, place].filter(Boolean).join(' · ')}</span>
          <HealthBadge red={node} />
          <span className="text-ink-3">last seen {ago(Date.parse(node.last_seen), now)}</span>
        </p>
        {answerer && <AnsweredBy service={answerer} />}
      </div>
      <div className="flex flex-wrap gap-2">
        <ViewLink to="/map" patch={{ ...select.node(node.id), focus: node.id, depth: 1 }} className="control">On the map</ViewLink>
        {acts && <ViewLink to="/whatif" patch={{ ...select.none, act: [`down.${node.id}`] }} className="control">What if it goes down?</ViewLink>}
      </div>
    </header>
  )
}

/** The numbers that one looks for first. */
function InShort({ detail, acts }: { detail: NodeDetail; acts: boolean }) {
  const { node, callees } = detail
  const { data: spot } = useHotspot(node.id)
  const { data: known } = useDependencies(node.id)
  const judged = (end: 'caller' | 'callee', verdict: 'hard' | 'unknown') => known?.edges.filter((e) => e[end] === node.id && e.verdict === verdict).length ?? 0
  const hard = (end: 'caller' | 'callee') => judged(end, 'hard')
  const unknown = judged('caller', 'unknown')
  return (
    <Tiles>
      <Tile term="Rate" note={`${count(node.calls)} calls`}>{isEstimate(node) && '≈ '}{rate(perSecond(node, seconds(detail.window)))}</Tile>
      <Tile term="Errors" note={node.client_errors + node.throttled > 0 ? `${count(node.failed)} failed; ${count(node.client_errors + node.throttled)} 4xx apart` : `${count(node.failed)} failed`}>{share(node.failed, node.calls)}</Tile>
      <Tile term="p95" note={`p50 ${duration(node.p50_ms)}`}>{duration(node.p95_ms)}</Tile>
      <Tile term="Hard dependencies" note={callees.length > 0 ? `of ${count(callees.length)}${unknown > 0 ? `; ${count(unknown)} not known yet` : ''}` : 'it calls nothing'}>{count(hard('caller'))}</Tile>
      <Tile term="Hard for" note={plural(hard('callee'), 'caller fails', 'callers fail') + ' with it'}>{count(hard('callee'))}</Tile>
      {acts && (
        <Tile term="Takes down" note={spot ? `of requests from outside${spot.single_point_of_failure ? '; single point of failure' : ''}` : 'little depends on it, or little is known'}>
          {spot ? share(spot.impact, 1) : '–'}
        </Tile>
      )}
    </Tiles>
  )
}

function NodeCharts({ id, operation }: { id: string; operation?: string }) {
  const query = useSeries({ node: id, operation })
  return <Loaded query={query}>{(series) => <RedCharts series={series} wide />}</Loaded>
}

function Fragile({ id }: { id: string }) {
  const query = useHotspot(id)
  return (
    <Loaded query={query}>
      {(spot) => spot
        ? <Parts of={spot} />
        : <p className="text-ink-3">Less than 1 % of the requests from outside are known to depend on it, or not enough is known yet. That takes a few minutes of traffic.</p>}
    </Loaded>
  )
}

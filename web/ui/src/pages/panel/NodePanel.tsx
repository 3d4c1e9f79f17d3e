import type { GraphEdge, GraphNode, NodeDetail } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { TargetIcon, TypeTile } from '../../components/icons'
import { ViewLink } from '../../components/ViewLink'
import { ago, plural } from '../../format/format'
import { healthOf, seconds, sum } from '../../graph/red'
import { useNode, useOperations, useSeries } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { select, useView } from '../../hooks/useView'
import { Measured, type Side } from './Measured'
import { HealthBadge, Loaded, Section } from './parts'
import { RedCharts } from './RedCharts'
import { RedRows } from './RedRows'

/** Everything known of one node in the window. */
export function NodePanel({ id }: { id: string }) {
  const query = useNode(id)
  return query.data ? <Detail detail={query.data} /> : <div className="px-5 pt-14"><Loaded query={query}>{() => null}</Loaded></div>
}

function Detail({ detail }: { detail: NodeDetail }) {
  const [view] = useView()
  const { node } = detail
  const length = seconds(detail.window)
  const isService = node.type === 'service'
  return (
    <div className="pb-6">
      <Head node={node} />
      <Section title="Calls received" note={isService ? undefined : 'measured by its callers, as it sends no spans itself'}>
        {node.calls > 0
          ? <Measured sides={sidesOf(detail)} windowSeconds={length} />
          : <p className="text-ink-3">Nothing calls it in this window; below is what it calls.</p>}
      </Section>
      {node.calls > 0 && (
        <Section title="Over time" note={view.op && <>only {view.op} · <ViewLink patch={{ op: undefined }} className="link">all operations</ViewLink></>}>
          <NodeCharts id={node.id} operation={view.op} />
        </Section>
      )}
      <Section title="Callers" note={plural(detail.callers.length, 'edge')}>
        <EdgeRows edges={detail.callers} nodes={detail.neighbours} end="caller" windowSeconds={length} />
      </Section>
      <Section title="Callees" note={plural(detail.callees.length, 'edge')}>
        <EdgeRows edges={detail.callees} nodes={detail.neighbours} end="callee" windowSeconds={length} />
      </Section>
      {isService && <Section title="Operations" note="choose one to see it over time"><Operations id={node.id} windowSeconds={length} /></Section>}
    </div>
  )
}

function Head({ node }: { node: GraphNode }) {
  const [view, change] = useView()
  const now = useNow()
  const focused = view.focus === node.id
  return (
    <header className="px-5 pt-4 pb-4">
      <div className="flex items-center gap-3 pr-10">
        <TypeTile type={node.type} size={38} />
        <div className="min-w-0">
          <h2 className="truncate text-lg leading-tight font-semibold tracking-tight" title={node.name}>{node.name}</h2>
          <p className="text-ink-3 truncate">{[node.system || node.type, node.namespace, node.environment].filter(Boolean).join(' · ')}</p>
        </div>
      </div>
      <div className="text-ink-2 mt-3 flex flex-wrap items-center gap-x-4 gap-y-2">
        <HealthBadge red={node} />
        <span title={node.last_seen}>last seen {ago(Date.parse(node.last_seen), now)}</span>
        <button type="button" className="control ml-auto" data-active={focused} title="Show only what lies around it"
          onClick={() => change({ focus: focused ? undefined : node.id, depth: 1 })}>
          <TargetIcon /> {focused ? 'End focus' : 'Focus'}
        </button>
      </div>
    </header>
  )
}

/**
 * What a node says of itself and what its callers say of it. Percentiles of several callers do not add up, so
 * they are shown only where there is a single one.
 */
export function sidesOf({ node, callers }: NodeDetail): Side[] {
  if (node.type !== 'service') return [{ by: 'its callers', counts: node, durations: node }]
  const own: Side = { by: 'itself', counts: node, durations: node }
  if (callers.length === 0) return [own]
  return [own, { by: callers.length === 1 ? 'its caller' : 'its callers', counts: sum(callers), durations: callers.length === 1 ? callers[0] : undefined }]
}

function NodeCharts({ id, operation }: { id: string; operation?: string }) {
  const query = useSeries({ node: id, operation })
  return <Loaded query={query}>{(series) => <RedCharts series={series} />}</Loaded>
}

interface EdgeRowsProps {
  edges: GraphEdge[]
  nodes: GraphNode[]
  /** Which end to name. */
  end: 'caller' | 'callee'
  windowSeconds: number
}

/** Edges as rows: the sign and the numbers open the edge, the name opens the node at its other end. */
function EdgeRows({ edges, nodes, end, windowSeconds }: EdgeRowsProps) {
  const byId = new Map(nodes.map((n) => [n.id, n]))
  const rows = edges.toSorted((a, b) => b.calls - a.calls).map((e) => {
    const node = byId.get(e[end])
    const name = node?.name ?? e[end]
    return {
      key: e.id, red: e,
      name: (
        <span className="flex items-center gap-2">
          <HealthMark health={healthOf(e)} silent />
          {node && <TypeTile type={node.type} size={20} />}
          <ViewLink patch={select.node(e[end])} className="truncate font-medium hover:underline" title={name}>{name}</ViewLink>
          <ViewLink patch={select.edge(e.id)} className="link text-ink-3 shrink-0 text-xs" aria-label={`${e.protocol}: the edge ${end === 'caller' ? 'from' : 'to'} ${name}`}>
            {e.mode === 'async' ? `${e.protocol}, async` : e.protocol}
          </ViewLink>
        </span>
      ),
    }
  })
  return <RedRows of={end} rows={rows} windowSeconds={windowSeconds} empty={end === 'caller' ? 'Nothing calls it in this window.' : 'It calls nothing in this window.'} />
}

function Operations({ id, windowSeconds }: { id: string; windowSeconds: number }) {
  const [view, change] = useView()
  const query = useOperations(id)
  return (
    <Loaded query={query}>
      {({ operations }) => {
        const rows = operations.map((o) => ({
          key: `${o.operation}\n${o.version}`, red: o, selected: view.op === o.operation,
          name: (
            <span className="flex items-baseline gap-2">
              <button type="button" className="truncate text-left font-medium hover:underline" aria-pressed={view.op === o.operation} title={o.operation}
                onClick={() => change({ op: view.op === o.operation ? undefined : o.operation })}>{o.operation || 'not named'}</button>
              {o.version && <span className="text-ink-3 shrink-0 text-xs">{o.version}</span>}
            </span>
          ),
        }))
        return <RedRows of="operation" rows={rows} windowSeconds={windowSeconds} empty="No requests were served in this window." />
      }}
    </Loaded>
  )
}

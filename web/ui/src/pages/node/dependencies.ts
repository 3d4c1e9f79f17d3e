import type { Dependencies, DependencyEdge, DependencySite, GraphEdge, GraphNode, NodeDetail, Red } from '../../api/model'
import { sum } from '../../graph/red'

/** What a node has to do with one of its neighbours: the edges between them, and the verdict on the dependency. */
export interface Neighbour {
  id: string
  node?: GraphNode
  name: string
  /** Of all edges between the two; percentiles are those of the busiest. */
  red: Red
  edges: GraphEdge[]
  verdict?: DependencyEdge
  sites: DependencySite[]
}

const RANK = { hard: 0, mixed: 1, partial: 2, unknown: 3, soft: 4 } as const

/**
 * The callees of a node, or its callers: what takes the caller down first, then the busiest. Dependencies that
 * the evidence knows and the window does not are left out, as everything on the page is of the window.
 */
export function neighboursOf(detail: NodeDetail, known: Dependencies | undefined, end: 'caller' | 'callee'): Neighbour[] {
  const other = end === 'callee' ? detail.callees : detail.callers
  const nodes = new Map(detail.neighbours.map((n) => [n.id, n]))
  const rows = [...new Set(other.map((e) => e[end]))].map((id): Neighbour => {
    const busiest = other.filter((e) => e[end] === id).toSorted((a, b) => b.calls - a.calls)
    const [caller, callee] = end === 'callee' ? [detail.node.id, id] : [id, detail.node.id]
    const between = (x: { caller: string; callee: string }) => x.caller === caller && x.callee === callee
    return {
      id, node: nodes.get(id), name: nodes.get(id)?.name ?? id, edges: busiest,
      red: busiest.length === 1 ? busiest[0]! : { ...sum(busiest), p50_ms: busiest[0]!.p50_ms, p95_ms: busiest[0]!.p95_ms, p99_ms: busiest[0]!.p99_ms },
      verdict: known?.edges.find(between), sites: known?.call_sites.filter(between) ?? [],
    }
  })
  return rows.toSorted((a, b) => rank(a) - rank(b) || b.red.calls - a.red.calls || a.name.localeCompare(b.name))
}

function rank({ verdict }: Neighbour): number {
  return RANK[verdict?.verdict ?? 'unknown']
}

/** The versions that serve the node's requests, busiest first. */
export function versionsOf(operations: readonly { version: string; calls: number; failed: number }[]): { version: string; calls: number; failed: number }[] {
  const versions = new Map<string, { version: string; calls: number; failed: number }>()
  for (const o of operations) {
    const v = versions.get(o.version) ?? { version: o.version, calls: 0, failed: 0 }
    versions.set(o.version, { version: o.version, calls: v.calls + o.calls, failed: v.failed + o.failed })
  }
  return [...versions.values()].toSorted((a, b) => b.calls - a.calls)
}

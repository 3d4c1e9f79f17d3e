import type { Graph, GraphEdge, GraphNode } from '../api/model'
import { healthOf, type Health } from './red'

export interface Concern {
  health: 'bad' | 'warn'
  failed: number
  calls: number
  node?: GraphNode
  edge?: GraphEdge
}

/** What is in trouble, worst first: by severity, then by the number of calls that failed. */
export function concerns(graph: Graph): Concern[] {
  const list: Concern[] = []
  const add = (c: Omit<Concern, 'health'>, health: Health) => {
    if (health === 'bad' || health === 'warn') list.push({ ...c, health })
  }
  for (const node of graph.nodes) add({ node, failed: node.failed, calls: node.calls }, healthOf(node))
  for (const edge of graph.edges) add({ edge, failed: edge.failed, calls: edge.calls }, healthOf(edge))
  return list.toSorted((a, b) => (a.health === b.health ? b.failed - a.failed : a.health === 'bad' ? -1 : 1))
}

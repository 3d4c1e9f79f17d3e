import { useMemo } from 'react'
import type { Graph } from '../api/model'
import { edgeSubject, matches, nodeSubject, parseQuery, QueryError } from '../graph/find'
import { seconds } from '../graph/red'

/** What an expression finds in a graph. Null sets mean that nothing is looked for. */
export interface Found {
  nodes: Set<string> | null
  edges: Set<string> | null
  /** What is wrong with the expression. */
  error?: string
}

export function useFound(graph: Graph | undefined, q: string): Found {
  return useMemo(() => (graph ? find(graph, q) : { nodes: null, edges: null }), [graph, q])
}

export function find(graph: Graph, q: string): Found {
  try {
    const query = parseQuery(q)
    if (query.length === 0) return { nodes: null, edges: null }
    const s = seconds(graph.window)
    const byId = new Map(graph.nodes.map((n) => [n.id, n]))
    const ends = (ids: string[]) => ids.flatMap((id) => byId.get(id) ?? [])
    return {
      nodes: new Set(graph.nodes.filter((n) => matches(query, nodeSubject(n, s))).map((n) => n.id)),
      edges: new Set(graph.edges.filter((e) => matches(query, edgeSubject(e, ends([e.caller, e.callee]), s))).map((e) => e.id)),
    }
  } catch (err) {
    if (err instanceof QueryError) return { nodes: null, edges: null, error: err.message }
    throw err
  }
}

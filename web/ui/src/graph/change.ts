import type { ChangeItem, ChangeRating, Changes, Graph, GraphEdge, GraphNode } from '../api/model'
import { duration, share } from '../format/format'
import type { Lens, Level, Reading } from './lens'
import { sum } from './red'

const WEIGHT: Record<ChangeRating, Level> = { risk: 4, worse: 3, notice: 2, better: 1 }

/** What has changed in nodes and edges: each shows the most important change, and how many more there are. */
export function changeLens({ items, uncertain, compared, base_requests: before }: Changes): Lens {
  const sure = byPlace(items)
  const unsure = byPlace(before > 0 ? uncertain : []) // else everything may be new
  const came = ofKind(items, 'node_new')
  const went = ofKind(items, 'node_lost')
  const same: Reading = compared === 0 ? { level: null, text: 'nothing to compare with', value: null } : { level: 0, text: 'as before', value: 0 }
  return {
    name: 'change',
    node: ({ id }) => of(sure.get(id), unsure.get(id)) ?? same,
    edge: ({ caller, callee }) => {
      const place = `${caller} ${callee}`
      // The calls of what is new are as new as it is, and are not listed one by one.
      const end = came.get(caller) ?? went.get(caller) ?? went.get(callee)
      return of(sure.get(place) ?? (end && [end]), unsure.get(place)) ?? same
    },
  }
}

function of(sure: ChangeItem[] | undefined, unsure: ChangeItem[] | undefined): Reading | undefined {
  const first = sure?.[0]
  if (first) {
    const level = WEIGHT[first.rating]
    const more = sure.length > 1 ? ` +${sure.length - 1}` : ''
    return {
      level, value: level + (1 - 1 / sure.length), rating: first.rating, gone: first.kind.endsWith('_lost') && first.operation === '',
      text: `${inShort(first)}${more}`, tag: `${word(first)}${more}`,
    }
  }
  const maybe = unsure?.[0]
  return maybe && { level: null, text: maybe.kind.endsWith('_lost') ? 'may be gone' : 'may be new', value: null }
}

/** Changes by what they are about, the most important first, as the API lists them. */
function byPlace(items: readonly ChangeItem[]): Map<string, ChangeItem[]> {
  const places = new Map<string, ChangeItem[]>()
  for (const i of items) {
    for (const place of placesOf(i)) places.set(place, [...(places.get(place) ?? []), i])
  }
  return places
}

function placesOf(i: ChangeItem): string[] {
  if (i.kind === 'cycle_new') return i.cycle.map((n, at) => `${n.node} ${i.cycle[(at + 1) % i.cycle.length]!.node}`)
  return [i.callee === null ? i.node : `${i.node} ${i.callee}`]
}

function ofKind(items: readonly ChangeItem[], kind: ChangeItem['kind']): Map<string, ChangeItem> {
  return new Map(items.filter((i) => i.kind === kind).map((i) => [i.node, i]))
}

/** A change in a word or two, for the map. */
function word({ kind, before, after, to }: ChangeItem): string {
  const more = after.value > before.value
  const way = more ? '↑' : '↓'
  switch (kind) {
    case 'node_new': case 'edge_new': return 'new'
    case 'node_lost': case 'edge_lost': return 'gone'
    case 'operation_new': return 'new operation'
    case 'operation_lost': return 'operation gone'
    case 'rate': return `calls ${way}`
    case 'errors': return `errors ${way}`
    case 'latency': return more ? 'slower' : 'faster'
    case 'retries': return `retries ${way}`
    case 'amplification': return `attempts ${way}`
    case 'criticality': return `now ${to}`
    case 'cycle_new': return 'new cycle'
    case 'hard_dependency_new': return 'now hard'
  }
}

/** A change with its numbers, where it has some. */
function inShort(i: ChangeItem): string {
  const { before: b, after: a } = i
  switch (i.kind) {
    case 'errors': return `errors ${share(b.value, 1)} → ${share(a.value, 1)}`
    case 'latency': return `p95 ${duration(b.value)} → ${duration(a.value)}`
    case 'rate': return `${a.value > b.value ? 'more' : 'fewer'} calls for each request`
    case 'retries': return `${a.value > b.value ? 'more' : 'fewer'} retries of failures`
    case 'amplification': return `attempts per call ${b.value.toFixed(2)} → ${a.value.toFixed(2)}`
    case 'criticality': return `${i.from} → ${i.to}`
    default: return word(i)
  }
}

/** Nodes and calls that a window no longer has. */
export interface Gone {
  nodes: GraphNode[]
  edges: GraphEdge[]
}

/** What is gone, as it was before but without counts: nothing of it was seen in the window. */
export function goneFrom(before: Graph, { items }: Changes): Gone {
  const nodes = ofKind(items, 'node_lost')
  const edges = new Set(items.filter((i) => i.kind === 'edge_lost').map((i) => `${i.node} ${i.callee}`))
  const none = sum([])
  return {
    nodes: before.nodes.filter((n) => nodes.has(n.id)).map((n) => ({ ...n, ...none })),
    edges: before.edges.filter((e) => edges.has(`${e.caller} ${e.callee}`) || nodes.has(e.caller) || nodes.has(e.callee)).map((e) => ({ ...e, ...none, server_p50_ms: null, server_p95_ms: null, server_p99_ms: null })),
  }
}

/** A graph with what is gone from it, between nodes that it has. */
export function withGone(graph: Graph, gone: Gone | undefined): Graph {
  if (!gone) return graph
  const known = new Set([...graph.nodes, ...graph.edges].map((x) => x.id))
  const nodes = [...graph.nodes, ...gone.nodes.filter((n) => !known.has(n.id))]
  const has = new Set(nodes.map((n) => n.id))
  return { ...graph, nodes, edges: [...graph.edges, ...gone.edges.filter((e) => !known.has(e.id) && has.has(e.caller) && has.has(e.callee))] }
}

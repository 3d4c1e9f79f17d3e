import type { Graph, GraphEdge, GraphNode, Mode, Red } from '../api/model'
import type { View } from '../view/view'
import { healthOf, sum, type Health } from './red'

/** Most boxes drawn on the map at once. Above it nodes are drawn by namespace, or the table is used. */
export const MAX_DRAWN = 300

/** One box on the map: a node, or a group of nodes drawn as one. */
export interface DrawnNode {
  id: string
  label: string
  /** Calls into the box. */
  red: Red
  /** Calls that leave the box, for those that only call: users and unknown callers. */
  out: Red
  health: Health
  /** The nodes drawn by the box: one, or those of its group. */
  members: GraphNode[]
  node?: GraphNode
  /** Of an address at which nobody answered: the name of the service that answers there otherwise. */
  addressOf?: string
  group?: { key: string; members: number; failing: number; environment: string }
}

/** One arrow on the map: an edge, or all edges of one mode between two boxes. */
export interface DrawnEdge {
  id: string
  caller: string
  callee: string
  mode: Mode
  red: Red
  health: Health
  edges: GraphEdge[]
}

export interface Drawing {
  nodes: DrawnNode[]
  edges: DrawnEdge[]
  /** Whether nodes are drawn by namespace. */
  grouped: boolean
  /** Groups drawn as their members, in the order in which they were opened. */
  opened: { key: string; label: string }[]
  /** Nodes that are neither drawn nor part of a group that is. */
  leftOut: number
}

/** Group of a node: its namespace within its environment, or its type when it has no namespace. */
export function groupKey(n: GraphNode): string {
  return `${n.environment}/${n.namespace || `:${n.type}`}`
}

/** The service at whose address nobody answered calls, as all of their callers know it. */
export function answererOf(calls: GraphEdge[]): string | undefined {
  const service = calls[0]?.answered_by
  return calls.every((e) => e.answered_by === service) ? service : undefined
}

/** The names of the services whose addresses are nodes of their own, by node. */
export function addressesOf(graph: Graph): Map<string, string> {
  const names = new Map(graph.nodes.map((n) => [n.id, n.name]))
  const silent = new Set(graph.edges.flatMap((e) => e.answered_by ? [e.callee] : []))
  return new Map([...silent].flatMap((id) => {
    const name = names.get(answererOf(graph.edges.filter((e) => e.callee === id)) ?? '')
    return name ? [[id, name]] : []
  }))
}

/**
 * Decides what is drawn for a graph: its nodes, or groups of them where there are more than max. Groups named
 * in `open` are drawn as their members as far as max allows; the busiest come first, and the rest of such a
 * group stays one box. Nodes arrive busiest first and keep that order.
 */
export function collapse(graph: Graph, view: Pick<View, 'group' | 'open'>, max = MAX_DRAWN): Drawing {
  const grouped = view.group === 'on' || (view.group === 'auto' && graph.nodes.length > max)
  const { boxOf, groups, leftOut } = grouped ? byGroup(graph, view.open, max) : byNode(graph, max)

  const edges = drawEdges(graph, boxOf)
  const into = sumBy(graph.edges, (e) => crossing(boxOf, e) && boxOf.get(e.callee))
  const out = sumBy(graph.edges, (e) => crossing(boxOf, e) && boxOf.get(e.caller))

  const addresses = addressesOf(graph)
  const nodes: DrawnNode[] = []
  const seen = new Set<string>()
  for (const n of graph.nodes) {
    const id = boxOf.get(n.id)
    if (id === undefined || seen.has(id)) continue
    seen.add(id)
    if (id === n.id) {
      nodes.push({ id, label: n.name, red: n, out: out.get(id) ?? sum([]), health: healthOf(n), members: [n], node: n, addressOf: addresses.get(id) })
      continue
    }
    const members = groups.get(id)!.filter((m) => boxOf.get(m.id) === id)
    const red = into.get(id) ?? sum([])
    nodes.push({
      id, label: groupLabel(n), red, out: out.get(id) ?? sum([]), health: healthOf(red), members,
      group: {
        key: groupKey(n), members: members.length, environment: n.environment,
        failing: members.filter((m) => healthOf(m) === 'bad').length,
      },
    })
  }
  const opened = view.open.flatMap((key) => {
    const first = graph.nodes.find((n) => groupKey(n) === key)
    return grouped && first ? [{ key, label: groupLabel(first) }] : []
  })
  return { nodes, edges, grouped, opened, leftOut }
}

interface Boxes {
  /** Which box a node is drawn in, by node id. A node that is not drawn has none. */
  boxOf: Map<string, string>
  groups: Map<string, GraphNode[]>
  leftOut: number
}

function byNode(graph: Graph, max: number): Boxes {
  const boxOf = new Map(graph.nodes.slice(0, max).map((n) => [n.id, n.id]))
  return { boxOf, groups: new Map(), leftOut: graph.nodes.length - boxOf.size }
}

function byGroup(graph: Graph, open: string[], max: number): Boxes {
  const groups = new Map<string, GraphNode[]>()
  for (const n of graph.nodes) {
    const id = boxId(groupKey(n))
    const members = groups.get(id)
    if (members) members.push(n)
    else groups.set(id, [n])
  }
  const boxOf = new Map<string, string>()
  let drawn = 0
  let leftOut = 0
  for (const [id, members] of groups) {
    if (drawn === max) {
      leftOut += members.length
      continue
    }
    drawn++
    // A group of one says no more than its node does.
    for (const m of members) boxOf.set(m.id, members.length === 1 ? m.id : id)
  }
  for (const key of open) {
    const members = groups.get(boxId(key)) ?? []
    if (members.length < 2 || !boxOf.has(members[0]!.id)) continue
    const room = max - drawn
    const shown = members.length <= room + 1 ? members : members.slice(0, room)
    for (const m of shown) boxOf.set(m.id, m.id)
    drawn += shown.length - (shown.length === members.length ? 1 : 0)
  }
  return { boxOf, groups, leftOut }
}

function boxId(key: string): string {
  return `group:${key}`
}

function groupLabel(n: GraphNode): string {
  return n.namespace || PLURAL[n.type]
}

const PLURAL: Record<GraphNode['type'], string> = {
  service: 'services without namespace', database: 'databases', cache: 'caches', queue: 'queues',
  function: 'functions', external: 'external hosts', user: 'users', unknown: 'unknown callers',
}

function crossing(boxOf: Map<string, string>, e: GraphEdge): boolean {
  return boxOf.get(e.caller) !== boxOf.get(e.callee)
}

function drawEdges(graph: Graph, boxOf: Map<string, string>): DrawnEdge[] {
  const arrows = new Map<string, DrawnEdge>()
  for (const e of graph.edges) {
    const caller = boxOf.get(e.caller)
    const callee = boxOf.get(e.callee)
    if (caller === undefined || callee === undefined) continue
    const whole = caller === e.caller && callee === e.callee
    if (caller === callee && !whole) continue
    const id = whole ? e.id : `${caller}>${callee}:${e.mode}`
    const arrow = arrows.get(id)
    if (arrow) arrow.edges.push(e)
    else arrows.set(id, { id, caller, callee, mode: e.mode, red: e, health: 'unknown', edges: [e] })
  }
  for (const a of arrows.values()) {
    a.red = a.edges.length === 1 ? a.edges[0]! : sum(a.edges)
    a.health = healthOf(a.red)
  }
  return [...arrows.values()]
}

function sumBy(edges: readonly GraphEdge[], key: (e: GraphEdge) => string | false | undefined): Map<string, Red> {
  const parts = new Map<string, GraphEdge[]>()
  for (const e of edges) {
    const k = key(e)
    if (k) {
      const part = parts.get(k)
      if (part) part.push(e)
      else parts.set(k, [e])
    }
  }
  return new Map([...parts].map(([k, part]) => [k, sum(part)]))
}

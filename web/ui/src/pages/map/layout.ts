import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api'

export interface Point {
  x: number
  y: number
}

/** What a layout depends on: which boxes there are and which arrows join them. Nothing of it is a number that a refresh changes. */
export interface Topology {
  nodes: readonly { id: string }[]
  edges: readonly { id: string; caller: string; callee: string }[]
}

/** Where things are: the top left corner of each box, and the course of each arrow through the map. */
export interface Layout {
  positions: Record<string, Point>
  routes: Record<string, Point[]>
}

export const EMPTY_LAYOUT: Layout = { positions: {}, routes: {} }

/** Size of a box, the same for all so that the map stays calm. Pixels at zoom 1. */
export const BOX = { width: 216, height: 82 } as const

const GAP = { layer: 92, node: 30, shelf: 64 } as const

/** A short name for a topology: equal sets of boxes and arrows have equal keys, in whatever order they come. */
export function topologyKey(t: Topology): string {
  const parts = [...t.nodes.map((n) => n.id), ...t.edges.map((e) => `${e.id}|${e.caller}|${e.callee}`)].toSorted()
  // FNV-1a over two different starting points, 64 bits in all.
  let a = 0x811c9dc5
  let b = 0x1b873593
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      a = Math.imul(a ^ part.charCodeAt(i), 0x01000193)
      b = Math.imul(b ^ part.charCodeAt(i), 0x01000193)
    }
    a = Math.imul(a ^ 0x0a, 0x01000193)
    b = Math.imul(b ^ 0x0a, 0x01000193)
  }
  return `${t.nodes.length}.${t.edges.length}.${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`
}

/**
 * The question for the layout engine: callers left, callees right. The order of boxes and arrows is fixed by
 * old positions where there are some, else by id, so that equal topologies give equal layouts and a changed one
 * keeps the order that the reader has learned. Boxes without arrows are left out; they go on the shelf.
 */
export function elkGraph(t: Topology, seed: Layout): ElkNode {
  const connected = new Set(t.edges.flatMap((e) => [e.caller, e.callee]))
  const seeded = t.nodes.some((n) => seed.positions[n.id])
  const children = t.nodes
    .filter((n) => connected.has(n.id))
    .map((n) => ({ id: n.id, ...BOX, ...seedOf(n.id, t, seed) }))
    .toSorted((a, b) => (a.y ?? 0) - (b.y ?? 0) || (a.x ?? 0) - (b.x ?? 0) || (a.id < b.id ? -1 : 1))
  const rank = new Map(children.map((c, i) => [c.id, i]))
  const edges: ElkExtendedEdge[] = t.edges
    .toSorted((a, b) =>
      rank.get(a.caller)! - rank.get(b.caller)! || rank.get(a.callee)! - rank.get(b.callee)! || (a.id < b.id ? -1 : 1))
    .map((e) => ({ id: e.id, sources: [e.caller], targets: [e.callee] }))
  return {
    id: 'map',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.edgeRouting': 'POLYLINE',
      'elk.aspectRatio': '1.8',
      'elk.randomSeed': '1',
      'elk.spacing.nodeNode': String(GAP.node),
      'elk.spacing.edgeNode': '18',
      'elk.spacing.edgeEdge': '12',
      'elk.spacing.componentComponent': String(GAP.shelf),
      'elk.layered.spacing.nodeNodeBetweenLayers': String(GAP.layer),
      'elk.layered.spacing.edgeNodeBetweenLayers': '28',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
      'elk.layered.nodePlacement.favorStraightEdges': 'true',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      'elk.layered.considerModelOrder.crossingCounterNodeInfluence': '0.001',
      ...(seeded && { 'elk.layered.considerModelOrder.crossingCounterNodeInfluence': '0.1' }),
    },
    children,
    edges,
  }
}

/** Old position of a box; for a new one the middle of its neighbours', so that it is sorted in beside them. */
function seedOf(id: string, t: Topology, seed: Layout): Partial<Point> {
  const old = seed.positions[id]
  if (old) return old
  const near = neighbours(id, t).flatMap((n) => seed.positions[n] ?? [])
  return near.length > 0 ? middle(near) : {}
}

/** Reads the engine's answer, puts the boxes without arrows on a shelf below, and lays the whole over the old positions. */
export function readLayout(answer: ElkNode, t: Topology, seed: Layout): Layout {
  const layout: Layout = { positions: {}, routes: {} }
  for (const c of answer.children ?? []) layout.positions[c.id] = { x: c.x ?? 0, y: c.y ?? 0 }
  for (const e of answer.edges ?? []) {
    const s = e.sections?.[0]
    if (s) layout.routes[e.id] = [s.startPoint, ...(s.bendPoints ?? []), s.endPoint]
  }
  shelve(t, layout)
  return shift(layout, drift(layout, seed))
}

/** Puts boxes that no call touches in rows below everything else. */
function shelve(t: Topology, layout: Layout): void {
  const placed = Object.values(layout.positions)
  const right = Math.max(...placed.map((p) => p.x + BOX.width), 4 * (BOX.width + GAP.node))
  const top = placed.length === 0 ? 0 : Math.max(...placed.map((p) => p.y + BOX.height)) + GAP.shelf
  const perRow = Math.max(1, Math.floor((right + GAP.node) / (BOX.width + GAP.node)))
  t.nodes
    .filter((n) => !layout.positions[n.id])
    .forEach((n, i) => {
      layout.positions[n.id] = {
        x: (i % perRow) * (BOX.width + GAP.node),
        y: top + Math.floor(i / perRow) * (BOX.height + GAP.node),
      }
    })
}

/** How far the boxes that were there before have moved on average, the way back. */
function drift(now: Layout, before: Layout): Point {
  const moves = Object.entries(now.positions).flatMap(([id, p]) => {
    const old = before.positions[id]
    return old ? [{ x: old.x - p.x, y: old.y - p.y }] : []
  })
  return moves.length > 0 ? middle(moves) : { x: 0, y: 0 }
}

function shift(layout: Layout, by: Point): Layout {
  const move = (p: Point) => ({ x: Math.round(p.x + by.x), y: Math.round(p.y + by.y) })
  return {
    positions: Object.fromEntries(Object.entries(layout.positions).map(([id, p]) => [id, move(p)])),
    routes: Object.fromEntries(Object.entries(layout.routes).map(([id, route]) => [id, route.map(move)])),
  }
}

/**
 * Places what is new without moving what is there: each new box at the nearest free spot beside a neighbour,
 * right of its caller or left of its callee. Arrows without a course are drawn straight from box to box.
 */
export function addTo(layout: Layout, t: Topology): Layout {
  const positions: Record<string, Point> = {}
  for (const n of t.nodes) {
    const old = layout.positions[n.id]
    if (old) positions[n.id] = old
  }
  for (const n of t.nodes) {
    if (positions[n.id]) continue
    const caller = t.edges.find((e) => e.callee === n.id && positions[e.caller])
    const callee = t.edges.find((e) => e.caller === n.id && positions[e.callee])
    const column = BOX.width + GAP.layer
    const wish = caller ? { x: positions[caller.caller]!.x + column, y: positions[caller.caller]!.y }
      : callee ? { x: positions[callee.callee]!.x - column, y: positions[callee.callee]!.y }
      : { x: 0, y: Math.max(0, ...Object.values(positions).map((p) => p.y + BOX.height + GAP.shelf)) }
    positions[n.id] = freeSpot(wish, Object.values(positions))
  }
  const routes = Object.fromEntries(t.edges.flatMap((e) => {
    const route = layout.routes[e.id]
    return route ? [[e.id, route]] : []
  }))
  return { positions, routes }
}

function freeSpot(wish: Point, taken: Point[]): Point {
  const step = BOX.height + GAP.node
  const isFree = (p: Point) =>
    taken.every((o) => Math.abs(o.x - p.x) >= BOX.width + GAP.node / 2 || Math.abs(o.y - p.y) >= BOX.height + GAP.node / 2)
  for (let i = 0; ; i++) {
    for (const y of i === 0 ? [wish.y] : [wish.y + i * step, wish.y - i * step]) {
      if (isFree({ x: wish.x, y })) return { x: wish.x, y }
    }
  }
}

/** What to do about the layout when the topology to draw is another one. */
export type Plan = 'keep' | 'layout' | 'add'

/**
 * Decides between a new layout and keeping the old one. When the reader asked for something else, the map is
 * laid out anew. When only new data arrived, nothing that is on the screen moves: boxes that went leave a gap
 * and new ones are added where there is room, until the reader asks for a layout. A map that nobody has touched
 * and that has mostly become another one (the first minutes of a new system) is laid out anew too.
 */
export function planLayout(before: Layout, t: Topology, cause: 'reader' | 'refresh', touched: boolean): Plan {
  const known = t.nodes.filter((n) => before.positions[n.id]).length
  const fresh = t.nodes.length - known
  if (cause === 'reader' || known === 0) return 'layout'
  if (!touched && fresh * 3 > known) return 'layout'
  if (fresh > 0 || t.edges.some((e) => !before.routes[e.id])) return 'add'
  return 'keep'
}

function neighbours(id: string, t: Topology): string[] {
  return t.edges.flatMap((e) => (e.caller === id ? [e.callee] : e.callee === id ? [e.caller] : []))
}

function middle(points: Point[]): Point {
  return {
    x: points.reduce((s, p) => s + p.x, 0) / points.length,
    y: points.reduce((s, p) => s + p.y, 0) / points.length,
  }
}

import { Position, type Edge, type Node } from '@xyflow/react'
import type { DrawnEdge, DrawnNode, Drawing } from '../../graph/collapse'
import { worst, type Lens, type Reading } from '../../graph/lens'
import { perSecond } from '../../graph/red'
import { BOX, type Layout, type Point } from './layout'
import { straight } from './routes'

/** What the reader points at. */
export interface Marks {
  /** Box and arrow of the open panel. */
  node?: string
  edge?: string
  /** Box that the keyboard is on. */
  active?: string
  /** What a search found; null when nothing is looked for. */
  found: { nodes: Set<string> | null; edges: Set<string> | null }
  /** What the map is looked at through; none for health. */
  lens?: Lens
  /** Nodes that are ill right now, by when they fell ill. */
  ill: ReadonlyMap<string, string>
}

export type BoxNode = Node<{ drawn: DrawnNode; windowSeconds: number; selected: boolean; active: boolean; dim: boolean; reading?: Reading; illSince?: string }, 'box'>
export type ArrowEdge = Edge<{ drawn: DrawnEdge; windowSeconds: number; route: Point[]; width: number; selected: boolean; lit: boolean; dim: boolean; reading?: Reading }, 'arrow'>

/** The boxes of a drawing where the layout puts them. A box without a place is not drawn yet. */
export function boxesOf(drawing: Drawing, layout: Layout, marks: Marks, windowSeconds: number): BoxNode[] {
  const near = nearTo(drawing, marks)
  return drawing.nodes.flatMap((drawn) => {
    const position = layout.positions[drawn.id]
    if (!position) return []
    const hit = !marks.found.nodes || (drawn.node ? marks.found.nodes.has(drawn.id) : true)
    return [{
      id: drawn.id, type: 'box' as const, position, ...BOX, measured: BOX, handles: HANDLES,
      data: {
        drawn, windowSeconds,
        selected: drawn.id === marks.node,
        active: drawn.id === marks.active,
        dim: !hit || (near !== null && !near.has(drawn.id)),
        reading: marks.lens && worst(drawn.members.map(marks.lens.node)),
        illSince: drawn.members.map((m) => marks.ill.get(m.id)).filter((at) => at !== undefined).toSorted()[0],
      },
    }]
  })
}

/** The arrows of a drawing between boxes that have a place. */
export function arrowsOf(drawing: Drawing, layout: Layout, marks: Marks, windowSeconds: number): ArrowEdge[] {
  const busiest = Math.max(...drawing.edges.map((e) => e.red.calls_weighted), 0)
  return drawing.edges.flatMap((drawn) => {
    const from = layout.positions[drawn.caller]
    const to = layout.positions[drawn.callee]
    if (!from || !to) return []
    const selected = drawn.id === marks.edge
    const lit = selected || drawn.caller === marks.node || drawn.callee === marks.node ||
      drawn.caller === marks.active || drawn.callee === marks.active
    const pointed = marks.node !== undefined || marks.edge !== undefined
    const found = !marks.found.nodes || drawn.edges.some((e) => marks.found.edges?.has(e.id))
    return [{
      id: drawn.id, type: 'arrow' as const, source: drawn.caller, target: drawn.callee,
      zIndex: lit ? 1 : 0,
      data: {
        drawn, windowSeconds, selected, lit,
        route: layout.routes[drawn.id] ?? straight(from, to),
        width: widthOf(drawn, busiest),
        dim: !found || (pointed && !lit),
        reading: marks.lens && worst(drawn.edges.map(marks.lens.edge)),
      },
    }]
  })
}

/** Width of an arrow in px: its area grows with traffic, between a thin line and a thick one. */
function widthOf(e: DrawnEdge, busiest: number): number {
  return busiest > 0 ? 1.5 + 4.5 * Math.sqrt(e.red.calls_weighted / busiest) : 1.5
}

/** The selected box or arrow and what it touches; null when nothing is selected or it is not drawn. */
function nearTo(drawing: Drawing, marks: Marks): Set<string> | null {
  const touching = drawing.edges.filter((e) => e.id === marks.edge || e.caller === marks.node || e.callee === marks.node)
  if (touching.length === 0) return null
  return new Set(touching.flatMap((e) => [e.caller, e.callee]))
}

/** How busy an arrow is, for the order in which the keyboard walks. */
export function weightOf(e: DrawnEdge, windowSeconds: number): number {
  return perSecond(e.red, windowSeconds)
}

// Boxes have one size, so the places where arrows attach need not be measured.
const HANDLES = [
  { type: 'source' as const, position: Position.Right, x: BOX.width, y: BOX.height / 2, width: 1, height: 1 },
  { type: 'target' as const, position: Position.Left, x: 0, y: BOX.height / 2, width: 1, height: 1 },
]

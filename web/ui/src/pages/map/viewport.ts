import { getViewportForBounds, type Viewport } from '@xyflow/react'
import { BOX, type Layout } from './layout'

/** A window that is narrower than this shows names only if it does not show everything. */
const NARROW = 640
/** The least zoom at which names are drawn, with something to spare, and the distance to the edge of the window then. */
const LEGIBLE = 0.3
const MARGIN = 16

/** The whole map in a window of a size in px. */
export function whole(layout: Layout, width: number, height: number): Viewport {
  return getViewportForBounds(boundsOf(layout), width, height, 0.08, 1, 0.06)
}

/** Where the map begins: all of it, or on a phone what is called first, large enough to be read. */
export function firstViewport(layout: Layout, width: number, height: number): Viewport {
  const all = whole(layout, width, height)
  if (width >= NARROW || all.zoom >= LEGIBLE) return all
  const { x } = boundsOf(layout)
  const first = Object.values(layout.positions).filter((p) => p.x < x + BOX.width)
  const middle = first.reduce((sum, p) => sum + p.y + BOX.height / 2, 0) / Math.max(first.length, 1)
  return { x: MARGIN - x * LEGIBLE, y: height / 2 - middle * LEGIBLE, zoom: LEGIBLE }
}

function boundsOf(layout: Layout) {
  const places = Object.values(layout.positions)
  const points = Object.values(layout.routes).flat()
  const xs = [...places.flatMap((p) => [p.x, p.x + BOX.width]), ...points.map((p) => p.x)]
  const ys = [...places.flatMap((p) => [p.y, p.y + BOX.height]), ...points.map((p) => p.y)]
  const x = xs.reduce((a, b) => Math.min(a, b), Infinity)
  const y = ys.reduce((a, b) => Math.min(a, b), Infinity)
  return { x, y, width: xs.reduce((a, b) => Math.max(a, b), -Infinity) - x, height: ys.reduce((a, b) => Math.max(a, b), -Infinity) - y }
}

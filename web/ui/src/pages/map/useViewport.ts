import { getViewportForBounds, useReactFlow, useStore } from '@xyflow/react'
import { useCallback, useEffect, useRef, type RefObject } from 'react'
import { BOX, type Layout } from './layout'
import type { LaidOut } from './useLayout'

const MARGIN = 32

/**
 * Moves the map on the reader's behalf: it fits a new layout into the window unless the reader has moved the
 * map, and brings a box into sight when it is chosen elsewhere. It never moves anything else.
 */
export function useViewport(laidOut: LaidOut, touched: RefObject<boolean>, selected: string | undefined) {
  const flow = useReactFlow()
  const width = useStore((s) => s.width)
  const height = useStore((s) => s.height)
  const { layout, generation } = laidOut
  const latest = useRef(layout)
  latest.current = layout

  const fit = useCallback(() => {
    if (width === 0 || height === 0) return
    touched.current = false
    void flow.setViewport(getViewportForBounds(boundsOf(latest.current), width, height, 0.08, 1, 0.06))
  }, [flow, width, height, touched])

  const fitted = useRef(0)
  useEffect(() => {
    if (width === 0 || fitted.current === generation) return
    fitted.current = generation
    if (!touched.current) fit()
  }, [generation, width, fit, touched])

  const show = useCallback((id: string) => {
    const box = latest.current.positions[id]
    if (!box || width === 0) return
    const { x, y, zoom } = flow.getViewport()
    const left = box.x * zoom + x
    const top = box.y * zoom + y
    const inSight = left >= MARGIN && top >= MARGIN &&
      left + BOX.width * zoom <= width - MARGIN && top + BOX.height * zoom <= height - MARGIN
    if (!inSight) void flow.setCenter(box.x + BOX.width / 2, box.y + BOX.height / 2, { zoom, duration: calm() ? 0 : 220 })
  }, [flow, width, height])

  useEffect(() => {
    if (selected) show(selected)
  }, [selected, show, generation])

  return { fit, show }
}

/** Whether the reader asked for less movement. */
function calm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
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

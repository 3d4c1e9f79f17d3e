import { useReactFlow, useStore } from '@xyflow/react'
import { useCallback, useEffect, useRef, type RefObject } from 'react'
import { BOX } from './layout'
import type { LaidOut } from './useLayout'
import { firstViewport, whole } from './viewport'

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
    void flow.setViewport(whole(latest.current, width, height))
  }, [flow, width, height, touched])

  const fitted = useRef(0)
  useEffect(() => {
    if (width === 0 || height === 0 || fitted.current === generation) return
    fitted.current = generation
    if (!touched.current) void flow.setViewport(firstViewport(latest.current, width, height))
  }, [generation, width, height, flow, touched])

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

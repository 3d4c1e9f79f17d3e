import { useState, type KeyboardEvent } from 'react'
import type { Drawing } from '../../graph/collapse'
import { walk, WALK_KEYS, type Step, type WalkKey } from '../../graph/walk'
import type { Layout } from './layout'

interface Options {
  drawing: Drawing
  layout: Layout
  selected: string | undefined
  onMove: (id: string) => void
  onOpen: (id: string) => void
  onFocus: (id: string) => void
  onZoom: (by: 1 | -1) => void
  onFit: () => void
}

/** The keyboard on the map. The map is one tab stop; `active` is the box that the keys are on while it has focus. */
export function useWalk({ drawing, layout, selected, ...on }: Options) {
  const [step, setStep] = useState<Step | null>(null)
  const [focused, setFocused] = useState(false)
  const places = drawing.nodes.flatMap((n) => {
    const p = layout.positions[n.id]
    return p ? [{ id: n.id, ...p }] : []
  })
  const current = step && places.some((p) => p.id === step.at) ? step
    : selected && places.some((p) => p.id === selected) ? { at: selected, trail: [] } : null

  const onKeyDown = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    if (WALK_KEYS.includes(e.key)) {
      const arrows = drawing.edges.map((a) => ({ caller: a.caller, callee: a.callee, weight: a.red.calls_weighted }))
      const next = walk(places, arrows, current, e.key as WalkKey)
      setStep(next)
      if (next) on.onMove(next.at)
    } else if (e.key === 'Enter' || e.key === ' ') {
      if (current) on.onOpen(current.at)
    } else if (e.key === 'f' || e.key === 'F') {
      if (current) on.onFocus(current.at)
    } else if (e.key === '+' || e.key === '=' || e.key === '-') {
      on.onZoom(e.key === '-' ? -1 : 1)
    } else if (e.key === '0') {
      on.onFit()
    } else {
      return
    }
    e.preventDefault()
  }

  return {
    active: focused ? current?.at : undefined,
    onKeyDown,
    // A click focuses the map too, but only the keyboard needs the ring.
    onFocus: (e: React.FocusEvent) => setFocused(e.target.matches(':focus-visible')),
    onBlur: () => setFocused(false),
  }
}

import { useCallback, useEffect, useRef, useState } from 'react'
import { Elk } from './elk'
import { addTo, elkGraph, EMPTY_LAYOUT, planLayout, readLayout, topologyKey, type Layout, type Topology } from './layout'
import { LayoutCache } from './layoutCache'

let elk: Elk | undefined
const cache = new LayoutCache()

interface State {
  /** The last layout made as a whole. */
  base: Layout
  /** That, with what came since put where there was room. */
  shown: Layout
  /** What the reader asked for when it was made. */
  question: string
  /** Counts the layouts made as a whole. */
  generation: number
}

const NOTHING: State = { base: EMPTY_LAYOUT, shown: EMPTY_LAYOUT, question: '', generation: 0 }

export interface LaidOut {
  layout: Layout
  generation: number
  /** Boxes and arrows that came after the last whole layout. */
  fresh: { nodes: number; edges: number }
  /** Makes a whole layout now. */
  relayout: () => void
  /** The layout engine's failure. */
  error?: Error
}

/**
 * Keeps the layout of a topology. `question` names what the reader asked for: when it changes, the map is laid
 * out anew; when only data change, see planLayout. `touched` says whether the reader has moved the map.
 */
export function useLayout(topology: Topology, question: string, touched: () => boolean): LaidOut {
  const [state, setState] = useState(NOTHING)
  const [error, setError] = useState<Error>()
  const latest = useRef({ topology, question, state, touched })
  latest.current = { topology, question, state, touched }
  const key = topologyKey(topology)

  const layOut = useCallback(async () => {
    const { topology: t, question: q, state: s } = latest.current
    try {
      elk ??= new Elk()
      const started = performance.now()
      const layout = readLayout(await elk.layout(elkGraph(t, s.shown)), t, s.shown)
      performance.measure('faultline layout', { start: started, detail: { nodes: t.nodes.length, edges: t.edges.length } })
      cache.set(topologyKey(t), layout)
      if (latest.current.topology !== t && topologyKey(latest.current.topology) !== topologyKey(t)) return // overtaken
      setState((old) => ({ base: layout, shown: layout, question: q, generation: old.generation + 1 }))
      setError(undefined)
    } catch (err) {
      setError(err instanceof Error ? err : new Error(String(err)))
    }
  }, [])

  useEffect(() => {
    const { topology: t, question: q, state: s } = latest.current
    const cause = s.question === q ? 'refresh' : 'reader'
    const plan = planLayout(s.shown, t, cause, latest.current.touched())
    const known = cache.get(key)
    if (plan === 'layout' && known) setState({ base: known, shown: known, question: q, generation: s.generation + 1 })
    else if (plan === 'layout') void layOut()
    else if (plan === 'add') setState({ ...s, shown: addTo(s.shown, t) })
  }, [key, question, layOut])

  return {
    layout: state.shown,
    generation: state.generation,
    fresh: {
      nodes: topology.nodes.filter((n) => state.shown.positions[n.id] && !state.base.positions[n.id]).length,
      edges: topology.edges.filter((e) => !state.base.routes[e.id]).length,
    },
    relayout: useCallback(() => void layOut(), [layOut]),
    error,
  }
}

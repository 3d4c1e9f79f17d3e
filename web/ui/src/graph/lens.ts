import type { ChangeRating, Criticality, DependencyEdge, GraphEdge, GraphNode, Hotspot, WhatIfAction, WhatIfAnswer } from '../api/model'
import { duration, share } from '../format/format'
import { interval, VERDICT } from './criticality'

/** What the map and the table can be looked at through, beside the health of things. */
export const LENSES = ['health', 'criticality', 'fragility', 'errors', 'latency', 'change', 'whatif'] as const
export type LensName = (typeof LENSES)[number]

export const LENS_TEXT: Record<LensName, { title: string; about: string }> = {
  health: { title: 'Health', about: 'what failed in this window, and what is ill now' },
  criticality: { title: 'Criticality', about: 'which calls take their callers down' },
  fragility: { title: 'Fragility', about: 'where a failure is likely and would hurt' },
  errors: { title: 'Errors', about: 'share of calls that failed' },
  latency: { title: 'Latency', about: 'p95 of calls' },
  change: { title: 'Change', about: 'what is new, gone or different since before' },
  whatif: { title: 'What if', about: 'predicted share of failing requests of users' },
}

export type Level = 0 | 1 | 2 | 3 | 4

/** What a lens says of one thing: how much of it, and in words. */
export interface Reading {
  /** From nothing to most; null when it is not known. */
  level: Level | null
  text: string
  /** What tables sort by; null sorts last. */
  value: number | null
  verdict?: Criticality
  /** How much a change matters, and whether nothing is left of what it is about. */
  rating?: ChangeRating
  gone?: boolean
  /** The text in a word or two, for the map. */
  tag?: string
}

/** A lens, ready to be looked through. */
export interface Lens {
  name: LensName
  node: (n: GraphNode) => Reading
  edge: (e: GraphEdge) => Reading
}

/** The lower ends of levels 1 to 4. */
export const STEPS = {
  errors: [Number.MIN_VALUE, 0.001, 0.01, 0.05],
  latency: [10, 50, 200, 1000],
  fragility: [1, 10, 25, 50],
} as const

const NOTHING: Reading = { level: null, text: 'not known', value: null }

export function levelOf(value: number, steps: readonly number[]): Level {
  return steps.filter((s) => value >= s).length as Level
}

type Counts = Pick<GraphNode, 'calls' | 'failed' | 'p95_ms'>

function errors({ calls, failed }: Counts): Reading {
  if (calls === 0) return { ...NOTHING, text: 'not reported' }
  return { level: levelOf(failed / calls, STEPS.errors), text: share(failed, calls), value: failed / calls }
}

function latency({ p95_ms: p95 }: Counts): Reading {
  return p95 === null ? { ...NOTHING, text: 'not reported' } : { level: levelOf(p95, STEPS.latency), text: duration(p95), value: p95 }
}

export const errorsLens: Lens = { name: 'errors', node: errors, edge: errors }
export const latencyLens: Lens = { name: 'latency', node: latency, edge: latency }

const WEIGHT: Record<Criticality, Level | null> = { hard: 4, mixed: 3, partial: 3, soft: 1, unknown: null }

/** Edges by their verdict; nodes by how many of their callers fail with them. */
export function criticalityLens(verdicts: readonly DependencyEdge[]): Lens {
  const byEnds = new Map(verdicts.map((v) => [`${v.caller} ${v.callee}`, v]))
  const intoNode = new Map<string, DependencyEdge[]>()
  for (const v of verdicts) intoNode.set(v.callee, [...(intoNode.get(v.callee) ?? []), v])
  return {
    name: 'criticality',
    edge: ({ caller, callee }) => {
      const v = byEnds.get(`${caller} ${callee}`)
      if (!v) return { ...NOTHING, verdict: 'unknown' }
      const level = WEIGHT[v.verdict]
      const text = [VERDICT[v.verdict].title.toLowerCase(), interval(v)].filter(Boolean).join(' ')
      return { level, text, value: level === null ? null : level + v.probability, verdict: v.verdict }
    },
    node: ({ id }) => {
      const callers = intoNode.get(id) ?? []
      const judged = callers.filter((v) => v.verdict !== 'unknown')
      if (judged.length === 0) return NOTHING
      const hard = callers.filter((v) => v.verdict === 'hard').length
      const some = callers.filter((v) => v.verdict === 'mixed' || v.verdict === 'partial').length
      const of = callers.length
      if (hard > 0) return { level: 4, text: `hard for ${hard} of ${of}`, value: 10 + hard, verdict: 'hard' }
      if (some > 0) return { level: 3, text: `partly for ${some} of ${of}`, value: some, verdict: 'partial' }
      return { level: 1, text: `soft for ${judged.length} of ${of}`, value: 0, verdict: 'soft' }
    },
  }
}

/** Nodes by their score, and the calls into them likewise. */
export function fragilityLens(hotspots: readonly Hotspot[]): Lens {
  const byNode = new Map(hotspots.map((h) => [h.node, h]))
  const node = (id: string): Reading => {
    const h = byNode.get(id)
    return h ? { level: levelOf(h.fragility, STEPS.fragility), text: h.fragility.toFixed(h.fragility < 9.95 ? 1 : 0), value: h.fragility } : NOTHING
  }
  return { name: 'fragility', node: (n) => node(n.id), edge: (e) => node(e.callee) }
}

/** What a simulated failure does: to the nodes that it acts on, and to those that users call. */
export function whatIfLens(actions: readonly WhatIfAction[], answer: WhatIfAnswer): Lens {
  const acted = new Map(actions.filter((a) => a.callee === undefined).map((a) => [a.node, a]))
  const none: Reading = { level: 0, text: 'not called by users', value: null }
  return {
    name: 'whatif',
    node: ({ id }) => {
      const a = acted.get(id)
      if (a) return { level: 4, text: a.kind === 'down' ? 'down' : a.kind === 'slow' ? `+ ${duration(a.delay_ms ?? 0)}` : `fails ${share(a.share ?? 0, 1)}`, value: 2 }
      const fates = answer.fates.filter((f) => f.node === id)
      if (fates.length === 0) return none
      const all = fates.reduce((n, f) => n + f.per_second, 0)
      const failing = fates.reduce((n, f) => n + f.failing_per_second, 0)
      const value = all > 0 ? failing / all : Math.max(...fates.map((f) => f.fails))
      const slower = Math.max(...fates.map((f) => f.slower_ms))
      if (value < 0.001 && slower > 0) return { level: levelOf(slower, STEPS.latency), text: `${duration(slower)} slower`, value }
      return { level: levelOf(value, STEPS.errors), text: `${share(value, 1)} would fail`, value }
    },
    edge: ({ caller, callee }) => {
      const a = actions.find((x) => x.node === caller && x.callee === callee)
      return a ? { level: 4, text: a.kind === 'cut' ? 'cut' : 'made soft', value: 2 } : { level: 0, text: '', value: null }
    },
  }
}

/** The reading of several things drawn as one: that of the worst. */
export function worst(readings: readonly Reading[]): Reading {
  return readings.reduce((a, b) => ((b.value ?? -1) > (a.value ?? -1) ? b : a), readings[0] ?? NOTHING)
}

import type { WhatIfAction } from '../api/model'
import { duration, share } from '../format/format'

/** As many as the API takes at once. */
export const MAX_ACTIONS = 50

export const DEFAULTS = { errors: 30, slow: 400 } as const

const NODE = '[0-9a-f]{16}'
const FORM = new RegExp(`^(?:(down)\\.(${NODE})|(errors|slow)\\.(${NODE})\\.(\\d{1,6}(?:\\.\\d{1,2})?)|(cut|soften)\\.(${NODE})\\.(${NODE}))$`)

/**
 * Reads an action as the URL writes it: `down.<node>`, `errors.<node>.<percent>`, `slow.<node>.<ms>`, `cut.<caller>.<callee>`,
 * `soften.<caller>.<callee>`. Anything else is undefined.
 */
export function parseAction(text: string): WhatIfAction | undefined {
  const m = FORM.exec(text)
  if (!m) return undefined
  const [, down, downNode, much, muchNode, amount, edge, caller, callee] = m
  if (down) return { kind: 'down', node: downNode! }
  if (edge) return { kind: edge as 'cut' | 'soften', node: caller!, callee: callee! }
  const n = Number(amount)
  if (n <= 0 || (much === 'errors' && n > 100)) return undefined
  return much === 'errors' ? { kind: 'errors', node: muchNode!, share: n / 100 } : { kind: 'slow', node: muchNode!, delay_ms: n }
}

/** Writes an action for the URL. */
export function formatAction(a: WhatIfAction): string {
  switch (a.kind) {
    case 'errors': return `errors.${a.node}.${+((a.share ?? 0) * 100).toFixed(2)}`
    case 'slow': return `slow.${a.node}.${a.delay_ms}`
    case 'cut':
    case 'soften': return `${a.kind}.${a.node}.${a.callee}`
    default: return `down.${a.node}`
  }
}

/** An action in words. */
export function actionText(a: WhatIfAction, nameOf: (id: string) => string): string {
  const node = nameOf(a.node)
  switch (a.kind) {
    case 'errors': return `${node} fails ${share(a.share ?? 0, 1)} of its requests`
    case 'slow': return `${node} takes ${duration(a.delay_ms ?? 0)} longer`
    case 'cut': return `calls of ${node} to ${nameOf(a.callee ?? '')} fail`
    case 'soften': return `${node} survives failures of ${nameOf(a.callee ?? '')}`
    default: return `${node} is down`
  }
}

/** The actions with one more. One that is about the same thing in the same way is replaced. */
export function withAction(acts: readonly string[], added: WhatIfAction): string[] {
  const same = (a: WhatIfAction | undefined) => a && a.node === added.node && a.callee === added.callee
  return [...acts.filter((t) => !same(parseAction(t))), formatAction(added)].slice(-MAX_ACTIONS)
}

/** The actions that the URL names. */
export function actionsOf(acts: readonly string[]): WhatIfAction[] {
  return acts.flatMap((t) => parseAction(t) ?? [])
}

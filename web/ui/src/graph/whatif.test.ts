import { describe, expect, test } from 'vitest'
import type { WhatIfAction } from '../api/model'
import { actionText, formatAction, parseAction, withAction } from './whatif'

const a = '00000000000000aa'
const b = '00000000000000bb'
const actions: WhatIfAction[] = [
  { kind: 'down', node: a }, { kind: 'errors', node: a, share: 0.3 }, { kind: 'slow', node: a, delay_ms: 400 },
  { kind: 'cut', node: a, callee: b }, { kind: 'soften', node: a, callee: b },
]

describe('actions in the URL', () => {
  test.each(actions)('$kind survives the way there and back', (action) => {
    expect(parseAction(formatAction(action))).toEqual(action)
  })
  test.each(['', 'down', 'down.x', `down.${a}.3`, `errors.${a}`, `errors.${a}.0`, `errors.${a}.101`, `slow.${a}.-4`, `cut.${a}`, `burn.${a}`])('%s is none', (text) => {
    expect(parseAction(text)).toBeUndefined()
  })
})

test('an action reads as a sentence', () => {
  const name = (id: string) => (id === a ? 'cart' : 'db')
  expect(actions.map((x) => actionText(x, name))).toEqual([
    'cart is down', 'cart fails 30 % of its requests', 'cart takes 400 ms longer', 'calls of cart to db fail', 'cart survives failures of db',
  ])
})

test('another action about the same thing takes its place', () => {
  const acts = withAction(withAction([`down.${b}`], { kind: 'down', node: a }), { kind: 'slow', node: a, delay_ms: 50 })
  expect(acts).toEqual([`down.${b}`, `slow.${a}.50`])
  expect(withAction(acts, { kind: 'soften', node: a, callee: b })).toHaveLength(3)
})

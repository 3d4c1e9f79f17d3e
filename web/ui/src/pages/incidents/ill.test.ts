import { expect, test } from 'vitest'
import type { Incident } from '../../api/model'
import { illNow } from './ill'

test('what is ill in an incident that lasts is ill now, whatever the window says', () => {
  const at = (s: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, s)).toISOString()
  const member = (node: string, onset: number, over: object = {}) => ({ node, callee: '', sign: 'failing', suspected: false, onset: at(onset), ...over })
  const incident = {
    started: at(0), closed: null, last_ill: at(60), suspected: false,
    candidates: [{ node: 'db', likely: true }, { node: 'other', likely: false }],
    members: [
      member('web', 20), member('web', 10, { sign: 'slow' }), member('cart', 5, { callee: 'db' }), member('mail', 5, { suspected: true }),
      member('search', 5, { sign: 'different' }),
    ],
  } as unknown as Incident
  const now = Date.parse(at(70))
  expect([...illNow([incident], now)].toSorted()).toEqual([['db', at(0)], ['web', at(10)]])
  expect(illNow([{ ...incident, last_ill: at(0) }, { ...incident, suspected: true }, { ...incident, closed: at(61) }], now).size).toBe(0)
})

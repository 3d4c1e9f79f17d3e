import { expect, test } from 'vitest'
import type { Incident } from '../../api/model'
import { spreadOf } from './spread'

const at = (s: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, s)).toISOString()

function incident(steps: string[], onsets: Record<string, number>, entries: string[] = []): Incident {
  return {
    id: 'i', started: at(0), opened: at(30), last_ill: at(60), closed: null, sign: 'failing',
    candidates: [{ node: 'db', node_name: 'db', onset: null }], members: Object.entries(onsets).map(([node, s]) => ({ node, onset: at(s) })),
    path: steps.map((s) => {
      const [callee = '', caller = ''] = s.split('>')
      return { caller, callee, caller_name: caller, callee_name: callee, calls: 10, failed: 4, onset: null }
    }),
    entries: entries.map((node) => ({ node, node_name: node, operation: 'GET /', requests: 20, bad: 5 })),
  } as unknown as Incident
}

const placed = (i: Incident) => spreadOf(i).nodes.map((n) => `${n.name} ${n.column}.${n.row}`)

test('the cause is at the left, callers to the right, the earliest first', () => {
  const i = incident(['db>stock', 'db>orders', 'orders>web', 'stock>web'], { db: 0, stock: 20, orders: 10, web: 30 })
  expect(placed(i)).toEqual(['db 0.0', 'orders 1.0', 'stock 1.1', 'web 2.0'])
  expect(spreadOf(i)).toMatchObject({ columns: 3, rows: 2 })
  expect(spreadOf(i).nodes.map((n) => n.after)).toEqual([0, 10_000, 20_000, 30_000])
})

test('a circle of calls ends', () => {
  const s = spreadOf(incident(['db>a', 'a>b', 'b>a'], {}))
  expect(s.nodes.map((n) => n.name)).toEqual(['db', 'a', 'b'])
  expect(s.arrows.map((a) => `${a.from}>${a.to}`)).toEqual(['db>a', 'a>b'])
})

test('an entry shows what users met', () => {
  expect(spreadOf(incident(['db>web'], {}, ['web', 'web'])).nodes[1]!.entry).toEqual({ bad: 10, requests: 40 })
})

test('one that spread nowhere is its cause alone', () => {
  expect(placed(incident([], {}))).toEqual(['db 0.0'])
})

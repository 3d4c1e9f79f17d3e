import { expect, test } from 'vitest'
import type { Dependencies, NodeDetail } from '../../api/model'
import { edge, node, red } from '../../test/shop'
import { neighboursOf, versionsOf } from './dependencies'

const detail: NodeDetail = {
  window: { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:01:00Z', step_ms: 10_000 }, node: node('cart'),
  callers: [edge('web>cart')],
  callees: [edge('cart>db', red(10)), edge('cart>mail', red(900)), edge('cart>mail', { ...red(50), id: 'cart>mail:grpc', protocol: 'grpc' }), edge('cart>stock', red(80))],
  neighbours: [node('web'), node('db'), node('mail'), node('stock')],
}
const known = {
  edges: [
    { caller: 'cart', callee: 'db', verdict: 'hard' }, { caller: 'cart', callee: 'mail', verdict: 'soft' }, { caller: 'web', callee: 'cart', verdict: 'partial' },
  ],
  call_sites: [{ caller: 'cart', callee: 'db', operation: 'a' }, { caller: 'web', callee: 'cart', operation: 'b' }],
} as unknown as Dependencies

test('what takes the service down comes first, whatever its traffic', () => {
  expect(neighboursOf(detail, known, 'callee').map((n) => `${n.name} ${n.verdict?.verdict}`)).toEqual(['db hard', 'stock undefined', 'mail soft'])
})

test('two edges to one callee are one dependency', () => {
  const mail = neighboursOf(detail, known, 'callee').find((n) => n.name === 'mail')!
  expect(mail.red.calls).toBe(950)
  expect(mail.edges.map((e) => e.id)).toEqual(['cart>mail', 'cart>mail:grpc'])
})

test('verdicts are those of the right direction', () => {
  const [web] = neighboursOf(detail, known, 'caller')
  expect(web!.verdict?.verdict).toBe('partial')
  expect(web!.sites.map((s) => s.operation)).toEqual(['b'])
})

test('before anything is known the rows are there all the same', () => {
  expect(neighboursOf(detail, undefined, 'callee').map((n) => n.name)).toEqual(['mail', 'stock', 'db'])
})

test('versions are added up over operations', () => {
  expect(versionsOf([{ version: '1', calls: 5, failed: 1 }, { version: '2', calls: 9, failed: 0 }, { version: '1', calls: 6, failed: 0 }])).toEqual([
    { version: '1', calls: 11, failed: 1 }, { version: '2', calls: 9, failed: 0 },
  ])
})

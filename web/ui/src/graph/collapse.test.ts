import { expect, test } from 'vitest'
import { edge, graph, node } from '../test/shop'
import { addressesOf, collapse } from './collapse'

test('an address is told from a service if all its callers know who answers there', () => {
  const g = graph('web>cart', 'web>cart:80', 'admin>cart:80', 'web>mail:25', 'admin>mail:25')
  g.edges = g.edges.map((e) => ({ ...e, answered_by: e.callee === 'cart:80' || (e.callee === 'mail:25' && e.caller === 'web') ? 'cart' : undefined }))
  expect([...addressesOf(g)]).toEqual([['cart:80', 'cart']])
  expect(collapse(g, { group: 'auto', open: [] }).nodes.map((n) => [n.id, n.addressOf])).toContainEqual(['cart:80', 'cart'])
  expect(addressesOf({ ...g, nodes: [node('web')], edges: [edge('web>cart:80', { answered_by: 'cart' })] }).size).toBe(0)
})

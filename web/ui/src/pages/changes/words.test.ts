import { expect, test } from 'vitest'
import type { ChangeItem } from '../../api/model'
import { change as item } from '../../test/shop'
import { chanceOf, measureOf, titleOf } from './words'

const ref = (node_name: string) => ({ node: '9', node_name })

test.each<[Partial<ChangeItem>, string, string]>([
  [{}, 'web began to call db', '20 calls'],
  [{ crosses_to: 'test' }, 'web began to call db in another environment, test', '20 calls'],
  [{ kind: 'edge_lost', before: { value: 30, count: 0, of: 10 }, after: { value: 0, count: 0, of: 29.6 } }, 'web no longer calls db', '30 calls before; about 30 expected, none seen'],
  [{ kind: 'node_new', callee: null, callee_name: '', node_name: '' }, '1 is new', '20 calls'],
  [{ kind: 'rate', before: { value: 0.178, count: 61, of: 342 }, after: { value: 0.0078, count: 4, of: 516 } }, 'web calls db less often for each request', '0.18 → 0.0078 for each request'],
  [{ kind: 'errors', before: { value: 0, count: 0, of: 107 }, after: { value: 0.1675, count: 32, of: 191 } }, 'Calls of web to db fail more often', '0 % → 16.8 % (0 of 107, 32 of 191)'],
  [{ kind: 'latency', callee: null, operation: 'GET /', before: { value: 300, count: 9, of: 9 }, after: { value: 20, count: 9, of: 9 } }, 'Requests for GET / of web got faster', 'p95 300 ms → 20 ms'],
  [{ kind: 'criticality', operation: 'GET /', from: 'soft', to: 'hard' }, 'db became a hard dependency of web in GET /', 'soft → hard'],
  [{ kind: 'cycle_new', cycle: [ref('db'), ref('web')] }, 'db → web → db: they now wait for each other', '20 calls'],
  [{ kind: 'hard_dependency_new', entries: [ref('web'), ref('app')], after: { value: 0, count: 0, of: 0 } }, 'web, app now fail when db does', ''],
])('%o', (patch, title, measure) => {
  expect(titleOf(item(patch))).toBe(title)
  expect(measureOf(item(patch))).toBe(measure)
})

test('a chance that was not computed is not shown', () => {
  expect(chanceOf(item({}))).toBe('')
  expect(chanceOf(item({ chance: 1e-30 }))).toBe('by chance <0.01 %')
  expect(chanceOf(item({ chance: 0.0484 }))).toBe('by chance 4.84 %')
})

import { expect, test } from 'vitest'
import { node, red } from '../../test/shop'
import { nodeColumns, sorted } from './columns'

const rows = [
  node('b', red(10, 5)), node('a', red(500)), node('c', { ...red(0), p95_ms: null }),
]
const names = (sort: string) => sorted(rows, nodeColumns(60), sort).map((n) => n.name)

test('sorts both ways', () => {
  expect(names('name')).toEqual(['a', 'b', 'c'])
  expect(names('-calls')).toEqual(['a', 'b', 'c'])
  expect(names('-errors')).toEqual(['b', 'a', 'c'])
})

test('what is not reported comes last in either direction', () => {
  expect(names('p95').at(-1)).toBe('c')
  expect(names('-p95').at(-1)).toBe('c')
})

test('an unknown column sorts by the first', () => {
  expect(names('nonsense')).toEqual(['a', 'b', 'c'])
})

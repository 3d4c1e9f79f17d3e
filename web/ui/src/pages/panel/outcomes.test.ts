import { expect, test } from 'vitest'
import { site } from '../../test/shop'
import { dependencies } from './outcomes'

test('call sites of one callee add up', () => {
  const [d] = dependencies([
    site('web>pay', { operation: 'GET /', requests: 10, calls: 10, attempts: 12, fatal: 1, survived: 2, timed_out: 1, survived_trace: 'b' }),
    site('web>pay', { operation: 'POST /', requests: 5, calls: 5, attempts: 5, fatal: 3, fatal_trace: 'a' }),
  ])
  expect(d).toMatchObject({ callee: 'pay', requests: 15, fatal: 4, survived: 2, calls: 15, attempts: 17, timedOut: 1, fatalTrace: 'a', survivedTrace: 'b' })
  expect(d!.sites.map((s) => s.operation)).toEqual(['POST /', 'GET /'])
})

test('what takes requests down comes first, then what fails, then what is asked most', () => {
  expect(dependencies([
    site('web>quiet', { requests: 1 }), site('web>busy', { requests: 1000 }), site('web>tolerated', { requests: 10, survived: 9 }), site('web>fatal', { requests: 5, fatal: 1 }),
  ]).map((d) => d.callee)).toEqual(['fatal', 'tolerated', 'busy', 'quiet'])
})

test('nothing called is an empty list', () => expect(dependencies([])).toEqual([]))

import { expect, test } from 'vitest'
import { partsOf } from './parts'

test('a name may be broken after what separates its parts, and nothing of it is lost', () => {
  expect(partsOf('api.pay.example')).toEqual(['api.', 'pay.', 'example'])
  expect(partsOf('redis @ cart-cache:6379')).toEqual(['redis @ ', 'cart-', 'cache:', '6379'])
  for (const name of ['recommendation', '-x-', '', '@', 'a b']) expect(partsOf(name).join('')).toBe(name)
})

import { expect, test } from 'vitest'
import { availability, small } from './words'

test('an availability shows what is lacking', () => {
  expect([1, 0.999, 0.99955, 0.9999873, 0.9, 0.5, 0].map(availability)).toEqual(['100 %', '99.9 %', '99.955 %', '99.9987 %', '90 %', '50 %', '0 %'])
})

test('a small share has two digits', () => {
  expect([0, 0.00012345, 0.0123, 0.5].map(small)).toEqual(['0 %', '0.012 %', '1.2 %', '50 %'])
})

import { expect, test } from 'vitest'
import { ago, bytes, compact, duration, rate, share } from './format'

test.each([
  [null, 'not reported'], [0, '0 ms'], [0.45, '450 µs'], [12.345, '12.3 ms'], [999.6, '1 s'], [61_000, '1.02 min'],
])('duration %s', (ms, want) => expect(duration(ms)).toBe(want))

test.each([
  [0, 0, 'not reported'], [0, 10, '0 %'], [1, 1e6, '<0.01 %'], [1, 3, '33.3 %'], [9999, 10_000, '>99.9 %'], [1, 1, '100 %'],
])('share %s of %s', (part, whole, want) => expect(share(part, whole)).toBe(want))

test.each([[0, '0/s'], [412, '412/s'], [0.5, '30/min'], [0.001, '3.6/h'], [11_160, '11.2k/s']])('rate %s', (r, want) => expect(rate(r)).toBe(want))

test.each([[940, '940'], [999_950, '1M'], [3_400_000, '3.4M']])('compact %s', (n, want) => expect(compact(n)).toBe(want))

test.each([[0, '0 B'], [840, '840 B'], [12_700, '12.4 KiB'], [2 ** 30, '1 GiB']])('bytes %s', (n, want) => expect(bytes(n)).toBe(want))

test('ago', () => {
  expect(ago(0, 12_000)).toBe('12 s ago')
  expect(ago(0, 7_200_000)).toBe('2 h ago')
  expect(ago(5000, 0)).toBe('0 s ago')
})

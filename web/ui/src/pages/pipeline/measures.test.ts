import { expect, test } from 'vitest'
import type { Measure, Measures, Replica } from '../../api/model'
import { isDuplicate, journalFill, nameOf, rateOf, rejections, replicaHealth } from './measures'

const counter = (value: number, per_second: number | null = null): Measure => ({ kind: 'counter', value, per_second })
const gauge = (value: number): Measure => ({ kind: 'gauge', value, per_second: null })

test('rejections that go on come first', () => {
  expect(rejections({
    rejected_spans_invalid_id: counter(900, 0), rejected_spans_no_timestamp: counter(5, 2), rejected_spans_out_of_window: counter(0, 0), accepted_spans: counter(1, 1),
  }).map((r) => r.reason)).toEqual(['no_timestamp', 'invalid_id'])
})

test('rates add up, and what is not known is not zero', () => {
  const values: Measures = { duplicate_spans: counter(5, 2), duplicate_requests: counter(5, 1), calls: counter(1, 9) }
  expect(rateOf(values, isDuplicate)).toBe(3)
  expect(rateOf({ calls: counter(5) }, () => true)).toBeNull()
  expect(rateOf({}, () => true)).toBeNull()
})

test.each([
  [50, 100, 'ok'], [70, 100, 'warn'], [90, 100, 'bad'], [200, 100, 'bad'],
])('a journal of %s of %s is %s', (bytes, max, want) => {
  expect(journalFill({ journal_bytes: gauge(bytes), journal_max_bytes: gauge(max) })?.health).toBe(want)
})

test('without a journal there is no fill', () => {
  expect(journalFill({})).toBeUndefined()
  expect(journalFill({ journal_bytes: gauge(0), journal_max_bytes: gauge(0) })).toBeUndefined()
})

test.each<[Replica['state'], Measures, string]>([
  ['reporting', {}, 'ok'],
  ['silent', {}, 'bad'],
  ['reporting', { store_lag_ms: gauge(40_000) }, 'warn'],
  ['reporting', { store_lag_ms: gauge(800), journal_bytes: gauge(95), journal_max_bytes: gauge(100) }, 'bad'],
])('%s with %o is %s', (state, values, want) => {
  expect(replicaHealth({ name: 'a', version: '', started: '', reported: '', state, values })).toBe(want)
})

test('every value has a name', () => {
  expect(nameOf('accepted_spans')).toBe('Spans accepted')
  expect(nameOf('rejected_spans_no_timestamp')).toBe('Spans rejected: neither start nor end')
  expect(nameOf('rejected_spans_too_strange')).toBe('Spans rejected: Too strange')
  expect(nameOf('something_new')).toBe('Something new')
})

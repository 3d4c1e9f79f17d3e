import { expect, test } from 'vitest'
import type { AuditCheck } from '../../api/model'
import { measuredText } from './practices'

test('a practice says what was measured, or that there is too little', () => {
  const text = (practice: AuditCheck['practice'], value: number, state: AuditCheck['state'] = 'pass') =>
    measuredText({ practice, state, value, evidence: 12, title: '', means: '', repair: '', aws: [] })
  expect(text('timeout', 300)).toBe('300 ms, 12 times')
  expect(text('retries', 3)).toBe('3 attempts, in 12 failures')
  expect(text('backoff', 0, 'risk')).toBe('no pause at all')
  expect(text('backoff', 1)).toBe('always the same pause')
  expect(text('backoff', 2)).toBe('each pause 2.0 times the one before')
  expect(text('jitter', 0.33)).toBe('pauses spread by 33 %')
  expect(text('degradation', 1)).toBe('100 % of 12 failures survived')
  expect(text('chattiness', 3)).toBe('3.0 calls for each request')
  expect(text('timeout', 0, 'unknown')).toBe('not enough evidence')
})

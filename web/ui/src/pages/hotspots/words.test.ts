import { expect, test } from 'vitest'
import type { HotspotPart } from '../../api/model'
import { rawText } from './words'

test('a part shows its raw number, or that it is not known', () => {
  const text = (part: HotspotPart['part'], raw: number, known = true) => rawText({ part, raw, known, hazard: 0, weight: 0, points: 0 })
  expect(text('burn', 20)).toBe('20.0 × the budget')
  expect(text('amplification', 1.5)).toBe('1.50 attempts for each call')
  expect(text('redundancy', 0, false)).toBe('not known')
  expect(text('redundancy', 1)).toBe('one instance')
  expect(text('exposure', 0.25)).toBe('25 %')
  expect(text('change', 3)).toBe('3')
})

import { describe, expect, it } from 'vitest'
import { interval, VERDICT } from './criticality'

const evidence = (fatal: number, survived = 0) => ({ total_fatal: fatal, total_survived: survived, partial_fatal: 0 })

describe('criticality', () => {
  it('shows no percentage without a failure', () => {
    expect(interval({ low: 0.1, high: 1, evidence: evidence(0) })).toBe('')
  })
  it('shows the interval in percent', () => {
    expect(interval({ low: 0.712, high: 1, evidence: evidence(5) })).toBe('71–100 %')
    expect(interval({ low: 0.501, high: 0.503, evidence: evidence(900, 900) })).toBe('50 %')
  })
  it('says what to reckon with where nothing is known', () => {
    expect(VERDICT.unknown.means('hard')).toContain('reckon with hard')
    expect(VERDICT.unknown.means('unknown')).toBe('Too few failures were seen.')
  })
})

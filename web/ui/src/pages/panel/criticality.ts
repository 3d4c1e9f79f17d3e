import type { Criticality } from '../../api/model'

/** What the verdicts are called and what they mean. */
export const VERDICT: Record<Criticality, { title: string; means: (assumed: Criticality) => string }> = {
  hard: { title: 'Hard', means: () => 'The caller fails when the callee does.' },
  soft: { title: 'Soft', means: () => 'The caller does not fail when the callee does.' },
  partial: { title: 'Partial', means: () => 'The caller fails with the callee sometimes.' },
  mixed: { title: 'Mixed', means: () => 'It depends on the operation of the caller.' },
  unknown: {
    title: 'Unknown',
    means: (assumed) => assumed === 'unknown' ? 'Too few failures were seen.' : `Too few failures were seen; until then reckon with ${assumed}.`,
  },
}

/** The probability that the caller fails, as an interval in percent; nothing without a failure to judge by. */
export function interval({ low, high, evidence }: { low: number; high: number; evidence: { total_fatal: number; total_survived: number; partial_fatal: number } }): string {
  if (evidence.total_fatal + evidence.total_survived + evidence.partial_fatal === 0) return ''
  const [from, to] = [Math.round(low * 100), Math.round(high * 100)]
  return from === to ? `${from} %` : `${from}–${to} %`
}

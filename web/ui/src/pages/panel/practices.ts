import type { AuditCheck } from '../../api/model'
import { count, duration, plural, share } from '../../format/format'
import type { Health } from '../../graph/red'

export const STATE_MARK: Record<AuditCheck['state'], Health> = { pass: 'ok', risk: 'warn', unknown: 'unknown' }
export const STATE_TEXT: Record<AuditCheck['state'], string> = { pass: 'seen', risk: 'risk', unknown: 'not enough evidence' }

/** What was measured for a practice, with how often. */
export function measuredText({ practice, state, value, evidence }: AuditCheck): string {
  if (state === 'unknown') return STATE_TEXT.unknown
  switch (practice) {
    case 'timeout':
      return `${duration(value)}, ${count(evidence)} times`
    case 'retries':
      return `${plural(value, 'attempt')}, in ${plural(evidence, 'failure')}`
    case 'backoff':
      return value === 0 ? 'no pause at all' : value === 1 ? 'always the same pause' : `each pause ${value.toFixed(1)} times the one before`
    case 'jitter':
      return `pauses spread by ${share(value, 1)}`
    case 'degradation':
      return `${share(value, 1)} of ${plural(evidence, 'failure')} survived`
    case 'chattiness':
      return `${value.toFixed(1)} calls for each request`
  }
}

import type { AuditCheck, AuditService } from '../api/model'
import type { Health } from '../graph/red'

export const STATE_MARK: Record<AuditCheck['state'], Health> = { pass: 'ok', risk: 'warn', unknown: 'unknown' }
export const STATE_TEXT: Record<AuditCheck['state'], string> = { pass: 'followed', risk: 'missing', unknown: 'not enough evidence' }

export const LEVEL_TEXT = ['', 'seen', 'bounded', 'isolated', 'graceful']

const ORDER: AuditCheck['state'][] = ['risk', 'unknown', 'pass']

/** What is missing first, then what is not known; within that as they came. */
export const worstFirst = (checks: AuditCheck[]) => checks.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))

/** How many checks are in which state, the worst first; states without one are left out. */
export function tally(checks: AuditCheck[]): string {
  return ORDER.map((state) => ({ state, n: checks.filter((c) => c.state === state).length }))
    .filter(({ n }) => n > 0)
    .map(({ state, n }) => `${n} ${STATE_TEXT[state]}`)
    .join(', ')
}

/** What a level says, and what it does not. */
export function levelText({ level, ceiling, known }: Pick<AuditService, 'level' | 'ceiling' | 'known'>): string {
  const share = `${Math.round(known * 100)} % of the practices are known`
  if (level === 4) return `All that applies was seen to be followed; ${share}.`
  if (ceiling === level) return `A practice of level ${level + 1} was seen to be missing; ${share}.`
  return `Level ${ceiling} is possible if what is not known yet is followed; ${share}.`
}

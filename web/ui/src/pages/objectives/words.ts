import type { Feasibility, ObjectiveDependency } from '../../api/model'

/** What the verdicts are called and what they mean. */
export const FEASIBILITY: Record<Feasibility, { title: string; means: string; tone: string }> = {
  infeasible: { title: 'Cannot be kept', means: 'Not even if all failures of its dependencies coincide.', tone: 'text-bad' },
  feasible: { title: 'Can be kept', means: 'Also if no two failures of its dependencies coincide.', tone: 'text-ok' },
  depends: { title: 'Depends', means: 'On how failures coincide, or on dependencies that are not known to be hard.', tone: 'text-warn' },
  insufficient: { title: 'Too little seen', means: 'The requests seen are so few that the objective would have allowed less than five failures.', tone: 'text-ink-2' },
}

export const COUPLING: Record<ObjectiveDependency['coupling'], string> = { hard: 'hard', partial: 'partial', assumed: 'not known, reckoned with as hard' }

/** An availability. What is lacking to 100 % counts, so that is what has two digits. */
export function availability(share: number): string {
  const lacking = 1 - share
  if (lacking <= 0) return '100 %'
  const digits = Math.min(Math.max(Math.ceil(-Math.log10(lacking)) - 1, 0), 8)
  return `${Number((share * 100).toFixed(digits))} %`
}

/** A small share, with two significant digits. */
export function small(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`
}

import type { ChangeRating } from '../api/model'
import type { Health } from '../graph/red'

/** The ratings in the order in which they are listed. */
export const RATINGS: readonly ChangeRating[] = ['risk', 'worse', 'notice', 'better']

export const RATING_TEXT: Record<ChangeRating, string> = { risk: 'Worth acting on', worse: 'Worse', notice: 'Good to know', better: 'Better' }

/** The shape that stands for a rating; the word stands beside it. */
export const RATING_MARK: Record<ChangeRating, Health> = { risk: 'bad', worse: 'warn', notice: 'unknown', better: 'ok' }

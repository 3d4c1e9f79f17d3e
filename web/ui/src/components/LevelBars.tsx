import type { Reading } from '../graph/lens'
import { HealthMark } from './HealthMark'
import { RATING_MARK } from './rating'
import { VerdictLine } from './Verdict'

/** A level as bars that rise, filled up to it: it reads without colour. An unknown level is a broken line. */
export function LevelBars({ level, size = 14 }: { level: Reading['level']; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 14 14" aria-hidden="true" className="level-bars shrink-0" data-level={level ?? 'none'}>
      {level === null ? <path d="M1 11.5h12" stroke="var(--ink-3)" strokeWidth="1.5" strokeDasharray="2 2" /> : [1, 2, 3, 4].map((n) => {
        const height = 1.5 + n * 2.6
        return <rect key={n} x={n * 3.4 - 3} y={13 - height} width="2.6" height={height} rx=".6" data-on={n <= level} />
      })}
    </svg>
  )
}

/** The sign of what a lens says. */
export function ReadingSign({ of, size = 14 }: { of: Reading; size?: number }) {
  return of.rating ? <HealthMark health={RATING_MARK[of.rating]} size={size} silent /> : <LevelBars level={of.level} size={size} />
}

/** What a lens says, as a sign and a text. */
export function ReadingMark({ of }: { of: Reading }) {
  return (
    <span className="flex items-center gap-2 whitespace-nowrap">
      {of.verdict ? <VerdictLine verdict={of.verdict} /> : <ReadingSign of={of} />}
      <span className={of.level === null ? 'text-ink-3' : 'font-medium'}>{of.text}</span>
    </span>
  )
}

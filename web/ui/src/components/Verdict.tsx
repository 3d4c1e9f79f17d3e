import type { Criticality } from '../api/model'
import { BASIS_TEXT, interval, VERDICT } from '../graph/criticality'

/** How the arrow of a verdict is drawn: in the legend, beside its name, and on the map. */
export const VERDICT_LINE: Record<Criticality, { dash?: string; width: number; color: string }> = {
  hard: { width: 4, color: 'var(--ink)' },
  partial: { width: 3, dash: '9 4', color: 'var(--warn-line)' },
  mixed: { width: 3, dash: '9 3 2 3', color: 'var(--warn-line)' },
  soft: { width: 2.5, dash: '2 4', color: 'var(--ok)' },
  unknown: { width: 1.25, color: 'var(--ink-3)' },
}

/** The line of a verdict, as it is on the map. */
export function VerdictLine({ verdict }: { verdict: Criticality }) {
  const { dash, width, color } = VERDICT_LINE[verdict]
  return (
    <svg width="30" height="10" viewBox="0 0 30 10" aria-hidden="true" className="shrink-0" data-verdict={verdict}>
      <path d="M1 5h21" stroke={color} strokeWidth={width} strokeDasharray={dash} />
      {verdict === 'unknown' ? <path d="M23 1.8 28.5 5 23 8.2" fill="none" stroke={color} strokeWidth="1.25" /> : <path d="M22 .8 29.5 5 22 9.2Z" fill={color} />}
    </svg>
  )
}

interface Judged {
  verdict: Criticality
  assumed: Criticality
  basis: keyof typeof BASIS_TEXT
}

/** A verdict as its line and its word; where it is unknown, with what to reckon with. */
export function VerdictBadge({ of, strong }: { of: Judged; strong?: boolean }) {
  const reckon = of.verdict === 'unknown' && of.assumed !== 'unknown'
  return (
    <span className="flex items-center gap-2 whitespace-nowrap" title={VERDICT[of.verdict].means(of.assumed)}>
      <VerdictLine verdict={of.verdict} />
      <span className={strong ? 'text-base font-semibold' : 'font-medium'}>{VERDICT[of.verdict].title}</span>
      {reckon && <span className="text-ink-3 text-xs">reckon with {of.assumed}</span>}
      {BASIS_TEXT[of.basis] && <span className="text-ink-3 text-xs">{BASIS_TEXT[of.basis]}</span>}
    </span>
  )
}

/** A share with its interval on a scale from none to all. The text beside it says the same. */
export function IntervalBar({ low, high, at, tone = 'var(--accent)', width = '100%' }: { low: number; high: number; at: number; tone?: string; width?: string | number }) {
  return (
    <span className="bg-sunken relative block h-2 shrink-0 overflow-hidden rounded-full" style={{ width }} aria-hidden="true">
      <span className="absolute inset-y-0 rounded-full" style={{ left: `${low * 100}%`, width: `${Math.max(high - low, 0.015) * 100}%`, background: tone, opacity: 0.35 }} />
      <span className="absolute inset-y-0 w-[3px] rounded-full" style={{ left: `calc(${at * 100}% - ${at * 3}px)`, background: tone }} />
    </span>
  )
}

/** How likely the caller fails with the callee; nothing before the first failure. */
export function Probability({ of }: { of: Parameters<typeof interval>[0] & { probability: number } }) {
  const text = interval(of)
  if (!text) return <span className="text-ink-3 text-xs">no failure seen</span>
  return (
    <span className="flex items-center gap-2">
      <IntervalBar low={of.low} high={of.high} at={of.probability} width={72} />
      <span className="num text-xs whitespace-nowrap" title="90 % interval of the probability that a request fails with it">{text}</span>
    </span>
  )
}

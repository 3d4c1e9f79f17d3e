/** A window of time as the URL and the API write it: `now-15m`, `now`, or RFC 3339. */
export interface Range {
  from: string
  to: string
}

export const DEFAULT_RANGE: Range = { from: 'now-15m', to: 'now' }

/** The windows offered by name, shortest first. */
export const PRESETS: readonly { label: string; from: string }[] = [
  { label: 'Last 5 minutes', from: 'now-5m' },
  { label: 'Last 15 minutes', from: 'now-15m' },
  { label: 'Last hour', from: 'now-1h' },
  { label: 'Last 6 hours', from: 'now-6h' },
  { label: 'Last 24 hours', from: 'now-24h' },
  { label: 'Last 7 days', from: 'now-7d' },
]

const UNIT_MS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 }
const RELATIVE = /^now(?:-(\d{1,6})([smhd]))?$/
const ABSOLUTE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

/** The moment that one end of a range stands for, in Unix ms; NaN if it is of no known form. */
export function momentOf(end: string, now: number): number {
  const m = RELATIVE.exec(end)
  if (m) return m[1] && m[2] ? now - Number(m[1]) * UNIT_MS[m[2]]! : now
  return ABSOLUTE.test(end) ? Date.parse(end) : NaN
}

/** Reads a range; anything that is not a window of time in order gives the default. */
export function parseRange(from: string | undefined, to: string | undefined, now: number): Range {
  const range = { from: from ?? DEFAULT_RANGE.from, to: to ?? DEFAULT_RANGE.to }
  return momentOf(range.from, now) < momentOf(range.to, now) ? range : DEFAULT_RANGE
}

/** The window as long, by so many ms earlier; it moves if the range does. */
export function shiftBack(range: Range, ms: number): Range {
  const shifted = (end: string) => {
    const m = RELATIVE.exec(end)
    if (!m) return new Date(Date.parse(end) - ms).toISOString()
    const seconds = ((m[1] && m[2] ? Number(m[1]) * UNIT_MS[m[2]]! : 0) + ms) / 1e3
    return seconds % 60 === 0 ? `now-${seconds / 60}m` : `now-${seconds}s`
  }
  return { from: shifted(range.from), to: shifted(range.to) }
}

/** Whether the window ends now, so that it moves and new data appear in it. */
export function isMoving(range: Range): boolean {
  return range.to === 'now'
}

/** The length of a range in ms. */
export function lengthOf(range: Range, now: number): number {
  return momentOf(range.to, now) - momentOf(range.from, now)
}

/** A range in a few words: its preset's name, or its two ends in local time. */
export function describeRange(range: Range, now: number): string {
  const preset = range.to === 'now' && PRESETS.find((p) => p.from === range.from)
  if (preset) return preset.label
  const m = range.to === 'now' && RELATIVE.exec(range.from)
  if (m) return `Last ${m[1]} ${m[2]}`
  const from = new Date(momentOf(range.from, now))
  const to = new Date(momentOf(range.to, now))
  const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
  const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
  const end = from.toDateString() === to.toDateString() ? time.format(to) : `${day.format(to)} ${time.format(to)}`
  return `${day.format(from)} ${time.format(from)} – ${end}`
}

/**
 * Numbers as people read them. Each function takes a plain number in the unit that its name or comment says;
 * null means that nothing was reported, which is not zero and never shown as zero.
 */

export const NOT_REPORTED = 'not reported'

/** A count in full: 11,160. */
export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US')
}

/** A count in at most four digits: 940, 11.2k, 3.4M. */
export function compact(n: number): string {
  for (const [size, unit] of [[1e9, 'B'], [1e6, 'M'], [1e3, 'k']] as const) {
    if (n >= size * 0.9995) return significant(n / size) + unit
  }
  return significant(n)
}

/** A rate given per second: 412/s, 3.2/s, and per minute below one per second: 8.4/min. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0/s'
  if (perSecond >= 0.9995) return `${compact(perSecond)}/s`
  const perMinute = perSecond * 60
  if (perMinute >= 0.995) return `${significant(perMinute)}/min`
  return `${significant(perSecond * 3600)}/h`
}

/** A share in percent. What is not zero never looks like zero, nor what is not all like all. */
export function share(part: number, whole: number): string {
  if (whole <= 0) return NOT_REPORTED
  const percent = (part / whole) * 100
  if (percent === 0) return '0 %'
  if (percent < 0.01) return '<0.01 %'
  if (percent > 99.9 && percent < 100) return '>99.9 %'
  if (percent < 10) return `${trim(percent.toFixed(2))} %`
  return `${trim(percent.toFixed(1))} %`
}

/** A duration given in ms: 850 µs, 12.4 ms, 1.24 s, 2.1 min. */
export function duration(ms: number | null): string {
  if (ms === null) return NOT_REPORTED
  if (ms === 0) return '0 ms'
  if (ms < 0.9995) return `${significant(ms * 1000)} µs`
  if (ms < 999.5) return `${significant(ms)} ms`
  if (ms < 59_950) return `${significant(ms / 1000)} s`
  if (ms < 3_597_000) return `${significant(ms / 60_000)} min`
  return `${significant(ms / 3_600_000)} h`
}

/** An amount of bytes: 840 B, 12.4 KiB, 3.1 GiB. */
export function bytes(n: number): string {
  for (const [size, unit] of [[2 ** 40, 'TiB'], [2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']] as const) {
    if (n >= size * 0.9995) return `${significant(n / size)} ${unit}`
  }
  return `${count(n)} B`
}

/** How long ago a moment was, both in Unix ms: "12 s ago". */
export function ago(then: number, now: number): string {
  const s = Math.max(0, Math.round((now - then) / 1000))
  if (s < 60) return `${s} s ago`
  if (s < 3600) return `${Math.floor(s / 60)} min ago`
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`
  return `${Math.floor(s / 86400)} d ago`
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' })

/** The local time of day of a moment. */
export function clock(at: Date): string {
  return timeOfDay.format(at)
}

/** Day and time of a moment, local. */
export function dateTime(at: Date): string {
  return dayAndTime.format(at)
}

/** "1 node", "3 nodes". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

/** Three significant digits below 1,000, whole numbers above, no zeros at the end. */
function significant(n: number): string {
  if (n >= 99.95) return count(n)
  return trim(n >= 9.995 ? n.toFixed(1) : n.toFixed(2))
}

function trim(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits
}

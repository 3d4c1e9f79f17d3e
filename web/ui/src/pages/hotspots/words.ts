import type { HotspotPart } from '../../api/model'
import { count, share } from '../../format/format'

/** What the parts of a score are called. */
export const PART_TEXT: Record<HotspotPart['part'], string> = {
  burn: 'Failures against an objective of 99.9 %', redundancy: 'Lack of redundancy', amplification: 'Retries', tail: 'Own share of the time',
  saturation: 'Waiting before it', flapping: 'Flapping health', change: 'Changes in a day', exposure: 'Calls without a timeout',
}

/** The raw number behind a part, in words. */
export function rawText({ part, raw, known }: HotspotPart): string {
  if (!known) return 'not known'
  switch (part) {
    case 'burn':
      return `${raw.toFixed(1)} × the budget`
    case 'amplification':
      return `${raw.toFixed(2)} attempts for each call`
    case 'redundancy':
      return raw >= 1 ? 'one instance' : raw >= 0.5 ? 'all in one zone' : 'several instances'
    case 'tail':
    case 'exposure':
      return share(raw, 1)
    case 'saturation':
      return `${raw.toFixed(1)} medians more`
    default:
      return count(raw)
  }
}

import type { Incident } from '../../api/model'
import { incidentHealth, phaseOf } from './words'

const INK = { bad: 'text-bad font-medium', warn: 'text-warn font-medium' } as Record<string, string>

/** Whether an incident lasts, in the colour of how much it asks for. */
export function Phase({ of: i, now }: { of: Incident; now: number }) {
  return <b className={INK[incidentHealth(i, now)] ?? 'font-normal'}>{phaseOf(i, now)}</b>
}

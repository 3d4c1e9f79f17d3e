import type { Incident } from '../../api/model'
import { incidentHealth } from './words'

/**
 * The nodes that are ill right now, by when they fell ill: what is said of a window is an average over it, in which a node that has
 * just begun to fail looks well. Calls that fail are their callee's; calls that are merely different harm nobody.
 */
export function illNow(incidents: readonly Incident[], now: number): Map<string, string> {
  const ill = new Map<string, string>()
  const note = (node: string, onset: string) => {
    const known = ill.get(node)
    if (!known || onset < known) ill.set(node, onset)
  }
  for (const i of incidents) {
    if (incidentHealth(i, now) !== 'bad') continue
    for (const m of i.members) {
      if (!m.suspected && m.sign !== 'different') note(m.callee || m.node, m.onset)
    }
    for (const c of i.candidates) if (c.likely) note(c.node, i.started)
  }
  return ill
}

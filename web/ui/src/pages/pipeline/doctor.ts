import type { DoctorFinding, DoctorService, Fates, Severity } from '../../api/model'
import type { Health } from '../../graph/red'

export type SideChoice = 'any' | 'client' | 'server'

/** Worst first. */
const SEVERITIES: readonly Severity[] = ['bad', 'warn', 'note']

export const SEVERITY_TEXT: Record<Severity, string> = { bad: 'edges missing or wrong', warn: 'some edges missing', note: 'nothing to do yet' }

export function healthOf(severity: Severity | undefined): Health {
  return severity === undefined ? 'ok' : severity === 'note' ? 'unknown' : severity
}

export const REASON_TEXT: Record<DoctorFinding['reason'], string> = {
  no_service_name: 'No service name', internal_only: 'Only internal spans', root_servers_only: 'Trace context is not passed on',
  client_without_peer: 'Calls without a known callee', partner_not_seen: 'Callers never seen', waiting: 'Waiting for the other half',
  over_limit: 'Over a limit',
}

/** Every fate in words, those that make an edge first. */
export const FATES: readonly { fate: keyof Fates; label: string; kind: 'edge' | 'open' | 'lost' }[] = [
  { fate: 'paired', label: 'paired', kind: 'edge' },
  { fate: 'inferred', label: 'callee inferred', kind: 'edge' },
  { fate: 'root', label: 'begin a trace', kind: 'edge' },
  { fate: 'inner', label: 'inner', kind: 'edge' },
  { fate: 'waiting', label: 'waiting', kind: 'open' },
  { fate: 'client_without_peer', label: 'callee not known', kind: 'lost' },
  { fate: 'partner_not_seen', label: 'caller not seen', kind: 'lost' },
  { fate: 'over_limit', label: 'over a limit', kind: 'lost' },
]

/** What the list narrows to: a side of the calls, environments and namespaces. */
export interface Narrow {
  side: SideChoice
  environment: readonly string[]
  namespace: readonly string[]
}

/**
 * The services that the view asks for, with what is said of the chosen side, worst first. What concerns a service
 * as a whole is said on either side.
 */
export function worstFirst(services: readonly DoctorService[], narrow: Narrow): DoctorService[] {
  return services
    .filter(({ node }) => chosen(narrow.environment, node.environment) && chosen(narrow.namespace, node.namespace))
    .map((s) => narrow.side === 'any' ? s : {
      ...s,
      sides: s.sides.filter((x) => x.side === narrow.side),
      findings: s.findings.filter((f) => f.side === narrow.side || f.side === 'both'),
    })
    .filter((s) => narrow.side === 'any' || s.sides.length + s.findings.length > 0)
    .map((s) => ({ ...s, findings: s.findings.toSorted((a, b) => rank(a.severity) - rank(b.severity) || b.halves - a.halves) }))
    .sort((a, b) => {
      const [x, y] = [a.findings[0]?.severity, b.findings[0]?.severity]
      return rank(x) - rank(y) || concerned(b, y) - concerned(a, x) || a.node.name.localeCompare(b.node.name) || (a.node.id < b.node.id ? -1 : 1)
    })
}

function chosen(choices: readonly string[], value: string): boolean {
  return choices.length === 0 || choices.includes(value)
}

function rank(severity: Severity | undefined): number {
  return severity === undefined ? SEVERITIES.length : SEVERITIES.indexOf(severity)
}

/** Halves that the findings of a severity are about; of a service without any, all of them. */
function concerned(s: DoctorService, severity: Severity | undefined): number {
  if (severity === undefined) return s.sides.reduce((n, x) => n + x.halves, 0)
  return s.findings.reduce((n, f) => n + (f.severity === severity ? f.halves : 0), 0)
}

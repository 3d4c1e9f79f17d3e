import type { AuditSite } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { Loaded } from '../../components/Loaded'
import { EdgePageLink } from '../../components/ViewLink'
import { plural } from '../../format/format'
import { useAudit } from '../../hooks/queries'
import { measuredText } from '../panel/practices'

/** Which practices the calls of a node, and those to it, follow: the risks in full, the rest as counts. */
export function Practices({ id, name }: { id: string; name: string }) {
  const query = useAudit(id)
  return (
    <Loaded query={query}>
      {({ sites }) => {
        if (sites.length === 0) return <p className="text-ink-3">No call of {name}, or to it, has been looked at yet. That takes two minutes.</p>
        const checks = sites.flatMap((s) => s.checks.map((check) => ({ site: s, check })))
        const risks = checks.filter((c) => c.check.state === 'risk')
        const seen = checks.filter((c) => c.check.state === 'pass').length
        return (
          <>
            <p className="text-ink-2 num">
              {plural(risks.length, 'risk')}, {plural(seen, 'practice')} seen, {checks.length - risks.length - seen} without enough evidence, at {plural(sites.length, 'call site')}.
            </p>
            <ul className="mt-2" aria-label="Risks">
              {risks.slice(0, 8).map(({ site: s, check: c }) => (
                <li key={`${s.caller} ${s.operation} ${s.callee} ${c.practice}`} className="border-line border-t py-2" data-practice={c.practice} data-state={c.state}>
                  <span className="flex items-baseline gap-2">
                    <HealthMark health="warn" silent />
                    <span className="min-w-0 flex-1 font-medium">{c.title}</span>
                    <span className="num text-ink-3 text-xs">{measuredText(c)}</span>
                  </span>
                  <span className="text-ink-2 block pl-5 text-xs">
                    <Calls site={s} />. {c.repair} <span className="text-ink-3">AWS {c.aws.join(', ')}</span>
                  </span>
                </li>
              ))}
            </ul>
            {risks.length > 8 && <p className="text-ink-3 text-xs">and {plural(risks.length - 8, 'further risk')}</p>}
          </>
        )
      }}
    </Loaded>
  )
}

function Calls({ site: s }: { site: AuditSite }) {
  return <EdgePageLink id={`${s.caller}-${s.callee}`} className="link">{s.caller_name} {s.operation} → {s.callee_name}</EdgePageLink>
}

import type { AuditSite } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { useAudit } from '../../hooks/queries'
import { Loaded } from '../../components/Loaded'
import { measuredText, STATE_MARK, STATE_TEXT } from './practices'

/** Which resilience practices the calls on an edge follow, by the operation that makes them. */
export function Practices({ caller, callee }: { caller: string; callee: string }) {
  const query = useAudit(caller)
  return (
    <Loaded query={query}>
      {({ sites }) => {
        const here = sites.filter((s) => s.caller === caller && s.callee === callee)
        if (here.length === 0) return <p className="text-ink-3">No call has been looked at yet. That takes two minutes.</p>
        return <>{here.slice(0, 10).map((s) => <Site key={s.operation} site={s} />)}</>
      }}
    </Loaded>
  )
}

function Site({ site: s }: { site: AuditSite }) {
  return (
    <div className="mb-3">
      <p className="text-ink-2 truncate" title={s.operation}>{s.operation || 'not known'}</p>
      <ul aria-label={`Practices in ${s.operation}`}>
        {s.checks.map((c) => (
          <li key={c.practice} className="border-line border-t py-1.5" data-practice={c.practice} data-state={c.state}>
            <span className="flex items-baseline gap-2">
              <HealthMark health={STATE_MARK[c.state]} silent />
              <span className={`min-w-0 flex-1 ${c.state === 'unknown' ? 'text-ink-3' : ''}`}>{c.title}</span>
              <span className="num text-ink-3 text-right text-xs"><span className="sr-only">{STATE_TEXT[c.state]}, </span>{measuredText(c)}</span>
            </span>
            {c.state === 'risk' && <span className="text-ink-2 block pl-5 text-xs">{c.means} {c.repair} <span className="text-ink-3">AWS {c.aws.join(', ')}</span></span>}
          </li>
        ))}
      </ul>
    </div>
  )
}

import type { DependencySite } from '../../api/model'
import { TraceLink } from '../../components/ViewLink'
import { count } from '../../format/format'
import { useDependencies } from '../../hooks/queries'
import { Loaded } from '../../components/Loaded'
import { interval, VERDICT } from '../../graph/criticality'

/** Whether the caller fails when the callee does: the verdict of the edge, and of each call site under it. */
export function Criticality({ caller, callee }: { caller: string; callee: string }) {
  const query = useDependencies(caller)
  return (
    <Loaded query={query}>
      {({ at, edges, call_sites }) => {
        const edge = edges.find((e) => e.caller === caller && e.callee === callee)
        if (!at) return <p className="text-ink-3">The first look at the evidence is still under way.</p>
        if (!edge) return <p className="text-ink-3">No outcome of a request with this call is known yet. That takes a few seconds after the request.</p>
        const sites = call_sites.filter((s) => s.caller === caller && s.callee === callee)
        return (
          <>
            <p><b className="font-semibold">{VERDICT[edge.verdict].title}</b> <span className="text-ink-2">{VERDICT[edge.verdict].means(edge.assumed)}</span></p>
            <ul className="mt-2" aria-label="Criticality by operation">{sites.slice(0, 20).map((s) => <Site key={s.operation} site={s} />)}</ul>
          </>
        )
      }}
    </Loaded>
  )
}

function Site({ site: s }: { site: DependencySite }) {
  const { total_fatal: fatal, total_survived: survived, partial_fatal, partial_survived, contested_fatal, contested_survived } = s.evidence
  const others = partial_fatal + partial_survived + contested_fatal + contested_survived
  return (
    <li className="border-line border-t py-2">
      <span className="flex items-baseline justify-between gap-2">
        <span className="truncate" title={s.operation}>{s.operation || 'not known'}</span>
        <span className="num whitespace-nowrap"><b className="font-medium">{s.verdict}</b> <span className="text-ink-3 text-xs">{interval(s)}</span></span>
      </span>
      <span className="text-ink-2 num block text-xs">
        <Counted n={fatal} trace={s.fatal_trace} what="failed with it" />, <Counted n={survived} trace={s.survived_trace} what="survived it" />
        {others > 0 && `, ${count(others)} failures in part or beside others`}
        {s.retry_masked > 0 && `; retries absorb ${Math.round(s.retry_masked * 100)} %`}
        {s.latency_hard && '; its slowness becomes the caller’s'}
        {s.asynchronous && '; not waited for'}
      </span>
      {s.declared && (
        <span className={`block text-xs ${s.disagrees ? 'text-bad font-medium' : 'text-ink-2'}`} data-declared={s.declared}>
          {s.basis === 'imported' ? 'Imported' : 'Declared'} {s.declared}{s.declared_by && ` by ${s.declared_by}`}{s.comment && `: ${s.comment}`}{s.disagrees && `; what was seen says ${s.inferred}`}
        </span>
      )}
      {s.needs && <span className="text-ink-3 block text-xs">To change the verdict: {s.needs}</span>}
    </li>
  )
}

function Counted({ n, trace, what }: { n: number; trace: string | null; what: string }) {
  const text = `${count(n)} ${what}`
  return trace && n > 0 ? <TraceLink id={trace} className="link">{text}</TraceLink> : <>{text}</>
}

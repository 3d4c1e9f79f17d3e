import { useState } from 'react'
import type { AuditCheck, AuditService, AuditSite } from '../api/model'
import { useAudit } from '../hooks/queries'
import { LEVEL_TEXT, levelText, STATE_MARK, STATE_TEXT, tally, worstFirst } from './audit'
import { HealthMark } from './HealthMark'
import { Loaded } from './Loaded'
import { EdgePageLink, TraceLink } from './ViewLink'

/**
 * Which resilience practices are followed, as seen in traces: of a service with its level of maturity, or, with a
 * callee, of the calls to it by the operation that makes them.
 */
export function AuditCard({ node, callee }: { node: string; callee?: string }) {
  const query = useAudit(node)
  return (
    <Loaded query={query}>
      {({ services, sites }) => {
        if (callee === undefined) {
          const service = services.find((s) => s.node === node)
          return service ? <Service service={service} /> : <p className="text-ink-3">Practices are judged by spans of its own, and none was looked at yet.</p>
        }
        const here = sites.filter((s) => s.caller === node && s.callee === callee)
        if (here.length === 0) return <p className="text-ink-3">No call has been looked at yet. That takes two minutes.</p>
        return <>{here.slice(0, 10).map((s) => <Site key={s.operation} site={s} />)}</>
      }}
    </Loaded>
  )
}

function Service({ service: s }: { service: AuditService }) {
  const missing = s.missing.map((p) => s.checks.find((c) => c.practice === p)?.title ?? p)
  return (
    <>
      <div className="flex items-center gap-3">
        <Ladder level={s.level} ceiling={s.ceiling} />
        <p><b className="font-semibold">Level {s.level}: {LEVEL_TEXT[s.level]}</b> <span className="text-ink-2">{levelText(s)}</span></p>
      </div>
      {missing.length > 0 && <p className="text-ink-2 mt-2">For level {s.level + 1}: {missing.join('; ')}.</p>}
      <Checks checks={s.checks} label="Practices of the service" of={s.node} />
    </>
  )
}

/** Four steps: those that were proved are full, those that are possible are outlined. */
function Ladder({ level, ceiling }: { level: number; ceiling: number }) {
  return (
    <svg width="52" height="28" viewBox="0 0 52 28" className="shrink-0" role="img" aria-label={`Level ${level} of 4, at most ${ceiling}`}>
      {[1, 2, 3, 4].map((n) => (
        <rect key={n} x={(n - 1) * 13 + 1} y={27 - n * 6.5} width="11" height={n * 6.5} rx="1.5"
          fill={n <= level ? 'var(--ok)' : 'none'} stroke={n <= level ? 'var(--ok)' : n <= ceiling ? 'var(--ink-3)' : 'var(--line)'}
          strokeDasharray={n > level && n <= ceiling ? '2.2 1.6' : undefined} />
      ))}
    </svg>
  )
}

function Site({ site: s }: { site: AuditSite }) {
  return (
    <section className="mb-4">
      <h4 className="flex items-baseline justify-between gap-2">
        <span className="truncate font-medium" title={s.operation}>{s.operation || 'not known'}</span>
        {!s.waits && <span className="text-ink-3 text-xs whitespace-nowrap">not waited for</span>}
      </h4>
      <Checks checks={s.checks} label={`Practices in ${s.operation}`} />
    </section>
  )
}

/** What is missing is open to read; the rest is a line each, and what is not known is told when asked for. */
function Checks({ checks, label, of }: { checks: AuditCheck[]; label: string; of?: string }) {
  const [all, setAll] = useState(false)
  const unknown = checks.filter((c) => c.state === 'unknown').length
  const shown = worstFirst(checks).filter((c) => all || c.state !== 'unknown')
  return (
    <>
      <p className="text-ink-3 mt-2 text-xs">{tally(checks)}</p>
      <ul className="mt-1" aria-label={label}>{shown.map((c) => <Item key={c.practice} check={c} of={of} />)}</ul>
      {unknown > 0 && (
        <button type="button" className="link mt-1 text-xs" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Leave out what is not known' : `Show what is not known (${unknown})`}
        </button>
      )}
    </>
  )
}

/** One practice; of a node whose call sites are put together with links to the calls at which it is missing. */
function Item({ check: c, of }: { check: AuditCheck; of?: string }) {
  const missingAt = of !== undefined && c.sites !== null && c.state === 'risk' ? c.nodes : []
  return (
    <li className="border-line border-t py-1.5" data-practice={c.practice} data-state={c.state}>
      <span className="flex items-baseline gap-2">
        <HealthMark health={STATE_MARK[c.state]} silent />
        <span className={`min-w-0 flex-1 ${c.state === 'unknown' ? 'text-ink-3' : ''}`}>{c.title}</span>
        <span className="sr-only">{STATE_TEXT[c.state]}</span>
        {c.trace !== null && c.state !== 'unknown' && <TraceLink id={c.trace} className="link text-xs">example</TraceLink>}
      </span>
      <span className="text-ink-2 block pl-5 text-xs">
        {c.says}
        {missingAt.length > 0 && ' Calls to '}
        {missingAt.slice(0, 8).map((n, i) => <span key={n.id}>{i > 0 && ', '}<EdgePageLink id={`${of}-${n.id}`} className="link">{n.name}</EdgePageLink></span>)}
        {missingAt.length > 0 && '.'}
      </span>
      {c.state === 'risk' && (
        <span className="text-ink-2 block pl-5 text-xs">{c.means} <b className="font-medium">{c.repair}</b> <span className="text-ink-3">AWS {c.aws.join(', ')}</span></span>
      )}
    </li>
  )
}

import type { ReactNode } from 'react'
import type { Measure, Measures, Replica } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { ago, bytes, compact, count, duration, rate } from '../../format/format'
import { useNow } from '../../hooks/useNow'
import { Meter } from './Meter'
import { isDuplicate, isRejected, journalFill, lagHealth, nameOf, rateOf, reasonText, rejections, replicaHealth, unitOf } from './measures'

interface Column {
  title: string
  cell: (values: Measures, of: string) => ReactNode
}

const COLUMNS: readonly Column[] = [
  { title: 'Requests', cell: (v) => perSecond(v.received_requests?.per_second) },
  { title: 'Spans', cell: (v) => perSecond(v.accepted_spans?.per_second) },
  { title: 'Rejected', cell: (v) => perSecond(rateOf(v, isRejected)) },
  { title: 'Refused', cell: (v) => perSecond(v.refused_requests?.per_second) },
  { title: 'Sent twice', cell: (v) => perSecond(rateOf(v, isDuplicate)) },
  { title: 'Waiting', cell: (v) => (v.waiting_halves ? compact(v.waiting_halves.value) : NONE) },
  { title: 'Store lag', cell: (v) => (v.store_lag_ms
    ? <span className="inline-flex items-center gap-1.5">{lagHealth(v) !== 'ok' && <HealthMark health={lagHealth(v)} size={10} silent />}{duration(v.store_lag_ms.value)}</span>
    : NONE) },
  { title: 'Memory', cell: (v) => (v.memory_bytes ? bytes(v.memory_bytes.value) : NONE) },
  { title: 'Journal', cell: (v, of) => {
    const fill = journalFill(v)
    return fill ? <Meter fill={fill} label={`Journal of ${of}`} /> : NONE
  } },
]

/** What is not reported is not zero. */
const NONE = <span className="text-ink-3" title="not reported">–</span>

function perSecond(r: number | null | undefined): ReactNode {
  return r === null || r === undefined ? NONE : rate(r)
}

/** Every ingest process, those in trouble first. */
export function Replicas({ replicas, total }: { replicas: Replica[]; total: Measures }) {
  const now = useNow()
  const order = ['bad', 'warn', 'unknown', 'ok']
  const sorted = replicas.toSorted((a, b) => order.indexOf(replicaHealth(a)) - order.indexOf(replicaHealth(b)) || a.name.localeCompare(b.name))
  return (
    // A region that scrolls must be reachable by keyboard.
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Replicas">
      <table className="num w-full" aria-label="Replicas">
        <thead>
          <tr className="text-ink-3 text-xs">
            <th scope="col" className="pr-3 pb-1 text-left font-normal">Replica</th>
            <th scope="col" className="pr-3 pb-1 text-left font-normal">State</th>
            {COLUMNS.map((c) => <th key={c.title} scope="col" className="pb-1 pl-4 text-right font-normal whitespace-nowrap last:text-left">{c.title}</th>)}
          </tr>
        </thead>
        <tbody>
          {sorted.map((r) => (
            <tr key={r.name} data-replica={r.name} data-state={r.state}>
              <th scope="row" className="border-line border-t py-2 pr-3 text-left font-medium whitespace-nowrap">
                {r.name}
                <span className="text-ink-3 block text-xs font-normal">{r.version || 'version not reported'}, started {ago(Date.parse(r.started), now)}</span>
              </th>
              <td className="border-line border-t py-2 pr-3 whitespace-nowrap">
                <span className={`flex items-center gap-1.5 ${r.state === 'silent' ? 'text-bad font-medium' : ''}`}>
                  <HealthMark health={replicaHealth(r)} silent /> {r.state}
                </span>
                <span className="text-ink-3 text-xs">last report {ago(Date.parse(r.reported), now)}</span>
              </td>
              {COLUMNS.map((c) => <td key={c.title} className="border-line border-t py-2 pl-4 text-right whitespace-nowrap last:text-left">{c.cell(r.values, r.name)}</td>)}
            </tr>
          ))}
        </tbody>
        {replicas.length > 1 && (
          <tfoot>
            <tr className="font-medium">
              <th scope="row" colSpan={2} className="border-line-strong border-t py-2 pr-3 text-left">All</th>
              {COLUMNS.map((c) => <td key={c.title} className="border-line-strong border-t py-2 pl-4 text-right whitespace-nowrap last:text-left">{c.cell(total, 'all replicas')}</td>)}
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  )
}

/** Spans that were rejected, by reason. */
export function Rejections({ total }: { total: Measures }) {
  const rows = rejections(total)
  if (rows.length === 0) return <p className="text-ink-2 flex items-center gap-1.5"><HealthMark health="ok" silent /> No span has been rejected.</p>
  return (
    <table className="num w-full" aria-label="Rejected spans">
      <thead>
        <tr className="text-ink-3 text-xs">
          <th scope="col" className="pb-1 text-left font-normal">Reason</th>
          <th scope="col" className="pb-1 pl-4 text-right font-normal">Spans since the start</th>
          <th scope="col" className="pb-1 pl-4 text-right font-normal">Rate in this window</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((r) => (
          <tr key={r.reason}>
            <th scope="row" className="border-line border-t py-1.5 text-left font-normal">{reasonText(r.reason)}</th>
            <td className="border-line border-t py-1.5 pl-4 text-right">{count(r.spans)}</td>
            <td className="border-line border-t py-1.5 pl-4 text-right">{perSecond(r.perSecond)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** All that is reported, known or not. */
export function AllValues({ total }: { total: Measures }) {
  const rows = Object.entries(total).sort(([a], [b]) => nameOf(a).localeCompare(nameOf(b)))
  return (
    <dl className="num grid grid-cols-[minmax(0,1fr)] gap-x-10 sm:grid-cols-2">
      {rows.map(([name, m]) => (
        <div key={name} className="border-line flex items-baseline gap-3 border-t py-1.5">
          <dt className="min-w-0 flex-1 truncate" title={name}>{nameOf(name)}</dt>
          <dd className="text-right">{inUnit(name, m)}</dd>
          <dd className="text-ink-3 w-20 text-right text-xs">{m.per_second === null ? m.kind : rate(m.per_second)}</dd>
        </div>
      ))}
    </dl>
  )
}

function inUnit(name: string, m: Measure): string {
  const unit = unitOf(name)
  return unit === 'bytes' ? bytes(m.value) : unit === 'ms' ? duration(m.value) : count(m.value)
}

import type { ReactNode } from 'react'
import type { GraphEdge, GraphNode, Red } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { TypeTile } from '../../components/icons'
import { ViewLink } from '../../components/ViewLink'
import { count, duration, rateScale, share } from '../../format/format'
import { errorShare, healthOf, isEstimate, perSecond } from '../../graph/red'
import { select } from '../../hooks/useView'

/** One column of a table: what it shows and what it sorts by. Null sorts last in either direction. */
export interface Column<T> {
  key: string
  title: string
  right?: boolean
  cell: (row: T) => ReactNode
  value: (row: T) => string | number | null
}

/** The numbers of every table. All rows are known here, so that rates share a unit and bars a scale. */
function redColumns(rows: readonly Red[], windowSeconds: number): Column<Red>[] {
  const busiest = rows.reduce((max, r) => Math.max(max, perSecond(r, windowSeconds)), 0)
  const rate = rateScale(busiest)
  const counted = (key: 'timeouts' | 'resends', title: string): Column<Red> =>
    ({ key, title, right: true, value: (r) => r[key], cell: (r) => <Faint when={r[key] === 0}>{count(r[key])}</Faint> })
  const percentile = (key: 'p50' | 'p95' | 'p99'): Column<Red> =>
    ({ key, title: key, right: true, value: (r) => r[`${key}_ms`], cell: (r) => (r[`${key}_ms`] === null ? <NotReported /> : duration(r[`${key}_ms`])) })
  return [
    {
      key: 'rate', title: 'Rate', right: true, value: (r) => perSecond(r, windowSeconds),
      cell: (r) => {
        const n = perSecond(r, windowSeconds)
        return r.calls === 0 ? <NotReported /> : <Bar part={busiest > 0 ? n / busiest : 0}>{isEstimate(r) && '≈ '}{rate(n)}</Bar>
      },
    },
    { key: 'calls', title: 'Calls', right: true, value: (r) => r.calls, cell: (r) => count(r.calls) },
    {
      key: 'errors', title: 'Errors', right: true, value: errorShare,
      cell: (r) => (r.calls === 0 ? <NotReported /> : (
        <span data-health={healthOf(r)} className="data-[health=bad]:text-bad data-[health=ok]:text-ink-3 data-[health=warn]:text-warn data-[health=bad]:font-semibold data-[health=warn]:font-semibold">
          {share(r.failed, r.calls)}
        </span>
      )),
    },
    counted('timeouts', 'Timeouts'), counted('resends', 'Resends'),
    percentile('p50'), percentile('p95'), percentile('p99'),
  ]
}

export function nodeColumns(rows: readonly GraphNode[], windowSeconds: number): Column<GraphNode>[] {
  return [
    {
      key: 'name', title: 'Node', value: (n) => n.name,
      cell: (n) => (
        <span className="flex items-center gap-2.5">
          <HealthMark health={healthOf(n)} />
          <TypeTile type={n.type} size={22} />
          <ViewLink patch={select.node(n.id)} className="truncate font-medium hover:underline" onClick={(e) => e.stopPropagation()}>{n.name}</ViewLink>
        </span>
      ),
    },
    { key: 'type', title: 'Type', value: (n) => n.system || n.type, cell: (n) => n.system || n.type },
    { key: 'namespace', title: 'Namespace', value: (n) => n.namespace || null, cell: (n) => n.namespace || <None /> },
    { key: 'environment', title: 'Environment', value: (n) => n.environment || null, cell: (n) => n.environment || <None /> },
    ...redColumns(rows, windowSeconds),
  ]
}

export function edgeColumns(rows: readonly GraphEdge[], windowSeconds: number, nodes: ReadonlyMap<string, GraphNode>): Column<GraphEdge>[] {
  const name = (id: string) => nodes.get(id)?.name ?? id
  const end = (id: string) => {
    const node = nodes.get(id)
    return <span className="flex items-center gap-2.5">{node && <TypeTile type={node.type} size={22} />}<span className="truncate">{name(id)}</span></span>
  }
  return [
    {
      key: 'caller', title: 'Caller', value: (e) => name(e.caller),
      cell: (e) => (
        <span className="flex items-center gap-2.5">
          <HealthMark health={healthOf(e)} />
          <ViewLink patch={select.edge(e.id)} aria-label={`${name(e.caller)} calls ${name(e.callee)}`} className="min-w-0 font-medium hover:underline" onClick={(ev) => ev.stopPropagation()}>{end(e.caller)}</ViewLink>
        </span>
      ),
    },
    { key: 'callee', title: 'Callee', value: (e) => name(e.callee), cell: (e) => end(e.callee) },
    { key: 'protocol', title: 'Protocol', value: (e) => e.protocol, cell: (e) => (e.mode === 'async' ? `${e.protocol}, async` : e.protocol) },
    ...redColumns(rows, windowSeconds),
  ]
}

/** A number above a bar as long as its part of the greatest one. */
function Bar({ part, children }: { part: number; children: ReactNode }) {
  return (
    <span className="relative inline-block min-w-20 pb-0.5">
      {children}
      <span aria-hidden="true" className="bg-accent absolute right-0 -bottom-0.5 h-0.5 rounded-full opacity-45" style={{ width: `${Math.max(part * 100, 1)}%` }} />
    </span>
  )
}

function Faint({ when, children }: { when: boolean; children: ReactNode }) {
  return when ? <span className="text-ink-3">{children}</span> : children
}

function None() {
  return <span className="text-ink-3" aria-label="none">–</span>
}

function NotReported() {
  return <span className="text-ink-3" title="not reported"><span aria-hidden="true">–</span><span className="sr-only">not reported</span></span>
}

/** The rows in the order that `sort` names: a column's key, with `-` in front for descending. */
export function sorted<T extends { id: string }>(rows: readonly T[], columns: readonly Column<T>[], sort: string): T[] {
  const down = sort.startsWith('-')
  const column = columns.find((c) => c.key === sort.replace(/^-/, '')) ?? columns[0]!
  return rows.toSorted((a, b) => {
    const x = column.value(a)
    const y = column.value(b)
    if (x === null || y === null) return Number(x === null) - Number(y === null)
    const order = typeof x === 'string' ? x.localeCompare(String(y)) : x - Number(y)
    return (down ? -order : order) || (a.id < b.id ? -1 : 1)
  })
}

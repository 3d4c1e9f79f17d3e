import type { ReactNode } from 'react'
import type { GraphEdge, GraphNode, Red } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { TypeTile } from '../../components/icons'
import { ReadingMark } from '../../components/LevelBars'
import { ViewLink } from '../../components/ViewLink'
import { count, duration, rate, share } from '../../format/format'
import { LENS_TEXT, type Lens, type Reading } from '../../graph/lens'
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

function redColumns(windowSeconds: number): Column<Red>[] {
  return [
    { key: 'rate', title: 'Rate', right: true, value: (r) => perSecond(r, windowSeconds), cell: (r) => `${isEstimate(r) ? '≈ ' : ''}${rate(perSecond(r, windowSeconds))}` },
    { key: 'calls', title: 'Calls', right: true, value: (r) => r.calls, cell: (r) => count(r.calls) },
    { key: 'errors', title: 'Errors', right: true, value: errorShare, cell: (r) => share(r.failed, r.calls) },
    { key: 'timeouts', title: 'Timeouts', right: true, value: (r) => r.timeouts, cell: (r) => count(r.timeouts) },
    { key: 'p50', title: 'p50', right: true, value: (r) => r.p50_ms, cell: (r) => duration(r.p50_ms) },
    { key: 'p95', title: 'p95', right: true, value: (r) => r.p95_ms, cell: (r) => duration(r.p95_ms) },
    { key: 'p99', title: 'p99', right: true, value: (r) => r.p99_ms, cell: (r) => duration(r.p99_ms) },
  ]
}

/** What the lens says, beside the name. */
function lensColumn<T>(lens: Lens | undefined, read: (lens: Lens, row: T) => Reading): Column<T>[] {
  if (!lens) return []
  return [{ key: 'lens', title: LENS_TEXT[lens.name].title, value: (r) => read(lens, r).value, cell: (r) => <ReadingMark of={read(lens, r)} /> }]
}

export function nodeColumns(windowSeconds: number, lens?: Lens): Column<GraphNode>[] {
  return [
    {
      key: 'name', title: 'Node', value: (n) => n.name,
      cell: (n) => (
        <span className="flex items-center gap-2">
          <HealthMark health={healthOf(n)} />
          <TypeTile type={n.type} size={22} />
          <ViewLink patch={select.node(n.id)} className="truncate font-medium hover:underline" onClick={(e) => e.stopPropagation()}>{n.name}</ViewLink>
        </span>
      ),
    },
    ...lensColumn<GraphNode>(lens, (l, n) => l.node(n)),
    { key: 'type', title: 'Type', value: (n) => n.type, cell: (n) => n.type },
    { key: 'environment', title: 'Environment', value: (n) => n.environment || null, cell: (n) => n.environment || '–' },
    { key: 'namespace', title: 'Namespace', value: (n) => n.namespace || null, cell: (n) => n.namespace || '–' },
    ...redColumns(windowSeconds),
  ]
}

export function edgeColumns(windowSeconds: number, nodes: ReadonlyMap<string, GraphNode>, lens?: Lens): Column<GraphEdge>[] {
  const name = (id: string) => nodes.get(id)?.name ?? id
  return [
    {
      key: 'caller', title: 'Caller', value: (e) => name(e.caller),
      cell: (e) => (
        <span className="flex items-center gap-2">
          <HealthMark health={healthOf(e)} />
          <ViewLink patch={select.edge(e.id)} aria-label={`${name(e.caller)} calls ${name(e.callee)}`} className="truncate font-medium hover:underline" onClick={(ev) => ev.stopPropagation()}>{name(e.caller)}</ViewLink>
        </span>
      ),
    },
    { key: 'callee', title: 'Callee', value: (e) => name(e.callee), cell: (e) => name(e.callee) },
    ...lensColumn<GraphEdge>(lens, (l, e) => l.edge(e)),
    { key: 'protocol', title: 'Protocol', value: (e) => e.protocol, cell: (e) => (e.mode === 'async' ? `${e.protocol}, async` : e.protocol) },
    ...redColumns(windowSeconds),
  ]
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

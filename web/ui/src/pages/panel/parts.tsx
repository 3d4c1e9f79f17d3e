import type { ReactNode } from 'react'
import type { GraphEdge, GraphNode, Red } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { TypeTile } from '../../components/icons'
import { ViewLink } from '../../components/ViewLink'
import { count, duration, rate, share } from '../../format/format'
import { HEALTH_TEXT, healthOf, isEstimate, perSecond } from '../../graph/red'
import { select } from '../../hooks/useView'

/** A titled part of the panel. */
export function Section({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <section className="border-line border-t px-5 py-4">
      <h3 className="flex items-baseline gap-2">
        <span className="eyebrow">{title}</span>
        {note && <span className="text-ink-3 text-xs">{note}</span>}
      </h3>
      <div className="mt-2.5">{children}</div>
    </section>
  )
}

/** The state in a word and a shape. */
export function HealthBadge({ red }: { red: Red }) {
  const health = healthOf(red)
  return (
    <span className="flex items-center gap-1.5">
      <HealthMark health={health} silent />
      <span className={health === 'bad' ? 'text-bad font-medium' : health === 'warn' ? 'text-warn font-medium' : ''}>{HEALTH_TEXT[health]}</span>
    </span>
  )
}

interface Column {
  title: string
  red: Pick<Red, 'p50_ms' | 'p95_ms' | 'p99_ms'>
}

/** Rate, errors and duration in figures. Percentiles stand in a column for each side that measured them. */
export function Figures({ red, windowSeconds, columns }: { red: Red; windowSeconds: number; columns: Column[] }) {
  return (
    <>
      <dl className="grid grid-cols-3 gap-x-4 gap-y-3">
        <Figure term="Rate" value={`${isEstimate(red) ? '≈ ' : ''}${rate(perSecond(red, windowSeconds))}`}
          note={`${count(red.calls)} calls${red.calls_interval > 0 ? `, ≈ ${count(red.calls_weighted)} ± ${count(red.calls_interval)}` : ''}`} />
        <Figure term="Errors" value={share(red.failed, red.calls)} note={`${count(red.failed)} failed`} />
        <Figure term="Timeouts" value={count(red.timeouts)} note={red.resends > 0 ? `${count(red.resends)} resent` : undefined} />
      </dl>
      <table className="num mt-4 w-full text-right">
        <thead>
          <tr className="text-ink-3 text-xs">
            <th scope="col" className="pb-1 text-left font-normal">Duration</th>
            {columns.map((c) => <th key={c.title} scope="col" className="pb-1 font-normal">{c.title}</th>)}
          </tr>
        </thead>
        <tbody>
          {(['p50', 'p95', 'p99'] as const).map((p) => (
            <tr key={p}>
              <th scope="row" className="text-ink-2 border-line border-t py-1 text-left font-normal">{p}</th>
              {columns.map((c) => <td key={c.title} className="border-line border-t py-1">{duration(c.red[`${p}_ms`])}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {(red.client_errors > 0 || red.throttled > 0) && (
        <p className="text-ink-3 num mt-2 text-xs">
          Not counted as failures: {count(red.client_errors)} client errors (4xx), {count(red.throttled)} throttled (429).
        </p>
      )}
    </>
  )
}

function Figure({ term, value, note }: { term: string; value: string; note?: string }) {
  return (
    <div>
      <dt className="text-ink-3 text-xs">{term}</dt>
      <dd className="num text-base font-semibold">{value}</dd>
      {note && <dd className="num text-ink-3 text-xs">{note}</dd>}
    </div>
  )
}

/** A node as a link to its panel. */
export function NodeLink({ node, children }: { node: GraphNode; children?: ReactNode }) {
  return (
    <ViewLink patch={select.node(node.id)} className="hover:bg-sunken -mx-1.5 flex min-w-0 items-center gap-2 rounded-md px-1.5 py-1">
      <TypeTile type={node.type} size={24} />
      <span className="min-w-0 flex-1 truncate font-medium">{node.name}</span>
      {children}
    </ViewLink>
  )
}

/** Edges as rows that open their panel, busiest first; `end` says which end to name. */
export function EdgeRows({ edges, nodes, end, windowSeconds }: { edges: GraphEdge[]; nodes: GraphNode[]; end: 'caller' | 'callee'; windowSeconds: number }) {
  if (edges.length === 0) return <p className="text-ink-3">{end === 'caller' ? 'Nothing calls it in this window.' : 'It calls nothing in this window.'}</p>
  const byId = new Map(nodes.map((n) => [n.id, n]))
  return (
    <ul className="-mx-1.5">
      {edges.toSorted((a, b) => b.calls - a.calls).map((e) => {
        const node = byId.get(e[end])
        return (
          <li key={e.id}>
            <ViewLink patch={select.edge(e.id)} className="hover:bg-sunken flex items-center gap-2 rounded-md px-1.5 py-1.5">
              <HealthMark health={healthOf(e)} />
              {node && <TypeTile type={node.type} size={22} />}
              <span className="min-w-0 flex-1 truncate font-medium">{node?.name ?? e[end]}</span>
              <span className="text-ink-3 text-xs">{e.mode === 'async' ? `${e.protocol}, async` : e.protocol}</span>
              <span className="num text-ink-2 w-32 text-right text-xs">{rate(perSecond(e, windowSeconds))} · {duration(e.p95_ms)}</span>
            </ViewLink>
          </li>
        )
      })}
    </ul>
  )
}

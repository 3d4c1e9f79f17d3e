import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { GraphNode, Red } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { HealthMark } from '../../components/HealthMark'
import { TypeTile } from '../../components/icons'
import { ViewLink } from '../../components/ViewLink'
import { HEALTH_TEXT, healthOf } from '../../graph/red'
import { select } from '../../hooks/useView'

/** A titled part of the panel. */
export function Section({ title, note, children }: { title: string; note?: ReactNode; children: ReactNode }) {
  return (
    <section className="border-line border-t px-5 py-4">
      <div className="flex items-baseline gap-2">
        <h3 className="eyebrow">{title}</h3>
        {note && <span className="text-ink-3 min-w-0 truncate text-xs">{note}</span>}
      </div>
      <div className="mt-2">{children}</div>
    </section>
  )
}

/** What a query has to show: its data, that it is under way, or why there are none. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data)
  if (query.error) {
    const problem = problemFrom(query.error)
    return (
      <div role="alert" className="text-ink-2">
        <p className="text-bad font-medium">{problem.title}</p>
        <p className="mt-1">{problem.message}</p>
        <button type="button" className="control mt-3" onClick={() => void query.refetch()}>Try again</button>
      </div>
    )
  }
  return (
    <div role="status" aria-label="Loading" className="grid animate-pulse gap-2.5 py-1">
      <div className="bg-sunken h-4 w-2/3 rounded" />
      <div className="bg-sunken h-3 w-full rounded" />
      <div className="bg-sunken h-3 w-5/6 rounded" />
    </div>
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

/** A node as a link to its panel. */
export function NodeLink({ node }: { node: GraphNode }) {
  return (
    <ViewLink patch={select.node(node.id)} className="hover:bg-sunken -mx-1.5 flex min-w-0 items-center gap-2.5 rounded-lg px-1.5 py-1">
      <TypeTile type={node.type} size={26} />
      <span className="min-w-0 truncate text-base font-semibold" title={node.name}>{node.name}</span>
      <span className="text-ink-3 shrink-0 text-xs">{node.system || node.type}</span>
    </ViewLink>
  )
}

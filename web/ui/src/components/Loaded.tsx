import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { problemFrom } from '../api/problem'

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
  return <p className="text-ink-3" role="status">Loading…</p>
}

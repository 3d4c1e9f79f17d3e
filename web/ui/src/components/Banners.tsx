import { useState, type ReactNode } from 'react'
import type { LiveState } from '../api/live'
import { problemFrom } from '../api/problem'
import { clock } from '../format/format'
import { useGraph } from '../hooks/queries'
import { useOnline } from '../hooks/useOnline'
import { misread } from '../view/view'

/** Says what of the address that was opened has no effect, such as a misspelt parameter of a link written by hand. */
export function MisreadAddress() {
  const [left, setLeft] = useState(() => misread(opened))
  if (left.length === 0) return null
  return (
    <Banner action={<button type="button" className="link font-medium" onClick={() => setLeft([])}>Close</button>}>
      Not understood in the address, and left out: <span className="font-mono break-all">{left.slice(0, SHOWN).join(', ')}</span>
      {left.length > SHOWN && ` and ${left.length - SHOWN} more`}.
    </Banner>
  )
}

/** The query string of the address that was opened: the router soon writes it anew without what it does not know. */
const opened = window.location.search

const SHOWN = 5

/** What stands between the reader and fresh numbers. Nothing is shown while all is well. */
export function Banners({ live }: { live: LiveState }) {
  const { data, error, refetch, dataUpdatedAt } = useGraph()
  const online = useOnline()
  if (!online) return <Banner>Your browser is offline. What you see was read at {clock(new Date(dataUpdatedAt || Date.now()))}.</Banner>
  if (!data) return null
  if (error) {
    return (
      <Banner action={<button type="button" className="link font-medium" onClick={() => void refetch()}>Retry now</button>}>
        The last refresh did not work: {problemFrom(error).message} What you see was read at {clock(new Date(dataUpdatedAt))}
        {live === 'retrying' && ', and the stream of updates is interrupted'}.
      </Banner>
    )
  }
  if (data.graph.stale) {
    return <Banner>Storage is not answering. This is the last good graph, up to {clock(new Date(data.graph.window.to))}; ingest keeps accepting data meanwhile.</Banner>
  }
  return null
}

function Banner({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div role="status" className="border-line bg-warn-soft text-warn flex flex-wrap items-center gap-x-3 border-b px-4 py-1.5">
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true"><path d="M6 1 11.6 11H.4Z" fill="currentColor" /></svg>
      <span className="min-w-0">{children}</span>
      {action}
    </div>
  )
}

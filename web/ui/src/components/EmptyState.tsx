import { Tabs } from 'radix-ui'
import { useState } from 'react'
import { useView } from '../hooks/useView'
import { describeRange } from '../view/range'
import { CLEAR_FILTERS, isFiltered } from '../view/view'
import { CheckIcon, CopyIcon } from './icons'
import { snippets } from './snippets'
import { ViewLink } from './ViewLink'

/** No node in the window: either the filters leave none, or nothing has been sent yet. */
export function EmptyState() {
  const [view, change] = useView()
  const span = describeRange(view, Date.now())
  if (isFiltered(view)) {
    return (
      <Centred>
        <p className="eyebrow">{span}</p>
        <h1 className="mt-1 text-lg font-semibold">Nothing in this window matches the filters</h1>
        <p className="text-ink-2 mt-2 text-base">There may be data outside of them.</p>
        <div className="mt-5 flex gap-2">
          <button type="button" className="primary" onClick={() => change(CLEAR_FILTERS)}>Clear filters and focus</button>
          <button type="button" className="control" onClick={() => change({ from: 'now-24h', to: 'now' })}>Look at the last 24 hours</button>
        </div>
      </Centred>
    )
  }
  return (
    <Centred wide>
      <p className="eyebrow">{span}</p>
      <h1 className="mt-1 text-xl font-semibold tracking-tight">Waiting for the first traces</h1>
      <p className="text-ink-2 mt-2 max-w-prose text-base">
        Faultline draws its map from the OpenTelemetry traces that your services already emit. Send them here in one of
        these ways; the map appears within seconds of the first calls.
      </p>
      <Snippets />
      <p className="text-ink-2 mt-5">
        Sent some before? <button type="button" className="link" onClick={() => change({ from: 'now-24h', to: 'now' })}>Look at the last 24 hours</button>,
        or <button type="button" className="link" onClick={() => change({ from: 'now-7d', to: 'now' })}>the last 7 days</button>.
        Still nothing? <ViewLink to="/pipeline" patch={{}} className="link">The pipeline</ViewLink> says what has arrived, what was rejected and why.
      </p>
    </Centred>
  )
}

function Snippets() {
  const ways = snippets(location.hostname)
  return (
    <Tabs.Root defaultValue={ways[0]!.id} className="border-line bg-surface shadow-card mt-5 overflow-hidden rounded-xl border">
      <Tabs.List className="border-line flex border-b px-2" aria-label="Ways to send traces">
        {ways.map((w) => (
          <Tabs.Trigger key={w.id} value={w.id}
            className="text-ink-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink -mb-px border-b-2 border-transparent px-3 py-2.5 font-medium">
            {w.title}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {ways.map((w) => (
        <Tabs.Content key={w.id} value={w.id} className="p-4">
          <p className="text-ink-2 mb-3">{w.text}</p>
          <Snippet code={w.code} label={w.title} />
        </Tabs.Content>
      ))}
    </Tabs.Root>
  )
}

function Snippet({ code, label }: { code: string; label: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(code)
    setCopied(true)
    setTimeout(() => setCopied(false), 1600)
  }
  return (
    <div className="relative">
      {/* A region that scrolls must be reachable by keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0} aria-label={label} role="region" className="bg-sunken overflow-x-auto rounded-lg p-3.5 pr-24 font-mono text-xs leading-5">{code}</pre>
      {navigator.clipboard && (
        <button type="button" className="control absolute top-2 right-2 h-7 px-2 text-xs" onClick={() => void copy()}>
          {copied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}{copied ? 'Copied' : 'Copy'}
        </button>
      )}
    </div>
  )
}

function Centred({ children, wide }: { children: React.ReactNode; wide?: boolean }) {
  return (
    <div className="grid flex-1 place-items-center overflow-y-auto p-6">
      <section className={wide ? 'w-full max-w-2xl' : 'max-w-md'}>{children}</section>
    </div>
  )
}

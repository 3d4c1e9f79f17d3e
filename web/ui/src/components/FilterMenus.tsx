import { Popover } from 'radix-ui'
import { useState } from 'react'
import { choicesOf, type FacetName } from '../graph/facets'
import { count } from '../format/format'
import { useAllNodes } from '../hooks/queries'
import { useView } from '../hooks/useView'
import { ChevronIcon } from './icons'

const MENUS: readonly { facet: FacetName; label: string }[] = [
  { facet: 'environment', label: 'Environment' },
  { facet: 'namespace', label: 'Namespace' },
  { facet: 'type', label: 'Type' },
]

/** What the graph is narrowed to: the chosen nodes and all edges between them. */
export function FilterMenus() {
  return <>{MENUS.map((m) => <FilterMenu key={m.facet} {...m} />)}</>
}

/** Lists shorter than this need no search of their own. */
const SEARCH_FROM = 9

function FilterMenu({ facet, label }: { facet: FacetName; label: string }) {
  const [view, change] = useView()
  const [open, setOpen] = useState(false)
  const [text, setText] = useState('')
  const { data, isPending, error } = useAllNodes(open)

  const chosen: readonly string[] = view[facet]
  const choices = choicesOf(data ?? [], facet, chosen)
  const shown = choices.filter((c) => c.label.toLowerCase().includes(text.trim().toLowerCase()))
  const set = (values: readonly string[]) => change({ [facet]: values, focus: undefined })

  return (
    <Popover.Root open={open} onOpenChange={(o) => { setOpen(o); setText('') }}>
      <Popover.Trigger className="control" data-active={chosen.length > 0}>
        {label}{chosen.length === 1 && <span className="max-w-32 truncate">: {chosen[0] || 'none'}</span>}
        {chosen.length > 1 && <span className="num">: {chosen.length}</span>}
        <ChevronIcon className="opacity-70" />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="pop w-64 p-1.5" align="end" sideOffset={6} aria-label={label}>
          {choices.length >= SEARCH_FROM && (
            <input className="field mb-1.5 w-full" placeholder={`Find in ${choices.length}`} aria-label={`Find ${label.toLowerCase()}`}
              value={text} onChange={(e) => setText(e.target.value)} />
          )}
          <ul className="max-h-80 overflow-y-auto" aria-label={`${label} choices`}>
            {shown.map((c) => (
              <li key={c.value}>
                <label className="hover:bg-sunken flex h-8 items-center gap-2.5 rounded-md px-2.5">
                  <input type="checkbox" className="accent-accent size-3.5" checked={chosen.includes(c.value)}
                    onChange={(e) => set(e.target.checked ? [...chosen, c.value] : chosen.filter((v) => v !== c.value))} />
                  <span className="min-w-0 flex-1 truncate" data-plain={c.value === ''}>{c.label}</span>
                  <span className="num text-ink-3 text-xs">{count(c.nodes)}</span>
                </label>
              </li>
            ))}
          </ul>
          {shown.length === 0 && (
            <p className="text-ink-3 px-2.5 py-2">
              {isPending ? 'Loading…' : error ? error.message : text ? 'Nothing by that name.' : `No node of this window names its ${label.toLowerCase()}.`}
            </p>
          )}
          {chosen.length > 0 && (
            <div className="border-line mt-1.5 border-t pt-1.5">
              <button type="button" className="hover:bg-sunken h-8 w-full rounded-md px-2.5 text-left" onClick={() => set([])}>
                All, whatever the {label.toLowerCase()}
              </button>
            </div>
          )}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

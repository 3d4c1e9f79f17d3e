import { Popover } from 'radix-ui'
import { useState } from 'react'
import { choicesOf, type FacetName } from '../graph/facets'
import { count } from '../format/format'
import { useAllNodes } from '../hooks/queries'
import { useView } from '../hooks/useView'
import { SlidersIcon } from './icons'

const MENUS: readonly { facet: FacetName; label: string }[] = [
  { facet: 'environment', label: 'Environment' },
  { facet: 'namespace', label: 'Namespace' },
  { facet: 'type', label: 'Type' },
]

/** What the graph is narrowed to: the chosen nodes and all edges between them. */
export function FilterMenu() {
  const [view, change] = useView()
  const [open, setOpen] = useState(false)
  const chosen = MENUS.reduce((n, m) => n + view[m.facet].length, 0)
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className="control h-7" data-active={chosen > 0}>
        <SlidersIcon size={14} className="opacity-70" /> Filter{chosen > 0 && <span className="num">: {chosen}</span>}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="pop max-h-[70vh] w-[44rem] max-w-[calc(100vw-2rem)] overflow-y-auto p-4" align="end" sideOffset={6} aria-label="Filter">
          <div className="grid gap-4 sm:grid-cols-3">{MENUS.map((m) => <Facet key={m.facet} {...m} open={open} />)}</div>
          {chosen > 0 && (
            <div className="border-line mt-3 border-t pt-3">
              <button type="button" className="control" onClick={() => change({ environment: [], namespace: [], type: [], focus: undefined })}>Clear filters</button>
            </div>
          )}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

/** Lists shorter than this need no search of their own. */
const SEARCH_FROM = 9

function Facet({ facet, label, open }: { facet: FacetName; label: string; open: boolean }) {
  const [view, change] = useView()
  const [text, setText] = useState('')
  const { data, isPending, error } = useAllNodes(open)

  const chosen: readonly string[] = view[facet]
  const choices = choicesOf(data ?? [], facet, chosen)
  const shown = choices.filter((c) => c.label.toLowerCase().includes(text.trim().toLowerCase()))
  const set = (values: readonly string[]) => change({ [facet]: values, focus: undefined })

  return (
    <fieldset className="min-w-0">
      <legend className="eyebrow mb-1">{label}</legend>
      {choices.length >= SEARCH_FROM && (
        <input className="field mb-1.5 w-full" placeholder={`Find in ${choices.length}`} aria-label={`Find ${label.toLowerCase()}`}
          value={text} onChange={(e) => setText(e.target.value)} />
      )}
      <ul className="-mx-2 max-h-80 overflow-y-auto" aria-label={`${label} choices`}>
        {shown.map((c) => (
          <li key={c.value}>
            <label className="hover:bg-sunken flex h-8 items-center gap-2.5 rounded-md px-2">
              <input type="checkbox" className="accent-accent size-3.5" checked={chosen.includes(c.value)}
                onChange={(e) => set(e.target.checked ? [...chosen, c.value] : chosen.filter((v) => v !== c.value))} />
              <span className="min-w-0 flex-1 truncate" title={c.label} data-plain={c.value === ''}>{c.label}</span>
              <span className="num text-ink-3 text-xs">{count(c.nodes)}</span>
            </label>
          </li>
        ))}
      </ul>
      {shown.length === 0 && (
        <p className="text-ink-3 py-1">
          {isPending ? 'Loading…' : error ? error.message : text ? 'Nothing by that name.' : `No node of this window names its ${label.toLowerCase()}.`}
        </p>
      )}
    </fieldset>
  )
}

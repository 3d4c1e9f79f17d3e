import { useLocation, useNavigate } from '@tanstack/react-router'
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react'
import { plural, rate } from '../format/format'
import { healthOf, perSecond, seconds } from '../graph/red'
import { useGraph } from '../hooks/queries'
import { useFound } from '../hooks/useFound'
import { LEAVING, select, useView } from '../hooks/useView'
import { CLEAR_FILTERS, isFiltered, type View } from '../view/view'
import { HealthMark } from './HealthMark'
import { SearchIcon, TypeTile } from './icons'

const SHOWN = 8
const TYPING_MS = 120

/** Finds nodes by name or by condition: marks them on the map, narrows the table, and opens the one chosen. */
export function SearchBox() {
  const [view, change] = useView()
  const { pathname } = useLocation()
  const navigate = useNavigate()
  const { data } = useGraph()
  const [text, setText] = useState(view.q)
  const [open, setOpen] = useState(false)
  const [active, setActive] = useState(-1)
  const input = useRef<HTMLInputElement>(null)
  const listId = useId()
  const found = useFound(data?.graph, text)
  const hits = data && found.nodes ? data.graph.nodes.filter((n) => found.nodes!.has(n.id)) : []
  const shown = hits.slice(0, SHOWN)

  useSlashKey(input)

  // The URL may change under the box: back, a link, cleared filters.
  const [lastQ, setLastQ] = useState(view.q)
  if (view.q !== lastQ) {
    setLastQ(view.q)
    setText(view.q)
  }
  useEffect(() => {
    if (text === view.q) return
    const timer = setTimeout(() => change({ q: text }, { replace: true }), TYPING_MS)
    return () => clearTimeout(timer)
  }, [text, view.q, change])

  const choose = (id: string) => {
    setOpen(false)
    setText('')
    // Beside the graph the panel opens; elsewhere there is room for everything about it.
    if (pathname === '/map' || pathname === '/table') change({ ...select.node(id), q: '' })
    else void navigate({ to: '/nodes/$id', params: { id }, search: (old) => ({ ...old, ...select.none, ...LEAVING, q: '' }) as View })
  }
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault()
      setOpen(true)
      const step = e.key === 'ArrowDown' ? 1 : -1
      setActive((a) => Math.max(-1, Math.min(shown.length - 1, a + step)))
    } else if (e.key === 'Enter') {
      const hit = shown[active] ?? (hits.length === 1 ? hits[0] : undefined)
      if (hit) choose(hit.id)
      else setOpen(false) // several: they stay marked
    } else if (e.key === 'Escape') {
      e.stopPropagation()
      if (open && text) setOpen(false)
      else if (text) setText('')
      else input.current?.blur()
    }
  }

  const listed = open && text.trim() !== ''
  return (
    <div className="relative min-w-36 flex-1 basis-36 lg:max-w-sm" role="search">
      <SearchIcon className="text-ink-3 pointer-events-none absolute top-2 left-2.5" />
      <input ref={input} className="field bg-sunken w-full border-transparent pr-8 pl-8" type="search" autoComplete="off" spellCheck={false}
        placeholder="Find: cart, err > 1%, p95 > 300ms" aria-label="Find services and calls"
        role="combobox" aria-expanded={listed} aria-controls={listId} aria-autocomplete="list"
        aria-activedescendant={listed && active >= 0 ? `${listId}-${active}` : undefined}
        aria-invalid={found.error !== undefined}
        value={text} onFocus={() => setOpen(true)} onBlur={() => setOpen(false)} onKeyDown={onKeyDown}
        onChange={(e) => { setText(e.target.value); setOpen(true); setActive(-1) }} />
      <kbd className="border-line-strong text-ink-3 text-2xs pointer-events-none absolute top-1.5 right-2 rounded border px-1.5 leading-4.5 peer-focus:hidden" aria-hidden="true" hidden={text !== ''}>/</kbd>
      <div className="pop absolute inset-x-0 top-10 p-1.5" hidden={!listed}>
        <ul id={listId} role="listbox" aria-label="Found">
          {shown.map((n, i) => (
            // The keyboard reaches options through the input, which stays focused.
            // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
            <li key={n.id} id={`${listId}-${i}`} role="option" aria-selected={i === active}
              className="hover:bg-sunken aria-selected:bg-sunken flex items-center gap-2.5 rounded-md px-2 py-1.5"
              onMouseDown={(e) => e.preventDefault()} onClick={() => choose(n.id)}>
              <TypeTile type={n.type} size={24} />
              <span className="min-w-0 flex-1">
                <span className="block truncate font-medium">{n.name}</span>
                <span className="text-ink-3 text-2xs block truncate">{[n.type, n.namespace, n.environment].filter(Boolean).join(' · ')}</span>
              </span>
              <span className="num text-ink-2 text-xs">{data && n.calls > 0 && rate(perSecond(n, seconds(data.graph.window)))}</span>
              <HealthMark health={healthOf(n)} />
            </li>
          ))}
        </ul>
        <p className="text-ink-3 px-2 py-1 text-xs" role="status">
          {found.error ?? (hits.length === 0 ? 'Nothing here is called that.'
            : hits.length > SHOWN ? `${plural(hits.length, 'node')} found, the busiest first` : `${plural(hits.length, 'node')} found`)}
          {!found.error && hits.length === 0 && isFiltered(view) && (
            <button type="button" className="link ml-1" onMouseDown={(e) => e.preventDefault()} onClick={() => change({ ...CLEAR_FILTERS, q: text })}>
              Look outside the filters
            </button>
          )}
        </p>
      </div>
    </div>
  )
}

/** `/` goes to the search from anywhere but a field in which it can be typed. */
function useSlashKey(input: React.RefObject<HTMLInputElement | null>) {
  useEffect(() => {
    const onKey = (e: globalThis.KeyboardEvent) => {
      const target = e.target as HTMLElement
      if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || target.closest('input, textarea, select, [contenteditable]')) return
      e.preventDefault()
      input.current?.focus()
      input.current?.select()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [input])
}

import { RefreshIcon } from '../../components/icons'
import { plural } from '../../format/format'
import type { Drawing } from '../../graph/collapse'
import { LENS_TEXT } from '../../graph/lens'
import type { Found } from '../../hooks/useFound'
import type { Looking } from '../../hooks/useLens'
import { useView } from '../../hooks/useView'
import type { LaidOut } from './useLayout'

/** What the map wants to say about itself: what is new, what it does not draw, what was not found. */
export function Notices({ drawing, laidOut, found, looking }: { drawing: Drawing; laidOut: LaidOut; found: Found; looking: Looking }) {
  const [view, change] = useView()
  const { nodes, edges } = laidOut.fresh
  return (
    <div className="pointer-events-none absolute inset-x-0 top-14 flex flex-col items-center gap-2 px-4 *:pointer-events-auto" role="status">
      {nodes + edges > 0 && (
        <button type="button" className="pop text-accent flex items-center gap-2 rounded-full px-3.5 py-1.5 font-medium" onClick={laidOut.relayout}>
          <RefreshIcon size={14} /> {nodes > 0 ? `${plural(nodes, 'new node')}` : `${plural(edges, 'new edge')}`} — re-layout
        </button>
      )}
      {drawing.leftOut > 0 && (
        <p className="pop px-3.5 py-1.5">{plural(drawing.leftOut, 'node')} not drawn: the busiest come first. Filter, focus, or see the table.</p>
      )}
      {drawing.opened.length > 0 && (
        <ul className="flex flex-wrap justify-center gap-1.5" aria-label="Expanded groups">
          {drawing.opened.map((g) => (
            <li key={g.key}>
              <button type="button" className="pop text-ink-2 hover:text-ink rounded-full px-3 py-1 text-xs" onClick={() => change({ open: view.open.filter((k) => k !== g.key) })}>
                Collapse {g.label}
              </button>
            </li>
          ))}
        </ul>
      )}
      {looking.loading && <p className="pop px-3.5 py-1.5">Loading what is known of {LENS_TEXT[view.lens].title.toLowerCase()}…</p>}
      {looking.problem && <p className="pop text-bad px-3.5 py-1.5">{LENS_TEXT[view.lens].title} cannot be shown: {looking.problem.message}</p>}
      {found.nodes?.size === 0 && found.edges?.size === 0 && <p className="pop px-3.5 py-1.5">Nothing on the map matches “{view.q}”.</p>}
    </div>
  )
}

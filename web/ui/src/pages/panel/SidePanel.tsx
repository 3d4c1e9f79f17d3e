import { useEffect, useRef } from 'react'
import { CloseIcon } from '../../components/icons'
import { select, useView } from '../../hooks/useView'
import { EdgePanel } from './EdgePanel'
import { NodePanel } from './NodePanel'

/** The panel about the node or the edge that the URL names. Escape closes it. */
export function SidePanel() {
  const [view, change] = useView()
  const panel = useRef<HTMLElement>(null)
  const subject = view.node ?? view.edge

  // A new subject begins at its top.
  useEffect(() => {
    if (panel.current) panel.current.scrollTop = 0
  }, [subject])

  useEffect(() => {
    const close = (e: KeyboardEvent) => {
      if (e.key === 'Escape' && !e.defaultPrevented) change(select.none)
    }
    window.addEventListener('keydown', close)
    return () => window.removeEventListener('keydown', close)
  }, [change])

  return (
    <aside ref={panel} aria-label="Details" tabIndex={-1}
      className="border-line bg-surface absolute inset-y-0 right-0 z-20 w-[27rem] max-w-full overflow-y-auto border-l shadow-pop outline-none xl:static xl:shadow-none">
      <button type="button" aria-label="Close details" className="text-ink-2 hover:bg-sunken absolute top-3 right-3 z-10 grid size-8 place-items-center rounded-lg"
        onClick={() => change(select.none)}>
        <CloseIcon />
      </button>
      {view.node ? <NodePanel key={view.node} id={view.node} /> : <EdgePanel key={view.edge} id={view.edge!} />}
    </aside>
  )
}

import type { Graph } from '../api/model'
import { useView } from '../hooks/useView'
import { MAX_DEPTH } from '../view/view'
import { CloseIcon, MinusIcon, PlusIcon, TargetIcon } from './icons'

/** Says whose surroundings are shown, how far they reach, and ends it. */
export function FocusChip({ graph }: { graph: Graph }) {
  const [view, change] = useView()
  if (!view.focus) return null
  const name = graph.nodes.find((n) => n.id === view.focus)?.name ?? 'one node'
  const button = 'hover:bg-surface grid size-6 place-items-center rounded disabled:opacity-40'
  return (
    <span role="group" aria-label={`Focus on ${name}`} className="bg-accent-soft text-accent flex items-center gap-1 rounded-lg py-0.5 pr-1 pl-2 font-medium">
      <TargetIcon />
      <span className="max-w-48 truncate">{name}</span>
      <button type="button" className={button} aria-label="One hop less" disabled={view.depth <= 1} onClick={() => change({ depth: view.depth - 1 })}><MinusIcon size={14} /></button>
      <span className="num" aria-live="polite">{view.depth} {view.depth === 1 ? 'hop' : 'hops'}</span>
      <button type="button" className={button} aria-label="One hop more" disabled={view.depth >= MAX_DEPTH} onClick={() => change({ depth: view.depth + 1 })}><PlusIcon size={14} /></button>
      <button type="button" className={button} aria-label="End focus" onClick={() => change({ focus: undefined, depth: 1 })}><CloseIcon size={14} /></button>
    </span>
  )
}

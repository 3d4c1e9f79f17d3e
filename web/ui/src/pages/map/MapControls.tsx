import { useReactFlow } from '@xyflow/react'
import { Popover } from 'radix-ui'
import { FitIcon, MinusIcon, PlusIcon, SlidersIcon } from '../../components/icons'
import type { Drawing } from '../../graph/collapse'
import { useView } from '../../hooks/useView'

/** Zoom, and how the map is drawn. */
export function MapControls({ drawing, onFit, onTouch }: { drawing: Drawing; onFit: () => void; onTouch: () => void }) {
  const flow = useReactFlow()
  const button = 'hover:bg-sunken grid size-8 place-items-center'
  return (
    <div className="absolute right-3 bottom-3 flex items-center gap-2">
      <Display drawing={drawing} />
      <div className="border-line bg-surface shadow-card divide-line flex divide-x overflow-hidden rounded-lg border">
        <button type="button" className={button} aria-label="Zoom out" onClick={() => { onTouch(); void flow.zoomOut() }}><MinusIcon /></button>
        <button type="button" className={button} aria-label="Zoom in" onClick={() => { onTouch(); void flow.zoomIn() }}><PlusIcon /></button>
        <button type="button" className={button} aria-label="Fit the map into the window" onClick={onFit}><FitIcon /></button>
      </div>
    </div>
  )
}

function Display({ drawing }: { drawing: Drawing }) {
  const [view, change] = useView()
  return (
    <Popover.Root>
      <Popover.Trigger className="control shadow-card"><SlidersIcon className="text-ink-3" /> Display</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="pop w-64 p-3.5" side="top" align="end" sideOffset={6} aria-label="Display">
          <Check label="Group by namespace" hint={view.group === 'auto' && drawing.grouped ? 'on, because there are many nodes' : undefined}
            checked={drawing.grouped} onChange={(on) => change({ group: on ? 'on' : 'off', open: [] })} />
          <Check label="Show queues as nodes" hint="off draws producer to consumer"
            checked={view.queues === 'show'} onChange={(on) => change({ queues: on ? 'show' : 'collapse' })} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

function Check({ label, hint, checked, onChange }: { label: string; hint?: string; checked: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="flex items-start gap-2.5 py-1.5">
      <input type="checkbox" className="accent-accent mt-0.5 size-3.5" checked={checked} onChange={(e) => onChange(e.target.checked)} />
      <span>{label}{hint && <span className="text-ink-3 block text-xs">{hint}</span>}</span>
    </label>
  )
}

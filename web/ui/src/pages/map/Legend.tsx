import { useState } from 'react'
import { NODE_TYPES } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { ChevronIcon, TypeTile } from '../../components/icons'
import type { Drawing } from '../../graph/collapse'
import { THRESHOLDS } from '../../graph/red'

const percent = (share: number) => `${share * 100} %`

const HEALTHS = [
  ['bad', `failing: ${percent(THRESHOLDS.bad)} of calls or more`],
  ['warn', `degraded: ${percent(THRESHOLDS.warn)} or more`],
  ['ok', `healthy: below ${percent(THRESHOLDS.warn)}`],
  ['unknown', 'no calls reported'],
] as const

/** What the signs of the map mean. It lists only the types that are drawn. */
export function Legend({ drawing }: { drawing: Drawing }) {
  const [open, setOpen] = useState(false)
  const types = NODE_TYPES.filter((t) => drawing.nodes.some((n) => n.node?.type === t))
  return (
    <div className="absolute bottom-3 left-3 flex flex-col items-start gap-2">
      <div id="legend" hidden={!open} className="pop text-ink-2 w-72 p-3.5 text-xs">
        <ul className="grid gap-1.5">
          {HEALTHS.map(([health, text]) => <li key={health} className="flex items-center gap-2.5"><HealthMark health={health} silent />{text}</li>)}
        </ul>
        <ul className="border-line mt-3 grid gap-1.5 border-t pt-3">
          <li className="flex items-center gap-2.5"><Line width={1.5} /><Line width={5} />width: calls per second</li>
          <li className="flex items-center gap-2.5"><Line width={2} dashed />dashed: the caller does not wait</li>
        </ul>
        <ul className="border-line mt-3 grid grid-cols-2 gap-x-2 gap-y-1.5 border-t pt-3">
          {types.map((t) => <li key={t} className="flex items-center gap-2"><TypeTile type={t} size={20} />{t}</li>)}
        </ul>
      </div>
      <button type="button" className="control shadow-card" aria-expanded={open} aria-controls="legend" onClick={() => setOpen(!open)}>
        Legend <ChevronIcon className={open ? '' : 'rotate-180'} />
      </button>
    </div>
  )
}

function Line({ width, dashed }: { width: number; dashed?: boolean }) {
  return (
    <svg width="26" height="8" aria-hidden="true">
      <path d="M1 4h24" stroke="var(--edge)" strokeWidth={width} strokeDasharray={dashed ? '6 4' : undefined} />
    </svg>
  )
}

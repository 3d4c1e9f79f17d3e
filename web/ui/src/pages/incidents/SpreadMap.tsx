import type { Incident } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { NodePageLink } from '../../components/ViewLink'
import { duration, share } from '../../format/format'
import { windowOf } from './words'
import { spreadOf, type Arrow, type Reached } from './spread'

const BOX = { width: 196, height: 62 }
const GAP = { x: 84, y: 18 }

/** How the incident spread, from its likely cause at the left to what users call at the right. */
export function SpreadMap({ incident }: { incident: Incident }) {
  const spread = spreadOf(incident)
  if (spread.nodes.length === 0) return <p className="text-ink-3">What is ill does not point anywhere yet.</p>
  const width = spread.columns * (BOX.width + GAP.x) - GAP.x
  const height = spread.rows * (BOX.height + GAP.y) - GAP.y
  const places = new Map(spread.nodes.map((n) => {
    const column = spread.nodes.filter((m) => m.column === n.column).length
    const top = (height - column * (BOX.height + GAP.y) + GAP.y) / 2
    return [n.id, { x: n.column * (BOX.width + GAP.x), y: top + n.row * (BOX.height + GAP.y) }]
  }))
  return (
    <div className="overflow-x-auto pb-1" tabIndex={0} role="region" aria-label="Map of the spread">
      <div className="relative" style={{ width, height }}>
        <svg width={width} height={height} className="absolute inset-0" aria-hidden="true">
          <defs>
            <marker id="spread-head" markerUnits="userSpaceOnUse" markerWidth="12" markerHeight="14" refX="10" refY="7" viewBox="0 0 12 14" orient="auto"><path d="M0 1.5 10 7 0 12.5Z" fill="var(--bad-line)" /></marker>
          </defs>
          {spread.arrows.map((a) => <Step key={`${a.from} ${a.to}`} arrow={a} from={places.get(a.from)!} to={places.get(a.to)!} />)}
        </svg>
        <ol aria-label="In the order in which it spread">
          {spread.nodes.map((n) => (
            <li key={n.id} className="absolute" style={{ left: places.get(n.id)!.x, top: places.get(n.id)!.y, ...BOX }} data-reached={n.name}>
              <Box node={n} sign={incident.sign} window={windowOf(incident)} />
            </li>
          ))}
        </ol>
      </div>
    </div>
  )
}

function Box({ node: n, sign, window }: { node: Reached; sign: Incident['sign']; window: ReturnType<typeof windowOf> }) {
  const origin = n.column === 0
  return (
    <NodePageLink id={n.id} patch={window} className={`bg-surface hover:border-line-strong flex h-full flex-col justify-center rounded-xl border px-3 ${origin ? 'border-2' : 'border-line'}`} style={origin ? { borderColor: 'var(--bad-line)' } : undefined} title={n.name}>
      <span className="flex items-center gap-2">
        <HealthMark health={origin ? 'bad' : 'warn'} silent />
        <span className="min-w-0 flex-1 truncate font-semibold">{n.name}</span>
      </span>
      <span className="text-ink-3 num flex justify-between gap-2 pl-5 text-xs">
        <span>{origin ? 'likely cause' : n.after === null ? 'onset not known' : n.after === 0 ? 'at once' : `after ${duration(n.after)}`}</span>
        {n.entry && <span className="text-bad font-medium">{share(n.entry.bad, n.entry.requests)} {sign === 'slow' ? 'slow' : 'fail'}</span>}
      </span>
    </NodePageLink>
  )
}

interface Point {
  x: number
  y: number
}

function Step({ arrow, from, to }: { arrow: Arrow; from: Point; to: Point }) {
  const a = { x: from.x + BOX.width, y: from.y + BOX.height / 2 }
  const b = { x: to.x - 1, y: to.y + BOX.height / 2 }
  const half = (b.x - a.x) / 2
  const text = arrow.failed > 0 ? share(arrow.failed, arrow.calls) : ''
  return (
    <g data-step>
      <path d={`M${a.x},${a.y}C${a.x + half},${a.y} ${b.x - half},${b.y} ${b.x},${b.y}`} fill="none" stroke="var(--bad-line)" strokeWidth="2" markerEnd="url(#spread-head)" />
      {text && <text x={a.x + half} y={(a.y + b.y) / 2 - 6} textAnchor="middle" fontSize="11" fill="var(--ink-2)" paintOrder="stroke" stroke="var(--surface)" strokeWidth="4">{text}</text>}
    </g>
  )
}

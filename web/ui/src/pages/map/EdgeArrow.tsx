import { EdgeLabelRenderer, useStore, type EdgeProps } from '@xyflow/react'
import { memo, useContext, useState } from 'react'
import { HealthMark, HealthShape } from '../../components/HealthMark'
import { VERDICT_LINE } from '../../components/Verdict'
import { duration, rate, share } from '../../format/format'
import { isEstimate, perSecond } from '../../graph/red'
import type { ArrowEdge } from './boxes'
import { HoverContext } from './hover'
import type { Point } from './layout'
import { labelSpot, pathThrough, pointsAlong, trimEnd } from './routes'

/** Space that a label may take; the style sheet keeps it within. */
const LABEL = { width: 104, height: 40 }
const HEAD = 9

/** One arrow of the map: width is traffic, colour and sign are errors, dashes mean that the caller does not wait. */
export const EdgeArrow = memo(function EdgeArrow({ id, data }: EdgeProps<ArrowEdge>) {
  const hovered = useContext(HoverContext)
  if (!data) return null
  const { drawn, route, selected, lit, reading } = data
  const pointed = hovered === id || hovered === drawn.caller || hovered === drawn.callee
  const d = pathThrough(trimEnd(route, HEAD - 1))
  const spots = pointsAlong(route)
  const middle = spots[Math.floor(spots.length / 2)]
  const strong = selected || lit || pointed
  const labelled = selected || hovered === id
  const head = reading ? (reading.verdict ?? reading.rating ?? `level-${reading.level ?? 'none'}`) : strong && drawn.health === 'ok' ? 'strong' : drawn.health
  const width = reading?.verdict ? VERDICT_LINE[reading.verdict].width : data.width
  return (
    <g className="arrow" data-health={reading ? undefined : drawn.health} data-level={reading && (reading.level ?? 'none')} data-verdict={reading?.verdict} data-rating={reading?.rating} data-gone={reading?.gone} data-mode={drawn.mode} data-strong={strong} data-selected={selected} data-dim={data.dim && !pointed} data-edge={id}>
      <path className="arrow-hit" d={pathThrough(route)} />
      <path className="arrow-line" d={d} strokeWidth={width} strokeDasharray={reading?.verdict && VERDICT_LINE[reading.verdict].dash} markerEnd={`url(#head-${head})`} />
      {reading && !labelled && reading.level !== null && reading.level > 0 && <Tag route={route} text={reading.verdict ?? reading.tag ?? reading.text} />}
      {middle && !labelled && !reading && (drawn.health === 'bad' || drawn.health === 'warn') && (
        <g className="arrow-sign" transform={`translate(${middle.x - 9} ${middle.y - 9}) scale(1.5)`}><HealthShape health={drawn.health} /></g>
      )}
      {labelled && <Label data={data} />}
    </g>
  )
})

/** What a lens says of an arrow, on the arrow. Nearer to the callee, where the arrows of one caller have parted. */
function Tag({ route, text }: { route: Point[]; text: string }) {
  const points = pointsAlong(route)
  const at = points[Math.floor(points.length * 0.62)]
  if (!at) return null
  const width = 10 + text.length * 6.4
  return (
    <g transform={`translate(${at.x} ${at.y})`}>
      <g className="arrow-tag"><rect x={-width / 2} y="-9" width={width} height="18" rx="9" /><text textAnchor="middle" y="4">{text}</text></g>
    </g>
  )
}

function Label({ data: { drawn, route, windowSeconds, reading } }: { data: NonNullable<ArrowEdge['data']> }) {
  const nodes = useStore((s) => s.nodes)
  // Where the label goes is found once: it must not wander while the pointer rests.
  const [spot] = useState(() => labelSpot(route, nodes.map((n) => n.position), LABEL))
  const { red } = drawn
  return (
    <EdgeLabelRenderer>
      <div className="arrow-label" style={{ transform: `translate(-50%, -50%) translate(${spot.x}px, ${spot.y}px)`, maxWidth: LABEL.width }}>
        <span>{isEstimate(red) && '≈ '}{rate(perSecond(red, windowSeconds))}</span>
        <span data-health={drawn.health}><HealthMark health={drawn.health} size={9} silent /> {share(red.failed, red.calls)}</span>
        <span>{reading?.verdict || reading?.rating ? reading.text : drawn.edges.length > 1 ? `${drawn.edges.length} edges` : red.p95_ms === null ? 'p95 not reported' : `p95 ${duration(red.p95_ms)}`}</span>
      </div>
    </EdgeLabelRenderer>
  )
}

const HEADS = ['ok', 'warn', 'bad', 'unknown', 'strong', 'hard', 'partial', 'mixed', 'soft', 'risk', 'worse', 'notice', 'better', 'level-none', 'level-0', 'level-1', 'level-2', 'level-3', 'level-4']

/** The heads of the arrows, once per map. */
export function ArrowHeads() {
  return (
    <svg className="absolute size-0" aria-hidden="true">
      <defs>
        {HEADS.map((kind) => (
          <marker key={kind} id={`head-${kind}`} className="arrow-head" data-kind={kind} markerUnits="userSpaceOnUse"
            markerWidth={HEAD + 3} markerHeight={14} refX={1} refY={7} viewBox={`0 0 ${HEAD + 3} 14`} orient="auto">
            <path d={`M0 1.5 ${HEAD + 1} 7 0 12.5Z`} />
          </marker>
        ))}
      </defs>
    </svg>
  )
}

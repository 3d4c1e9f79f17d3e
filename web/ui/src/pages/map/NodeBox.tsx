import { Handle, Position, type NodeProps } from '@xyflow/react'
import { Fragment, memo, type CSSProperties } from 'react'
import { HealthMark } from '../../components/HealthMark'
import { GroupTile, TypeTile } from '../../components/icons'
import { ReadingSign } from '../../components/LevelBars'
import { clock, duration, plural, rate, share } from '../../format/format'
import type { DrawnNode } from '../../graph/collapse'
import type { Reading } from '../../graph/lens'
import { HEALTH_TEXT, isEstimate, perSecond } from '../../graph/red'
import type { BoxNode } from './boxes'
import { partsOf } from './parts'

export const boxDomId = (id: string) => `box-${id}`

/** One box of the map. How much of it is seen depends on the zoom; the style sheet decides that. */
export const NodeBox = memo(function NodeBox({ data }: NodeProps<BoxNode>) {
  const { drawn, windowSeconds, reading, illSince } = data
  const health = illSince ? 'bad' : drawn.health
  const parts = partsOf(drawn.label)
  const longest = Math.max(...parts.map((p) => p.length))
  return (
    // Reached through the map, which is one tab stop and names the active box.
    // oxlint-disable-next-line jsx-a11y/interactive-supports-focus
    <div id={boxDomId(drawn.id)} className="box" role="button" aria-pressed={data.selected} aria-label={describe(drawn, windowSeconds, reading, illSince)}
      data-health={reading ? undefined : health} data-ill={!reading && illSince !== undefined} data-level={reading && (reading.level ?? 'none')} data-rating={reading?.rating} data-gone={reading?.gone} data-selected={data.selected} data-active={data.active} data-dim={data.dim} data-group={drawn.group !== undefined} data-long={longest > 9}>
      <Handle type="target" position={Position.Left} isConnectable={false} className="box-handle" />
      <Handle type="source" position={Position.Right} isConnectable={false} className="box-handle" />
      <div className="box-card">
        <div className="box-head">
          {drawn.node ? <TypeTile type={drawn.node.type} size={34} /> : <GroupTile size={34} />}
          <div className="min-w-0 flex-1">
            <div className="box-name" title={drawn.label} style={{ '--longest': longest } as CSSProperties}>{parts.map((p, n) => <Fragment key={n}>{n > 0 && <wbr />}{p}</Fragment>)}</div>
            {/* Through a lens a box says its name and what the lens shows, in the order in which it is called. */}
            <div className="box-sub">{!reading && (illSince ? <b className="text-bad font-medium">ill since {clock(new Date(illSince))}</b> : subtitle(drawn))}</div>
          </div>
          {!reading && <HealthMark health={health} size={13} silent />}
        </div>
        {' ' /* or the name and the reading were one word to whoever hears them */}
        {reading ? <div className="box-reading"><ReadingSign of={reading} size={16} /><span>{reading.tag ?? reading.text}</span></div> : <Numbers drawn={drawn} windowSeconds={windowSeconds} />}
      </div>
      <div className="box-dot">{reading ? <ReadingSign of={reading} size={64} /> : <HealthMark health={health} size={64} silent />}</div>
    </div>
  )
})

function Numbers({ drawn, windowSeconds }: { drawn: DrawnNode; windowSeconds: number }) {
  const { red, out, group } = drawn
  if (red.calls === 0) {
    return <div className="box-numbers">{out.calls > 0 ? <span>{rate(perSecond(out, windowSeconds))} out</span> : <span>no calls reported</span>}</div>
  }
  return (
    <div className="box-numbers">
      <span>{isEstimate(red) && '≈ '}{rate(perSecond(red, windowSeconds))}</span>
      <span data-health={drawn.health} className="box-errors">{share(red.failed, red.calls)} err</span>
      {group ? <span>{group.failing > 0 ? `${group.failing} failing` : 'none failing'}</span>
        : red.p95_ms !== null && <span>p95 {duration(red.p95_ms)}</span>}
    </div>
  )
}

function subtitle({ node, group, addressOf }: DrawnNode): string {
  if (group) return [plural(group.members, 'node'), group.environment].filter(Boolean).join(' · ')
  if (!node) return ''
  if (addressOf) return `address of ${addressOf}`
  return [node.system || node.type, node.namespace, node.environment].filter(Boolean).join(' · ')
}

/** The box in one sentence, for those who hear it. */
function describe(drawn: DrawnNode, windowSeconds: number, reading: Reading | undefined, illSince: string | undefined): string {
  const { red, out } = drawn
  const traffic = red.calls > 0
    ? [`${rate(perSecond(red, windowSeconds))}`, `${share(red.failed, red.calls)} failed`, red.p95_ms !== null && `p95 ${duration(red.p95_ms)}`]
    : [out.calls > 0 ? `calls out ${rate(perSecond(out, windowSeconds))}` : 'no calls reported']
  return [drawn.label, reading?.tag, reading?.text, subtitle(drawn), illSince && `ill since ${clock(new Date(illSince))}`, HEALTH_TEXT[drawn.health], ...traffic].filter(Boolean).join(', ')
}

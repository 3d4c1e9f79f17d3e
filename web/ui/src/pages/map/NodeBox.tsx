import { Handle, Position, type NodeProps } from '@xyflow/react'
import { memo } from 'react'
import { HealthMark } from '../../components/HealthMark'
import { GroupTile, TypeTile } from '../../components/icons'
import { duration, plural, rate, share } from '../../format/format'
import type { DrawnNode } from '../../graph/collapse'
import { breakable, nameParts } from '../../graph/names'
import { HEALTH_TEXT, isEstimate, perSecond } from '../../graph/red'
import type { BoxNode } from './boxes'

export const boxDomId = (id: string) => `box-${id}`

/** One box of the map. How much of it is seen depends on the zoom; the style sheet decides that. */
export const NodeBox = memo(function NodeBox({ data }: NodeProps<BoxNode>) {
  const { drawn, windowSeconds } = data
  const { name } = nameParts({ name: drawn.label })
  return (
    // Reached through the map, which is one tab stop and names the active box.
    // oxlint-disable-next-line jsx-a11y/interactive-supports-focus
    <div id={boxDomId(drawn.id)} className="box" role="button" aria-pressed={data.selected} aria-label={describe(drawn, windowSeconds)}
      data-name={drawn.label} data-health={drawn.health} data-selected={data.selected} data-active={data.active} data-dim={data.dim}
      data-group={drawn.group !== undefined}>
      <Handle type="target" position={Position.Left} isConnectable={false} className="box-handle" />
      <Handle type="source" position={Position.Right} isConnectable={false} className="box-handle" />
      <div className="box-card">
        <div className="box-head">
          {drawn.node ? <TypeTile type={drawn.node.type} size={32} /> : <GroupTile size={32} />}
          <div className="min-w-0 flex-1">
            <div className="box-name" data-long={longestPart(name) > 12} title={drawn.label}>{breakable(name)}</div>
            <div className="box-sub">{subtitle(drawn)}</div>
          </div>
        </div>
        <div className="box-numbers">
          <HealthMark health={drawn.health} size={12} silent />
          <Numbers drawn={drawn} windowSeconds={windowSeconds} />
        </div>
      </div>
      <div className="box-dot"><HealthMark health={drawn.health} size={64} silent /></div>
    </div>
  )
})

function Numbers({ drawn, windowSeconds }: { drawn: DrawnNode; windowSeconds: number }) {
  const { red, out, group } = drawn
  if (red.calls === 0) {
    return <span className="box-rate">{out.calls > 0 ? `${rate(perSecond(out, windowSeconds))} out` : 'no calls reported'}</span>
  }
  return (
    <>
      <span className="box-rate">{isEstimate(red) && '≈ '}{rate(perSecond(red, windowSeconds))}</span>
      <span className="box-errors" data-health={drawn.health}>{share(red.failed, red.calls)}</span>
      <span className="box-p95">{group ? (group.failing > 0 ? `${group.failing} failing` : 'none failing')
        : red.p95_ms !== null && <><i>p95</i> {duration(red.p95_ms)}</>}</span>
    </>
  )
}

function subtitle({ label, node, group }: DrawnNode): string {
  if (group) return [plural(group.members, 'node'), group.environment].filter(Boolean).join(' · ')
  if (!node) return ''
  const { place } = nameParts({ name: label })
  return [node.system || node.type, place || node.namespace].filter(Boolean).join(' · ')
}

/** Length of the longest part of a name that stays on one line: long ones are written smaller. */
function longestPart(name: string): number {
  return Math.max(...breakable(name).split(/[\u200b\s]/).map((part) => part.length))
}

/** The box in one sentence, for those who hear it. */
function describe(drawn: DrawnNode, windowSeconds: number): string {
  const { red, out } = drawn
  const traffic = red.calls > 0
    ? [`${rate(perSecond(red, windowSeconds))}`, `${share(red.failed, red.calls)} failed`, red.p95_ms !== null && `p95 ${duration(red.p95_ms)}`]
    : [out.calls > 0 ? `calls out ${rate(perSecond(out, windowSeconds))}` : 'no calls reported']
  return [drawn.label, subtitle(drawn), HEALTH_TEXT[drawn.health], ...traffic].filter(Boolean).join(', ')
}

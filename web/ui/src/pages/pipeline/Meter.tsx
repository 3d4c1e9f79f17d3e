import { HealthMark } from '../../components/HealthMark'
import { bytes, share } from '../../format/format'
import type { Fill } from './measures'

const TEXT = { ok: '', warn: 'filling up', bad: 'full: senders are refused', unknown: '' }

/** How full something is, as a bar and in words. */
export function Meter({ fill, label }: { fill: Fill; label: string }) {
  const percent = share(fill.bytes, fill.max)
  const words = `${bytes(fill.bytes)} of ${bytes(fill.max)}`
  const colour = { ok: 'var(--series-1)', warn: 'var(--warn-line)', bad: 'var(--bad-line)', unknown: 'var(--ink-3)' }[fill.health]
  return (
    <span className="block min-w-28 font-normal" title={words}>
      <span role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(fill.share * 100)} aria-valuetext={`${percent}, ${words}`}
        className="bg-sunken border-line block h-2 overflow-hidden rounded-full border">
        <span className="block h-full" style={{ width: `${fill.share * 100}%`, background: colour }} />
      </span>
      <span className="num text-ink-2 mt-1 flex items-center gap-1.5 text-xs whitespace-nowrap">
        {fill.health !== 'ok' && <HealthMark health={fill.health} size={10} silent />}{percent}
        <span className="text-ink-3">{TEXT[fill.health] || `of ${bytes(fill.max)}`}</span>
      </span>
    </span>
  )
}

import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useTheme } from '../../hooks/useTheme'

export interface Line {
  label: string
  /** One value a time; null where nothing was reported. */
  values: (number | null)[]
  /** Name of the CSS variable that holds the colour. */
  color: string
  dash?: number[]
  fill?: boolean
}

interface Props {
  title: string
  /** Unix seconds, ascending. */
  times: number[]
  lines: Line[]
  format: (value: number) => string
  /** The chart in words, for those who do not see it. */
  summary: string
}

const HEIGHT = 112

/** A small chart over time. Charts of one panel share their cursor. */
export function Chart({ title, times, lines, format, summary }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  const [at, setAt] = useState<number | null>(null)
  const { effective } = useTheme()
  const latest = useRef({ format })
  latest.current.format = format
  const shape = lines.map((l) => l.label).join()

  useEffect(() => {
    const el = box.current!
    const color = (name: string) => getComputedStyle(el).getPropertyValue(name).trim()
    const axis = { stroke: color('--ink-3'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '11px "Inter Variable", system-ui, sans-serif' }
    const made = new uPlot({
      width: el.clientWidth || 360, height: HEIGHT, padding: [6, 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, sync: { key: 'faultline' }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] } },
      axes: [
        { ...axis, size: 22, space: 64, values: (_, ticks) => ticks.map((t) => new Date(t * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hour12: false })) },
        { ...axis, size: 58, space: 30, values: (_, ticks) => ticks.map((t) => latest.current.format(t)) },
      ],
      series: [
        {},
        ...lines.map((l) => ({
          label: l.label, stroke: color(l.color), width: 1.5, dash: l.dash, spanGaps: false,
          points: { show: times.length < 3 },
          ...(l.fill && { fill: `color-mix(in oklab, ${color(l.color)} 12%, transparent)` }),
        })),
      ],
      hooks: { setCursor: [(u) => setAt(u.cursor.idx ?? null)] },
    }, [times, ...lines.map((l) => l.values)], el)
    plot.current = made
    const sized = new ResizeObserver(() => made.setSize({ width: el.clientWidth, height: HEIGHT }))
    sized.observe(el)
    return () => {
      sized.disconnect()
      made.destroy()
      plot.current = null
    }
    // New values go into the chart that is there; only a new theme or other lines make another one.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [effective, shape])

  useEffect(() => {
    plot.current?.setData([times, ...lines.map((l) => l.values)])
  }, [times, lines])

  const shown = at !== null && at < times.length ? at : null
  return (
    <figure aria-label={`${title}: ${summary}`}>
      <figcaption className="num text-ink-3 mb-1 flex items-baseline justify-between gap-3 text-xs">
        <span className="text-ink-2 font-medium">{title}</span>
        <span className="flex gap-3">
          {lines.map((l) => (
            <span key={l.label} className="flex items-center gap-1">
              <svg width="14" height="6" aria-hidden="true"><line x1="0" y1="3" x2="14" y2="3" stroke={`var(${l.color})`} strokeWidth="2" strokeDasharray={l.dash?.join(' ')} /></svg>
              {l.label}{shown !== null && <b className="text-ink font-medium">{value(l.values[shown], format)}</b>}
            </span>
          ))}
          {shown !== null && <span>{new Date(times[shown]! * 1000).toLocaleTimeString(undefined, { hour12: false })}</span>}
        </span>
      </figcaption>
      <div ref={box} className="w-full" style={{ height: HEIGHT }} data-chart={title} />
    </figure>
  )
}

function value(v: number | null | undefined, format: (v: number) => string): string {
  return v === null || v === undefined ? '–' : format(v)
}

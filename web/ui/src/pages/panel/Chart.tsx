import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { clock } from '../../format/format'
import { useTheme } from '../../hooks/useTheme'

export interface Line {
  label: string
  /** One value a time; null where nothing was reported. */
  values: (number | null)[]
  /** Name of the CSS variable that holds the colour. */
  color: string
  dash?: number[]
  width?: number
  fill?: boolean
}

interface Props {
  title: string
  /** Unix seconds, ascending. */
  times: number[]
  lines: Line[]
  format: (value: number) => string
  /** Whether the times are written below; of charts above each other only the last needs them. */
  timeAxis?: boolean
  /** The chart in words, for those who do not see it. */
  summary: string
}

const HEIGHT = 92
const TIMES = 22

/** A small chart over time. Charts of one panel share their cursor. */
export function Chart({ title, times, lines, format, timeAxis = false, summary }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  const [at, setAt] = useState<number | null>(null)
  const { effective } = useTheme()
  const latest = useRef({ format })
  const height = timeAxis ? HEIGHT + TIMES : HEIGHT
  latest.current.format = format
  const shape = lines.map((l) => l.label).join()

  useEffect(() => {
    const el = box.current!
    const color = (name: string) => getComputedStyle(el).getPropertyValue(name).trim()
    const axis = { stroke: color('--ink-3'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '11px "Inter Variable", system-ui, sans-serif' }
    const made = new uPlot({
      width: el.clientWidth || 360, height, padding: [6, 4, timeAxis ? 0 : 6, 0],
      legend: { show: false },
      cursor: { y: false, sync: { key: 'faultline' }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] } },
      axes: [
        { ...axis, size: timeAxis ? TIMES : 0, space: 64, values: (u, ticks) => (timeAxis ? ticks.map((t) => tickLabel(t, u.data[0])) : []) },
        { ...axis, size: 58, space: 30, values: (_, ticks) => ticks.map((t) => latest.current.format(t)) },
      ],
      series: [
        {},
        ...lines.map((l) => ({
          label: l.label, stroke: color(l.color), width: l.width ?? 1.5, dash: l.dash, spanGaps: false,
          points: { show: times.length < 3 },
          ...(l.fill && { fill: `color-mix(in oklab, ${color(l.color)} 12%, transparent)` }),
        })),
      ],
      hooks: { setCursor: [(u) => setAt(u.cursor.idx ?? null)] },
    }, [times, ...lines.map((l) => l.values)], el)
    plot.current = made
    const sized = new ResizeObserver(() => made.setSize({ width: el.clientWidth, height }))
    sized.observe(el)
    return () => {
      sized.disconnect()
      made.destroy()
      plot.current = null
    }
    // New values go into the chart that is there; only a new theme or other lines make another one.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [effective, shape, timeAxis])

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
          {shown !== null && <span>{clock(new Date(times[shown]! * 1000))}</span>}
        </span>
      </figcaption>
      <div ref={box} className="w-full" style={{ height }} data-chart={title} />
    </figure>
  )
}

function value(v: number | null | undefined, format: (v: number) => string): string {
  return v === null || v === undefined ? '–' : format(v)
}

const DAY = 86_400
const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false })
const dayOfMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

/** A moment on the time axis: its day where the axis spans several, else its time. Unix seconds. */
function tickLabel(t: number, times: ArrayLike<number>): string {
  const span = (times[times.length - 1] ?? 0) - (times[0] ?? 0)
  return (span > 2 * DAY ? dayOfMonth : timeOfDay).format(new Date(t * 1000))
}

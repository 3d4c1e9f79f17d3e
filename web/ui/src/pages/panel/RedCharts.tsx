import type { Point, Series } from '../../api/model'
import { count, duration, rate, share } from '../../format/format'
import { perSecond } from '../../graph/red'
import { Chart } from './Chart'

interface Props {
  series: Series
  /** Side by side instead of one above the other. */
  wide?: boolean
  /** The series is of an edge: its duration is shown as both sides measured it, if both did. */
  sides?: boolean
}

/** Rate, errors and duration over time. Steps without calls have a rate of zero and no duration. */
export function RedCharts({ series, wide, sides }: Props) {
  const { points, window } = series
  const step = window.step_ms / 1000
  const times = points.map((p) => Date.parse(p.time) / 1000)
  const of = (f: (p: Point) => number | null) => points.map(f)
  const calls = points.reduce((n, p) => n + p.calls, 0)
  const failed = points.reduce((n, p) => n + p.failed, 0)
  const both = sides && points.some((p) => p.server_p50_ms !== null)
  return (
    <div className={wide ? `grid gap-x-6 gap-y-4 md:grid-cols-2 ${both ? '' : 'xl:grid-cols-3'}` : 'flex flex-col gap-4'}>
      <Chart title="Rate" times={times} format={(v) => rate(v)} summary={`${count(calls)} calls`}
        lines={[{ label: 'calls', values: of((p) => perSecond(p, step)), color: '--series-1', fill: true }]} />
      <Chart title="Errors" times={times} format={(v) => share(v, 1)} summary={`${share(failed, calls)} of all calls failed`}
        lines={[{ label: 'failed', values: of((p) => (p.calls > 0 ? p.failed / p.calls : null)), color: '--series-3', fill: true }]} />
      <Durations title={both ? 'Duration, caller’s side' : 'Duration'} times={times} of={(p) => points.map((x) => x[`${p}_ms`])} />
      {both && <Durations title="Duration, callee’s side" times={times} of={(p) => points.map((x) => x[`server_${p}_ms`])} />}
    </div>
  )
}

function Durations({ title, times, of }: { title: string; times: number[]; of: (percentile: 'p50' | 'p95' | 'p99') => (number | null)[] }) {
  return (
    <Chart title={title} times={times} format={(v) => duration(v)} summary="p50, p95 and p99"
      lines={[
        { label: 'p50', values: of('p50'), color: '--series-1' },
        { label: 'p95', values: of('p95'), color: '--series-2', dash: [5, 3] },
        { label: 'p99', values: of('p99'), color: '--series-3', dash: [2, 2] },
      ]} />
  )
}

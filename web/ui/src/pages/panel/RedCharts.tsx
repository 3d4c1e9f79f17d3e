import type { Point, Series } from '../../api/model'
import { count, duration, rate, share } from '../../format/format'
import { perSecond } from '../../graph/red'
import { Chart } from './Chart'

/** Rate, errors and duration over time. Steps without calls have a rate of zero and no duration. */
export function RedCharts({ series }: { series: Series }) {
  const { points, window } = series
  const step = window.step_ms / 1000
  const times = points.map((p) => Date.parse(p.time) / 1000)
  const of = (f: (p: Point) => number | null) => points.map(f)
  const calls = points.reduce((n, p) => n + p.calls, 0)
  const failed = points.reduce((n, p) => n + p.failed, 0)
  return (
    <div className="flex flex-col gap-4">
      <Chart title="Rate" times={times} format={(v) => rate(v)} summary={`${count(calls)} calls`}
        lines={[{ label: 'calls', values: of((p) => perSecond(p, step)), color: '--series-1', fill: true }]} />
      <Chart title="Errors" times={times} format={(v) => share(v, 1)} summary={`${share(failed, calls)} of all calls failed`}
        lines={[{ label: 'failed', values: of((p) => (p.calls > 0 ? p.failed / p.calls : null)), color: '--series-3', fill: true }]} />
      <Chart title="Duration" times={times} format={(v) => duration(v)} summary="p50, p95 and p99"
        lines={[
          { label: 'p50', values: of((p) => p.p50_ms), color: '--series-1' },
          { label: 'p95', values: of((p) => p.p95_ms), color: '--series-2', dash: [5, 3] },
          { label: 'p99', values: of((p) => p.p99_ms), color: '--series-3', dash: [2, 2] },
        ]} />
    </div>
  )
}

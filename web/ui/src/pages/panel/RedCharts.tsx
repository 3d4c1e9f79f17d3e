import type { Point, Series } from '../../api/model'
import { count, duration, rateScale, share } from '../../format/format'
import { perSecond } from '../../graph/red'
import { Chart } from './Chart'

/** Rate, errors and duration over time. Steps without calls have a rate of zero and no duration. */
export function RedCharts({ series }: { series: Series }) {
  const { points, window } = series
  const step = window.step_ms / 1000
  const times = points.map((p) => Date.parse(p.time) / 1000)
  const of = (f: (p: Point) => number | null) => points.map(f)
  const rates = of((p) => perSecond(p, step))
  const calls = points.reduce((n, p) => n + p.calls, 0)
  const failed = points.reduce((n, p) => n + p.failed, 0)
  const slowest = points.reduce((n, p) => Math.max(n, p.p95_ms ?? 0), 0)
  return (
    <div className="flex flex-col gap-3.5">
      <Chart title="Rate" times={times} format={rateScale(Math.max(0, ...rates.map((r) => r ?? 0)))} summary={`${count(calls)} calls`}
        lines={[{ label: 'calls', values: rates, color: '--series-rate', fill: true }]} />
      <Chart title="Errors" times={times} format={(v) => share(v, 1)} summary={`${share(failed, calls)} of all calls failed`}
        lines={[{ label: 'failed', values: of((p) => (p.calls > 0 ? p.failed / p.calls : null)), color: '--series-errors', fill: true }]} />
      <Chart title="Duration" times={times} format={duration} timeAxis summary={calls > 0 ? `p50, p95 and p99; the slowest step has a p95 of ${duration(slowest)}` : 'not reported'}
        lines={[
          { label: 'p50', values: of((p) => p.p50_ms), color: '--series-p50' },
          { label: 'p95', values: of((p) => p.p95_ms), color: '--series-p95', width: 2 },
          { label: 'p99', values: of((p) => p.p99_ms), color: '--series-p99', dash: [4, 2.5] },
        ]} />
    </div>
  )
}

import type { Red } from '../../api/model'
import { count, duration, rate, share } from '../../format/format'
import { healthOf, isEstimate, perSecond } from '../../graph/red'

/** What one side saw of the calls. What it cannot tell is left out or null, and shown as a dash. */
export interface Side {
  /** Whose measurement it is. */
  by: string
  counts?: Red
  durations?: { p50_ms: number | null; p95_ms: number | null; p99_ms: number | null }
}

/** Rate, errors and duration as each side measured them, one below the other, and what the counts are made of. */
export function Measured({ sides, windowSeconds }: { sides: Side[]; windowSeconds: number }) {
  const main = sides[0]!.counts
  return (
    <>
      <table className="num w-full text-right">
        <thead>
          <tr className="text-ink-3 text-xs">
            <th scope="col" className="pb-1 text-left font-normal">measured by</th>
            {['rate', 'errors', 'p50', 'p95', 'p99'].map((c) => <th key={c} scope="col" className="pb-1 pl-2 font-normal">{c}</th>)}
          </tr>
        </thead>
        <tbody>
          {sides.map((s) => (
            <tr key={s.by} className="*:border-line *:border-t *:py-1.5 *:pl-2 *:whitespace-nowrap">
              <th scope="row" className="text-ink-2 pl-0! text-left font-normal">{s.by}</th>
              <td className="font-semibold">{s.counts ? `${isEstimate(s.counts) ? '≈ ' : ''}${rate(perSecond(s.counts, windowSeconds))}` : <Unknown />}</td>
              <td className="data-[health=bad]:text-bad data-[health=warn]:text-warn font-semibold" data-health={s.counts && healthOf(s.counts)}>
                {s.counts && s.counts.calls > 0 ? share(s.counts.failed, s.counts.calls) : <Unknown />}
              </td>
              {(['p50_ms', 'p95_ms', 'p99_ms'] as const).map((p) => {
                const ms = s.durations?.[p] ?? null
                return <td key={p}>{ms === null ? <Unknown /> : duration(ms)}</td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {main && <Counts red={main} />}
    </>
  )
}

function Unknown() {
  return <span className="text-ink-3" title="not reported"><span aria-hidden="true">–</span><span className="sr-only">not reported</span></span>
}

function Counts({ red }: { red: Red }) {
  const parts: [string, number][] = [
    ['failed', red.failed], ['timed out', red.timeouts], ['resent', red.resends],
    ['client errors (4xx)', red.client_errors], ['throttled (429)', red.throttled],
  ]
  return (
    <div className="text-ink-3 num mt-2.5 text-xs">
      <p>
        <b className="text-ink-2 font-medium">{count(red.calls)}</b> calls seen
        {isEstimate(red) && <>, sampled from <b className="text-ink-2 font-medium">≈ {count(red.calls_weighted)} ± {count(red.calls_interval)}</b></>}
        {!red.sampling_known && <>; <span title="Not every call said with which probability it was sampled, so the counts may be low.">sampling unknown</span></>}
      </p>
      <ul className="flex flex-wrap gap-x-3">
        {parts.map(([name, n]) => <li key={name}><b className={n > 0 ? 'text-ink-2 font-medium' : 'font-normal'}>{count(n)}</b> {name}</li>)}
      </ul>
    </div>
  )
}

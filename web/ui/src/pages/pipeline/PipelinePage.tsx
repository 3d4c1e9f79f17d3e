import type { ReactNode } from 'react'
import type { Pipeline } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { HealthMark } from '../../components/HealthMark'
import { compact, count, duration, plural, rate } from '../../format/format'
import { usePipeline } from '../../hooks/queries'
import { useView } from '../../hooks/useView'
import { describeRange } from '../../view/range'
import { Doctor } from './Doctor'
import { Meter } from './Meter'
import { AllValues, Rejections, Replicas } from './Replicas'
import { isDuplicate, isRejected, journalFill, lagHealth, rateOf } from './measures'

/** How the product itself fares, and what the senders of spans can mend. */
export function PipelinePage() {
  const [view] = useView()
  const query = usePipeline()
  if (!query.data) {
    return query.error
      ? <ErrorState problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      : <Loading />
  }
  const { replicas, total, doctor } = query.data
  return (
    // A region that scrolls must be reachable by keyboard.
    <div className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Pipeline">
      <div className="mx-auto flex w-full max-w-6xl flex-col gap-5 p-4 pb-12 sm:p-6">
        <header className="flex flex-wrap items-baseline gap-x-3">
          <h1 className="text-xl font-semibold tracking-tight">Pipeline</h1>
          <p className="text-ink-2">From the spans that were sent to the edges on the map · {describeRange(view, Date.now())}</p>
        </header>
        {query.error && (
          <p role="status" className="text-warn flex items-center gap-2"><HealthMark health="warn" silent /> The last refresh did not work: {problemFrom(query.error).message}</p>
        )}
        {replicas.length === 0 ? <NoReplicas /> : <Totals total={total} replicas={replicas} />}
        {replicas.length > 0 && <Card title="Ingest" note={plural(replicas.length, 'replica')}><Replicas replicas={replicas} total={total} /></Card>}
        {replicas.length > 0 && <Card title="Rejected for good" note="the sender is told not to send them again"><Rejections total={total} /></Card>}
        <Doctor doctor={doctor} />
        {replicas.length > 0 && <Card title="Every value" note="of all replicas"><AllValues total={total} /></Card>}
      </div>
    </div>
  )
}

/** A titled part of the page. */
function Card({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="border-line bg-surface shadow-card rounded-xl border p-4 sm:p-5">
      <h2 className="flex flex-wrap items-baseline gap-x-2">
        <span className="text-base font-semibold">{title}</span>
        {note && <span className="text-ink-3 font-normal">{note}</span>}
      </h2>
      <div className="mt-3">{children}</div>
    </section>
  )
}

function Totals({ total, replicas }: Pick<Pipeline, 'total' | 'replicas'>) {
  const silent = replicas.filter((r) => r.state === 'silent').length
  const lag = total.store_lag_ms
  const fill = journalFill(total)
  return (
    <dl className="border-line bg-surface shadow-card grid grid-cols-2 gap-x-6 gap-y-4 rounded-xl border p-4 sm:grid-cols-4 sm:p-5 lg:grid-cols-7" aria-label="All replicas together">
      <Figure term="Replicas" note={silent > 0 ? <span className="text-bad flex items-center gap-1.5 font-medium"><HealthMark health="bad" silent /> {silent} silent</span> : 'all reporting'}>{count(replicas.length)}</Figure>
      <Figure term="Spans accepted" note={total.accepted_spans && `${compact(total.accepted_spans.value)} in all`}>{perSecond(total.accepted_spans?.per_second)}</Figure>
      <Figure term="Spans rejected">{perSecond(rateOf(total, isRejected))}</Figure>
      <Figure term="Sent twice" note="counted once">{perSecond(rateOf(total, isDuplicate))}</Figure>
      <Figure term="Halves waiting" note="for the other half">{total.waiting_halves ? compact(total.waiting_halves.value) : NOT_KNOWN}</Figure>
      <Figure term="Store lag" note={lag && <span className="flex items-center gap-1.5"><HealthMark health={lagHealth(total)} silent /> {LAG_TEXT[lagHealth(total)]}</span>}>{lag ? duration(lag.value) : NOT_KNOWN}</Figure>
      <Figure term="Journal">{fill ? <Meter fill={fill} label="Journals of all replicas" /> : NOT_KNOWN}</Figure>
    </dl>
  )
}

const LAG_TEXT = { ok: 'keeps up', warn: 'behind', bad: 'far behind', unknown: '' }
const NOT_KNOWN = <span className="text-ink-3 font-normal">not reported</span>

function perSecond(r: number | null | undefined): ReactNode {
  return r === null || r === undefined ? NOT_KNOWN : rate(r)
}

function Figure({ term, note, children }: { term: string; note?: ReactNode; children: ReactNode }) {
  return (
    <div>
      <dt className="text-ink-3 text-xs">{term}</dt>
      <dd className="num mt-0.5 text-base font-semibold">{children}</dd>
      {note && <dd className="num text-ink-3 text-xs">{note}</dd>}
    </div>
  )
}

function NoReplicas() {
  const [, change] = useView()
  return (
    <section className="border-line bg-surface shadow-card rounded-xl border p-5">
      <h2 className="text-base font-semibold">No ingest process has reported in this window</h2>
      <p className="text-ink-2 mt-2 max-w-prose">
        Every ingest process writes down every few seconds what it has received, rejected and stored. Nothing of that is here: either
        none was running, or none reaches the database. Ask an ingest process itself: its <code className="font-mono text-xs">/readyz?verbose</code> and <code className="font-mono text-xs">/metrics</code> are
        on its admin listener, by default 127.0.0.1:8081. It goes on accepting spans while the database is away.
      </p>
      <p className="text-ink-2 mt-3"><button type="button" className="link" onClick={() => change({ from: 'now-24h', to: 'now' })}>Look at the last 24 hours</button></p>
    </section>
  )
}

function Loading() {
  return (
    <div className="mx-auto flex w-full max-w-6xl flex-1 flex-col gap-5 p-6" role="status" aria-label="Loading the pipeline">
      {[20, 44, 60].map((height) => (
        <div key={height} className="border-line bg-surface animate-pulse rounded-xl border p-5" style={{ height: height * 4 }}>
          <div className="bg-sunken h-3 w-40 rounded" />
          <div className="bg-sunken mt-4 h-2 w-2/3 rounded" />
        </div>
      ))}
    </div>
  )
}

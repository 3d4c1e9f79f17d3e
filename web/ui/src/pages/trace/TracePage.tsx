import { useParams } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import type { Trace } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { HealthMark } from '../../components/HealthMark'
import { CheckIcon, CopyIcon } from '../../components/icons'
import { dateTime, duration, plural } from '../../format/format'
import { useTrace } from '../../hooks/queries'
import { useView } from '../../hooks/useView'
import { SpanDetails } from './SpanDetails'
import { Waterfall } from './Waterfall'
import { layoutWaterfall } from './waterfall'
import { WHY_TEXT } from './words'

/** One trace kept as evidence: who called whom, for how long, and what failed. */
export function TracePage() {
  const { id } = useParams({ from: '/traces/$id' })
  const query = useTrace(id)
  if (query.data) return <Loaded key={id} trace={query.data} />
  if (query.error) return <ErrorState problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
  return <Loading />
}

function Loaded({ trace }: { trace: Trace }) {
  const [view] = useView()
  const rows = useMemo(() => layoutWaterfall(trace), [trace])
  const selected = rows.find((r) => r.key === view.span)
  const first = trace.spans[0]!
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <header className="border-line flex flex-wrap items-baseline gap-x-4 gap-y-1 border-b px-4 py-2.5">
        <h1 className="text-base font-semibold"><span className="text-ink-2 font-normal">{first.service || first.node}</span> {first.operation}</h1>
        <span className="num">{duration(trace.duration_ms)}</span>
        <span className="num text-ink-2">{plural(trace.spans.length, 'span')}, {plural(new Set(trace.spans.map((s) => s.node)).size, 'service')}</span>
        {trace.failed > 0
          ? <span className="text-bad flex items-center gap-1.5 font-medium"><HealthMark health="bad" silent /> {plural(trace.failed, 'span')} failed</span>
          : <span className="text-ink-2 flex items-center gap-1.5"><HealthMark health="ok" silent /> nothing failed</span>}
        <span className="text-ink-3">{WHY_TEXT[trace.why]}</span>
        <span className="text-ink-3 num ml-auto">{dateTime(new Date(trace.start))}</span>
        <TraceId id={trace.id} />
      </header>
      <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
        <Waterfall rows={rows} durationMs={trace.duration_ms} />
        <SpanDetails row={selected} trace={trace} />
      </div>
    </div>
  )
}

function TraceId({ id }: { id: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(id)
    setCopied(true)
    setTimeout(() => setCopied(false), 1600)
  }
  return (
    <span className="flex items-center gap-1.5">
      <code className="text-ink-3 font-mono text-xs" title={id}>{id.slice(0, 8)}…{id.slice(-4)}</code>
      {navigator.clipboard && (
        <button type="button" className="text-ink-2 hover:bg-sunken grid size-7 place-items-center rounded-md" aria-label={copied ? 'Trace id copied' : 'Copy the trace id'} onClick={() => void copy()}>
          {copied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
        </button>
      )}
    </span>
  )
}

const BARS = [[0, 100], [2, 60], [6, 48], [52, 8], [64, 34], [70, 20]] as const

function Loading() {
  return (
    <div className="flex-1 p-4" role="status" aria-label="Loading the trace">
      {BARS.map(([left, width]) => (
        <div key={left} className="flex h-9 animate-pulse items-center gap-4">
          <div className="bg-sunken h-3 w-64 shrink-0 rounded" />
          <div className="relative h-3 flex-1"><div className="bg-sunken absolute h-3 rounded" style={{ left: `${left}%`, width: `${width}%` }} /></div>
        </div>
      ))}
    </div>
  )
}

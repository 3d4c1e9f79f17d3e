import { HealthMark } from '../../components/HealthMark'
import { TraceLink } from '../../components/ViewLink'
import { clock, dateTime, duration, plural } from '../../format/format'
import { useTraces, type TraceChoice } from '../../hooks/queries'
import { useView } from '../../hooks/useView'
import { Loaded } from '../../components/Loaded'

const CHOICES = [['failed', 'Failed'], ['slow', 'Slowest'], ['ok', 'Did not fail']] as const

/** What no kept trace shows. */
const NONE = { failed: 'failed', slow: 'is told of', ok: 'did not fail' } as const

/** Traces kept as evidence, of an edge or a node: some that failed, the slowest, or some that did not fail. */
export function ExampleTraces({ of }: { of: { edge: string } | { node: string } }) {
  const [{ outcome }, change] = useView()
  return (
    <>
      <div className="mb-2 flex gap-2" role="group" aria-label="Which traces">
        {CHOICES.map(([value, label]) => (
          <button key={value} type="button" className="control h-7 px-2 text-xs" data-active={outcome === value} aria-pressed={outcome === value}
            onClick={() => change({ outcome: value }, { replace: true })}>{label}</button>
        ))}
      </div>
      <TraceList of={of} outcome={outcome} />
    </>
  )
}

/** The newest traces with one outcome, or the slowest. */
export function TraceList({ of, outcome }: { of: { edge: string } | { node: string }; outcome: TraceChoice }) {
  const [view] = useView()
  const query = useTraces(of, outcome, view)
  return (
    <Loaded query={query}>
      {({ traces }) => traces.length === 0
        ? <p className="text-ink-3">{`No trace in which ${'edge' in of ? 'this call' : 'a request of it or a call to it'} ${NONE[outcome]} is kept from this window.`}</p>
        : (
          <ul className="-mx-1.5" aria-label="Example traces">
            {traces.map((t) => (
              <li key={t.id}>
                <TraceLink id={t.id} className="hover:bg-sunken flex items-center gap-2 rounded-md px-1.5 py-1.5">
                  <HealthMark health={t.failed > 0 ? 'bad' : 'ok'} silent />
                  <span className="min-w-0 flex-1">
                    <span className="block truncate"><span className="text-ink-2">{t.service || t.node}</span> <b className="font-medium">{t.operation}</b></span>
                    <span className="text-ink-3 num block text-xs">
                      {plural(t.spans, 'span')}, {t.failed > 0 ? `${t.failed} failed` : 'none failed'}{t.why === 'slow' && ', slow'}
                    </span>
                  </span>
                  <span className="num text-right text-xs">
                    <span className="block">{duration(t.duration_ms)}</span>
                    <time className="text-ink-3 block" dateTime={t.start} title={dateTime(new Date(t.start))}>{clock(new Date(t.start))}</time>
                  </span>
                </TraceLink>
              </li>
            ))}
          </ul>
        )}
    </Loaded>
  )
}

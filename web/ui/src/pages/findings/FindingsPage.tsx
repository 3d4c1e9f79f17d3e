import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { HealthMark } from '../../components/HealthMark'
import { ago, count, plural } from '../../format/format'
import { useFindings } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { useView } from '../../hooks/useView'
import { FindingItem } from './FindingItem'
import { SEVERITY_COLOUR, SEVERITY_MARK, SEVERITY_TEXT } from './words'

const STATES = [['open', 'Open'], ['resolved', 'Resolved']] as const
const SEVERITIES = [['info', 'All'], ['warning', 'Warning and above'], ['critical', 'Critical']] as const

/** What is worth acting on, most severe first. */
export function FindingsPage() {
  const [view, change] = useView()
  const query = useFindings({ state: view.state, severity: view.severity, muted: view.muted })
  const now = useNow()
  if (!query.data) {
    return query.error
      ? <ErrorState problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      : <p className="text-ink-3 p-6" role="status">Loading the findings…</p>
  }
  const { at, counts, findings, truncated } = query.data
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Findings">
      <div className="mx-auto flex w-full max-w-5xl flex-col gap-4 p-4 pb-12 sm:p-6">
        <header className="flex flex-wrap items-baseline gap-x-3">
          <h1 className="text-xl font-semibold tracking-tight">Findings</h1>
          <p className="text-ink-2">What is worth acting on{at && <>, as of the last look {ago(Date.parse(at), now)}</>}</p>
        </header>
        {query.error && (
          <p role="status" className="text-warn flex items-center gap-2"><HealthMark health="warn" silent /> The last refresh did not work: {problemFrom(query.error).message}</p>
        )}
        <dl className="border-line bg-surface shadow-card grid grid-cols-3 gap-4 rounded-xl border p-4 sm:p-5" aria-label="Open findings">
          {(['critical', 'warning', 'info'] as const).map((s) => (
            <div key={s}>
              <dt className="text-ink-3 flex items-center gap-1.5 text-xs"><HealthMark health={SEVERITY_MARK[s]} silent /> {SEVERITY_TEXT[s]}</dt>
              <dd className={`num mt-0.5 text-lg font-semibold ${counts[s] > 0 ? SEVERITY_COLOUR[s] : 'text-ink-3'}`}>{count(counts[s])}</dd>
            </div>
          ))}
        </dl>
        <div className="flex flex-wrap gap-x-5 gap-y-2">
          <Choice label="State" choices={STATES} value={view.state} onChoose={(state) => change({ state }, { replace: true })} />
          <Choice label="Severity" choices={SEVERITIES} value={view.severity} onChoose={(severity) => change({ severity }, { replace: true })} />
          <button type="button" className="control" data-active={view.muted} aria-pressed={view.muted} onClick={() => change({ muted: !view.muted }, { replace: true })}>Muted ones too</button>
        </div>
        {findings.length === 0 ? <Nothing looked={at !== null} /> : (
          <ul className="border-line bg-surface shadow-card rounded-xl border" aria-label="Findings">
            {findings.map((f) => <FindingItem key={f.id} finding={f} now={now} />)}
          </ul>
        )}
        {truncated > 0 && <p role="note" className="text-warn">{plural(truncated, 'further finding')} not listed.</p>}
      </div>
    </div>
  )
}

interface ChoiceProps<T extends string> {
  label: string
  choices: readonly (readonly [T, string])[]
  value: T
  onChoose: (value: T) => void
}

function Choice<T extends string>({ label, choices, value, onChoose }: ChoiceProps<T>) {
  return (
    <div className="flex flex-wrap gap-2" role="group" aria-label={label}>
      {choices.map(([v, text]) => (
        <button key={v} type="button" className="control" data-active={value === v} aria-pressed={value === v} onClick={() => onChoose(v)}>{text}</button>
      ))}
    </div>
  )
}

function Nothing({ looked }: { looked: boolean }) {
  const [view, change] = useView()
  if (!looked) return <p className="text-ink-2" role="status">The first look at the evidence is still under way.</p>
  const narrowed = view.state !== 'open' || view.severity !== 'info'
  return (
    <section className="border-line bg-surface shadow-card rounded-xl border p-5">
      <h2 className="flex items-center gap-2 text-base font-semibold"><HealthMark health="ok" silent /> {view.state === 'open' ? 'Nothing to act on' : 'Nothing was resolved yet'}</h2>
      <p className="text-ink-2 mt-2 max-w-prose">
        Findings come from failures that were seen: a dependency that takes its caller down, one whose behaviour changed, a practice that is
        missing where it would have helped. A system without failures has few.
      </p>
      {narrowed && <p className="mt-3"><button type="button" className="link" onClick={() => change({ state: 'open', severity: 'info' })}>Show all open findings</button></p>}
    </section>
  )
}

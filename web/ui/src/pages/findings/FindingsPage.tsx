import type { Finding } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { HealthMark } from '../../components/HealthMark'
import { Page } from '../../components/Page'
import { ago, count, plural } from '../../format/format'
import { useFinding, useFindings } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { useView } from '../../hooks/useView'
import type { View } from '../../view/view'
import { FindingItem } from './FindingItem'
import { SEVERITY_COLOUR, SEVERITY_MARK, SEVERITY_TEXT, subjectsOf, TOPICS } from './words'

const STATES = [['open', 'Open'], ['resolved', 'Resolved'], ['all', 'All']] as const
const SEVERITIES = [['info', 'Any severity'], ['warning', 'Warning and above'], ['critical', 'Critical']] as const
const UNFILTERED = { state: 'open', severity: 'info', kind: undefined, about: undefined, muted: false } satisfies Partial<View>

/** What is worth acting on, most severe first. */
export function FindingsPage() {
  const [view] = useView()
  const { state, severity, muted, kind, about } = view
  const query = useFindings({ state, severity, muted, ...(kind && { kind }), ...(about && { node: about }) })
  const now = useNow()
  if (!query.data) {
    return query.error
      ? <ErrorState problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      : <p className="text-ink-3 p-6" role="status">Loading the findings…</p>
  }
  const { at, counts, findings, truncated } = query.data
  const elsewhere = view.finding && !findings.some((f) => f.id === view.finding) ? view.finding : undefined
  return (
    <Page title="Findings" note={<>What is worth acting on{at && <>, as of the last look {ago(Date.parse(at), now)}</>}</>}>
      {query.error && (
        <p role="status" className="text-warn flex items-center gap-2"><HealthMark health="warn" silent /> The last refresh did not work: {problemFrom(query.error).message}</p>
      )}
      <dl className="card grid grid-cols-3 gap-4 p-4 sm:p-5" aria-label="Open findings">
        {(['critical', 'warning', 'info'] as const).map((s) => (
          <div key={s}>
            <dt className="text-ink-3 flex items-center gap-1.5 text-xs"><HealthMark health={SEVERITY_MARK[s]} silent /> {SEVERITY_TEXT[s]}, open</dt>
            <dd className={`num mt-0.5 text-lg font-semibold ${counts[s] > 0 ? SEVERITY_COLOUR[s] : 'text-ink-3'}`}>{count(counts[s])}</dd>
          </div>
        ))}
      </dl>
      <Filters />
      {elsewhere && <Elsewhere id={elsewhere} now={now} />}
      {findings.length === 0 ? <Nothing looked={at !== null} /> : (
        <ul className="card overflow-hidden" aria-label="Findings">
          {findings.map((f) => <FindingItem key={f.id} finding={f} now={now} />)}
        </ul>
      )}
      {truncated > 0 && <p role="note" className="text-warn">{plural(truncated, 'further finding')} not listed: filter by kind or service to see the rest.</p>}
    </Page>
  )
}

function Filters() {
  const [view, change] = useView()
  const { state, severity, muted, kind, about } = view
  // The choices are those of the list without these two filters.
  const { data } = useFindings({ state, severity, muted })
  const all: readonly Finding[] = data?.findings ?? []
  const subjects = subjectsOf(all)
  const set = (patch: Partial<View>) => change(patch, { replace: true })
  return (
    <div className="flex flex-wrap items-center gap-2" role="group" aria-label="Filter">
      <Choice label="State" choices={STATES} value={state} onChoose={(v) => set({ state: v })} />
      <select className="field" aria-label="Severity" value={severity} onChange={(e) => set({ severity: e.target.value as View['severity'] })}>
        {SEVERITIES.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
      </select>
      <select className="field" aria-label="Kind" value={kind ?? ''} onChange={(e) => set({ kind: e.target.value || undefined })}>
        <option value="">Any kind</option>
        {Object.entries(TOPICS).map(([value, text]) => <option key={value} value={value}>{text} ({all.filter((f) => f.kind.split('.')[0] === value).length})</option>)}
        {kind && !(kind in TOPICS) && <option value={kind}>{kind}</option>}
      </select>
      <select className="field max-w-64" aria-label="Service" value={about ?? ''} onChange={(e) => set({ about: e.target.value || undefined })}>
        <option value="">Any service</option>
        {subjects.map((s) => <option key={s.id} value={s.id}>{s.name} ({s.findings})</option>)}
        {about && !subjects.some((s) => s.id === about) && <option value={about}>{about} (0)</option>}
      </select>
      <label className="flex items-center gap-2 pl-1"><input type="checkbox" className="accent-accent size-3.5" checked={muted} onChange={(e) => set({ muted: e.target.checked })} /> muted ones too</label>
      {(kind ?? about) && <button type="button" className="link" onClick={() => set({ kind: undefined, about: undefined })}>Clear</button>}
    </div>
  )
}

/** A finding that a link names and the filters leave out. */
function Elsewhere({ id, now }: { id: string; now: number }) {
  const { data, error } = useFinding(id)
  if (error) return <p role="alert" className="text-ink-2">The finding of this link is not known: {problemFrom(error).message}</p>
  if (!data) return <p role="status" className="text-ink-3">Loading the finding of this link…</p>
  return (
    <section aria-label="The finding of this link">
      <p className="text-ink-3 mb-1 text-xs">The finding of this link, which the filters leave out</p>
      <ul className="card overflow-hidden"><FindingItem finding={data.finding} now={now} /></ul>
    </section>
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
    <div className="mr-1 flex flex-wrap gap-2" role="group" aria-label={label}>
      {choices.map(([v, text]) => (
        <button key={v} type="button" className="control" data-active={value === v} aria-pressed={value === v} onClick={() => onChoose(v)}>{text}</button>
      ))}
    </div>
  )
}

function Nothing({ looked }: { looked: boolean }) {
  const [view, change] = useView()
  if (!looked) return <p className="text-ink-2" role="status">The first look at the evidence is still under way.</p>
  const narrowed = view.state !== 'open' || view.severity !== 'info' || view.kind !== undefined || view.about !== undefined
  return (
    <section className="card p-5">
      <h2 className="flex items-center gap-2 text-base font-semibold"><HealthMark health="ok" silent /> {narrowed ? 'Nothing matches the filters' : 'Nothing to act on'}</h2>
      <p className="text-ink-2 mt-2 max-w-prose">
        Findings come from failures that were seen: a dependency that takes its caller down, one whose behaviour changed, a practice that is
        missing where it would have helped. A system without failures has few.
      </p>
      {narrowed && <p className="mt-3"><button type="button" className="link" onClick={() => change(UNFILTERED)}>Show all open findings</button></p>}
    </section>
  )
}

import type { CallOutcomes, DependencySite } from '../../api/model'
import { Loaded } from '../../components/Loaded'
import { IntervalBar, VerdictBadge, VerdictLine } from '../../components/Verdict'
import { TraceLink } from '../../components/ViewLink'
import { count, dateTime, plural, share } from '../../format/format'
import { facetsOf, interval, PRIOR_TEXT, VERDICT } from '../../graph/criticality'
import { useDependencies, useOutcomes } from '../../hooks/queries'
import { fourfold } from './fourfold'

interface Ends {
  caller: string
  callee: string
}

const between = (e: Ends) => (x: Ends) => x.caller === e.caller && x.callee === e.callee

/** The verdict on the edge as a whole. */
export function Verdict(ends: Ends) {
  const query = useDependencies(ends.caller)
  return (
    <Loaded query={query}>
      {({ at, since, edges, call_sites }) => {
        const edge = edges.find(between(ends))
        if (!at) return <p className="text-ink-3">The first look at the evidence is still under way.</p>
        if (!edge) return <p className="text-ink-3">No outcome of a request with this call is known yet. That takes a few seconds after the request.</p>
        const facets = facetsOf(call_sites.filter(between(ends)))
        const judged = interval(edge) !== ''
        return (
          <div className="grid items-center gap-x-8 gap-y-3 md:grid-cols-[1fr_20rem]" data-verdict={edge.verdict}>
            <div>
              <VerdictBadge of={edge} strong />
              <p className="text-ink-2 mt-1">{VERDICT[edge.verdict].means(edge.assumed)}</p>
              <p className="text-ink-3 mt-0.5 text-xs">
                {[...facets, since && `evidence since ${dateTime(new Date(since))}`].filter(Boolean).join(' · ')}
              </p>
            </div>
            <div>
              <p className="num flex items-baseline justify-between gap-3 text-xs">
                <span className="text-ink-3">A request fails with it</span>
                <span><b className="text-base font-semibold">{judged ? share(edge.probability, 1) : 'not known'}</b>{judged && <span className="text-ink-3"> ({interval(edge)})</span>}</span>
              </p>
              <div className="mt-1.5"><IntervalBar low={edge.low} high={edge.high} at={edge.probability} tone={judged ? 'var(--accent)' : 'var(--ink-3)'} /></div>
              <p className="text-ink-3 mt-1 text-xs">{judged ? '90 % interval' : 'no failure seen: anything is possible'}</p>
            </div>
          </div>
        )
      }}
    </Loaded>
  )
}

const SHOWN = 20

/** The verdict for each operation of the caller, with the counts under it. */
export function CallSites(ends: Ends) {
  const query = useDependencies(ends.caller)
  const { data: outcomes, isPending } = useOutcomes(ends.caller)
  return (
    <Loaded query={query}>
      {({ call_sites }) => {
        const sites = call_sites.filter(between(ends))
        if (sites.length === 0) return <p className="text-ink-3">No request with this call is known yet.</p>
        const seen = outcomes?.as_caller.filter(between(ends)) ?? []
        return (
          <>
            <ul className="-my-4" aria-label="Call sites">
              {sites.slice(0, SHOWN).map((s) => <Site key={s.operation} site={s} seen={seen.find((o) => o.operation === s.operation)} loading={isPending} />)}
            </ul>
            {sites.length > SHOWN && <p className="text-ink-3 mt-4 text-xs">and {plural(sites.length - SHOWN, 'further operation')}</p>}
          </>
        )
      }}
    </Loaded>
  )
}

interface SiteProps {
  site: DependencySite
  /** Its outcomes in the window; none when it had no request. */
  seen: CallOutcomes | undefined
  loading: boolean
}

function Site({ site: s, seen, loading }: SiteProps) {
  const text = interval(s)
  return (
    <li className="border-line grid gap-x-10 gap-y-3 border-t py-4 first:border-t-0 lg:grid-cols-[minmax(0,1fr)_minmax(0,1.25fr)]" data-site={s.operation} data-verdict={s.verdict}>
      <div className="flex flex-col gap-2">
        <h3 className="font-semibold wrap-anywhere">{s.operation || 'not known'}</h3>
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <VerdictBadge of={s} />
          {text && <span className="num text-ink-2 text-xs">fails with it in {text} of cases</span>}
        </span>
        <dl className="text-ink-2 grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-xs">
          {s.since && <Said term="Since">{dateTime(new Date(s.since))}</Said>}
          {!text && PRIOR_TEXT[s.prior] && <Said term="Reckon">with {s.assumed}, as {PRIOR_TEXT[s.prior]}</Said>}
          {s.needs && <Said term="To change it">{s.needs}</Said>}
          <Said term="Retries">{retries(s)}</Said>
          <Said term="Waiting">
            {s.asynchronous ? 'requests do not wait for it' : `on the critical path of ${share(s.on_path, 1)} of requests`}
            {s.latency_hard && `; its slowness is passed on, ${s.slope.toFixed(2)} ms for each ms`}
          </Said>
          {s.leak > 0 && <Said term="Without it">{share(s.leak, 1)} of requests fail although it answers</Said>}
          {s.disagrees && <Said term="Declared">otherwise than the evidence says{s.comment && `: “${s.comment}”`}</Said>}
          {(s.fatal_trace ?? s.survived_trace) && (
            <Said term="Examples">
              {s.fatal_trace && <TraceLink id={s.fatal_trace} className="link mr-3">a failure that was fatal</TraceLink>}
              {s.survived_trace && <TraceLink id={s.survived_trace} className="link">one that was survived</TraceLink>}
            </Said>
          )}
        </dl>
      </div>
      <Table site={s} seen={seen} loading={loading} />
    </li>
  )
}

function Said({ term, children }: { term: string; children: React.ReactNode }) {
  return <><dt className="text-ink-3">{term}</dt><dd>{children}</dd></>
}

function retries({ rescued, exhausted, retry_masked }: DependencySite): string {
  if (rescued + exhausted < 1) return 'no call had to be repeated'
  if (retry_masked === 0) return `none helped: ${count(exhausted)} calls failed for good`
  return `hide ${share(retry_masked, 1)} of first failures: ${count(rescued)} calls succeeded later, ${count(exhausted)} failed for good`
}

const number = 'border-line border-t py-1 text-right'

/** Callee failed or not, request failed or not: all evidence, and this window. */
function Table({ site, seen, loading }: SiteProps) {
  const cells = (pair: { failed: number; ok: number } | null, none: string) => pair
    ? <><td className={`${number} ${pair.failed > 0 ? 'text-bad font-semibold' : 'text-ink-3'}`}>{count(pair.failed)}</td><td className={`${number} ${pair.ok > 0 ? '' : 'text-ink-3'}`}>{count(pair.ok)}</td></>
    : <td className={`${number} text-ink-3 text-xs`} colSpan={2}>{none}</td>
  return (
    <table className="num w-full self-start" aria-label={`Requests by outcome, ${site.operation}`}>
      <thead>
        <tr className="text-ink-3 text-xs">
          <td rowSpan={2} />
          <th scope="colgroup" colSpan={2} className="pb-0.5 text-right font-normal">All evidence</th>
          <th scope="colgroup" colSpan={2} className="pb-0.5 text-right font-normal">This window</th>
        </tr>
        <tr className="text-ink-3 text-xs">
          {['all', 'window'].flatMap((of) => ['failed', 'went well'].map((what) => <th key={`${of} ${what}`} scope="col" className="pb-1 pl-3 text-right font-normal whitespace-nowrap">{what}</th>))}
        </tr>
      </thead>
      <tbody>
        {fourfold(site, seen).map((r) => (
          <tr key={r.callee}>
            <th scope="row" className="border-line border-t py-1 text-left font-normal">{r.callee} <span className="text-ink-3 text-xs">{r.note}</span></th>
            {cells(r.all, `${share(site.leak, 1)} fail`)}
            {cells(r.window, loading ? 'loading…' : 'no request')}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** When the verdict on a call site became another one, and with which version. */
export function History(ends: Ends) {
  const query = useDependencies(ends.caller)
  return (
    <Loaded query={query}>
      {({ call_sites }) => {
        const sites = call_sites.filter(between(ends))
        const changes = sites.flatMap((s) => s.changes.map((c) => ({ ...c, operation: s.operation }))).toSorted((a, b) => b.at.localeCompare(a.at))
        const firm = sites.filter((s) => s.changes.length === 0 && s.since !== null)
        if (changes.length + firm.length === 0) return <p className="text-ink-3">There is no verdict yet that could have changed.</p>
        return (
          <ol className="text-xs" aria-label="Changes of the verdict">
            {changes.slice(0, 12).map((c) => (
              <li key={`${c.at} ${c.operation}`} className="border-line border-t py-1.5 first:border-t-0 first:pt-0">
                <span className="flex flex-wrap items-center gap-x-2">
                  <time className="num text-ink-3" dateTime={c.at}>{dateTime(new Date(c.at))}</time>
                  <span className="flex items-center gap-1.5"><VerdictLine verdict={c.from} /> {c.from} → <VerdictLine verdict={c.to} /> <b className="font-semibold">{c.to}</b></span>
                </span>
                <span className="text-ink-2 block">{c.operation}{c.version_after && `, ${c.version_before && c.version_before !== c.version_after ? `version ${c.version_before} → ` : 'version '}${c.version_after}`}</span>
              </li>
            ))}
            {firm.slice(0, 12).map((s) => (
              <li key={s.operation} className="border-line border-t py-1.5 first:border-t-0 first:pt-0">
                <time className="num text-ink-3" dateTime={s.since!}>{dateTime(new Date(s.since!))}</time> {s.operation}: {s.verdict} since then, unchanged
              </li>
            ))}
          </ol>
        )
      }}
    </Loaded>
  )
}

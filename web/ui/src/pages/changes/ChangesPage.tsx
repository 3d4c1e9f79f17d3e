import type { ReactNode } from 'react'
import type { ChangeItem, Changes, VersionChange } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { Loaded } from '../../components/Loaded'
import { RATING_MARK, RATING_TEXT, RATINGS } from '../../components/rating'
import { TraceLink, ViewLink } from '../../components/ViewLink'
import { count, dateTime, plural } from '../../format/format'
import { useChanges } from '../../hooks/queries'
import { select, useView } from '../../hooks/useView'
import type { View } from '../../view/view'
import { chanceOf, measureOf, titleOf } from './words'

const BASES = [['before', 'the time before'], ['day', 'the same time yesterday'], ['week', 'the same time a week ago']] as const

/** What a link to a place where a change can be looked at leaves behind. */
const LEAVE = { who: undefined, version: undefined, base_version: undefined } satisfies Partial<View>

/** What is new, gone or different in the window, or in a version. */
export function ChangesPage() {
  const [view, change] = useView()
  const query = useChanges()
  const versions = Boolean(view.who && view.version && view.base_version)
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Changes">
      <div className="mx-auto flex w-full max-w-5xl flex-col gap-4 p-4 pb-12 sm:p-6">
        <header className="flex flex-wrap items-baseline gap-x-3">
          <h1 className="text-xl font-semibold tracking-tight">Changes</h1>
          <p className="text-ink-2">What is new, gone or different, and not by chance</p>
        </header>
        <div className="border-line bg-surface shadow-card flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl border p-4 sm:px-5">
          {versions
            ? (
              <>
                <span>Version <b className="font-semibold">{view.version}</b> against <b className="font-semibold">{view.base_version}</b></span>
                <ViewLink patch={LEAVE} className="link">Compare windows instead</ViewLink>
              </>
            )
            : (
              <label className="flex items-center gap-2">
                <span className="text-ink-2">The window compared with</span>
                <select className="field" value={view.base} onChange={(e) => change({ base: e.target.value as View['base'] })}>
                  {BASES.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
                </select>
              </label>
            )}
          {query.data && <Compared changes={query.data} versions={versions} />}
        </div>
        <Loaded query={query}>{(changes) => <Differences changes={changes} />}</Loaded>
      </div>
    </div>
  )
}

function Compared({ changes: c, versions }: { changes: Changes; versions: boolean }) {
  const of = versions ? 'requests served' : 'requests from outside'
  return (
    <p className="text-ink-3 num ml-auto text-xs">
      {dateTime(new Date(c.window.from))} – {dateTime(new Date(c.window.to))}, {count(c.requests)} {of}<br />
      {dateTime(new Date(c.base_window.from))} – {dateTime(new Date(c.base_window.to))}, {count(c.base_requests)} {of}
    </p>
  )
}

function Differences({ changes: c }: { changes: Changes }) {
  const [view, change] = useView()
  const unsure = c.base_requests === 0 ? [] : c.uncertain // or everything may be new
  return (
    <>
      {c.versions.length > 0 && <Versions versions={c.versions} />}
      {c.items.length === 0 && (
        <p className="text-ink-2" role="status">
          {c.base_requests === 0 ? 'Nothing was seen in the time to compare with.' : c.compared === 0
            ? 'There is nothing to compare: no edge or operation had traffic at both times.'
            : `Nothing has changed that is not chance, among ${plural(c.compared, 'edge or operation', 'edges and operations')}.`}
        </p>
      )}
      {RATINGS.map((rating) => {
        const items = c.items.filter((i) => i.rating === rating)
        return items.length > 0 && <Items key={rating} title={RATING_TEXT[rating]} items={items} />
      })}
      {c.truncated > 0 && <p className="text-ink-3">{plural(c.truncated, 'further change')} not listed.</p>}
      {unsure.length > 0 && (
        <p>
          <button type="button" className="control" data-active={view.unsure} aria-pressed={view.unsure} onClick={() => change({ unsure: !view.unsure }, { replace: true })}>
            {plural(unsure.length + c.uncertain_truncated, 'thing')} seen at one time only, too seldom to say
          </button>
        </p>
      )}
      {view.unsure && unsure.length > 0 && <Items title="May be new or gone" items={unsure} unsure />}
    </>
  )
}

function Versions({ versions }: { versions: VersionChange[] }) {
  return (
    <Card title="Versions that came in between" n={versions.length}>
      {versions.map((v) => (
        <li key={v.node} className="border-line flex flex-wrap items-baseline gap-x-3 border-t px-4 py-2 first:border-t-0 sm:px-5">
          <ViewLink to="/map" patch={{ ...select.node(v.node), ...LEAVE }} className="link font-medium">{v.node_name || v.node}</ViewLink>
          <span className="num text-ink-2">{v.from || 'none'} → {v.to}</span>
          {v.from && <ViewLink patch={{ who: v.node, version: v.to, base_version: v.from, from: 'now-24h', to: 'now' }} className="link ml-auto">Compare the versions</ViewLink>}
        </li>
      ))}
    </Card>
  )
}

function Items({ title, items, unsure }: { title: string; items: ChangeItem[]; unsure?: boolean }) {
  return (
    <Card title={title} n={items.length}>
      {items.map((i) => <Item key={[i.kind, i.node, i.callee, i.operation].join(' ')} item={i} unsure={unsure} />)}
    </Card>
  )
}

function Card({ title, n, children }: { title: string; n: number; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h2 className="eyebrow pb-1.5">{title} <span className="num">({count(n)})</span></h2>
      <ul className="border-line bg-surface shadow-card rounded-xl border">{children}</ul>
    </section>
  )
}

function Item({ item: i, unsure }: { item: ChangeItem; unsure?: boolean }) {
  const place = i.edge ? select.edge(i.edge) : select.node(i.node)
  const notes = [measureOf(i), chanceOf(i), ...i.versions.map((v) => `${v.node_name || v.node} ${v.from} → ${v.to}`)].filter(Boolean)
  return (
    <li className="border-line flex items-start gap-3 border-t px-4 py-2.5 first:border-t-0 sm:px-5" data-kind={i.kind}>
      <span className="pt-1"><HealthMark health={RATING_MARK[i.rating]} silent /></span>
      <span className="min-w-0 flex-1">
        <span className="block font-medium break-words">{titleOf(i)}{unsure && ', perhaps'}</span>
        <span className="text-ink-3 num block text-xs">{notes.join(' · ')}{i.at && ` · ${dateTime(new Date(i.at))}`}</span>
      </span>
      <span className="flex gap-3 pt-0.5 text-sm whitespace-nowrap">
        {i.trace && <TraceLink id={i.trace} className="link">Trace</TraceLink>}
        <ViewLink to="/map" patch={{ ...place, ...LEAVE }} className="link">On the map</ViewLink>
      </span>
    </li>
  )
}

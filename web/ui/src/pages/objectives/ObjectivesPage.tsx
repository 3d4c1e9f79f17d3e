import type { Objective, ObjectiveDependency } from '../../api/model'
import { ViewLink } from '../../components/ViewLink'
import { compact, count } from '../../format/format'
import { useObjectives } from '../../hooks/queries'
import { select } from '../../hooks/useView'
import { Loaded } from '../../components/Loaded'
import { availability, COUPLING, FEASIBILITY, small } from './words'

/** Which promises can be kept, given the dependencies that take requests down. */
export function ObjectivesPage() {
  const query = useObjectives()
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Objectives">
      <div className="mx-auto flex w-full max-w-5xl flex-col gap-4 p-4 pb-12 sm:p-6">
        <header className="flex flex-wrap items-baseline gap-x-3">
          <h1 className="text-xl font-semibold tracking-tight">Objectives</h1>
          <p className="text-ink-2">Which promises can be kept, given the dependencies that take requests down</p>
        </header>
        <Loaded query={query}>
          {({ at, objectives }) => {
            if (objectives.length === 0) {
              return at === null
                ? <p className="text-ink-3" role="status">The first look at the evidence is still under way.</p>
                : <p className="text-ink-2" role="status">No objectives were written down. Start Faultline with <code>--objectives FILE</code>: a YAML list such as <code>- {'{'}service: checkout, target: 99.9{'}'}</code>.</p>
            }
            return objectives.map((o, i) => <Card key={i} objective={o} />)
          }}
        </Loaded>
      </div>
    </div>
  )
}

function Card({ objective: o }: { objective: Objective }) {
  const { title, means, tone } = FEASIBILITY[o.outlook.verdict]
  return (
    <section className="border-line bg-surface shadow-card rounded-xl border p-4 sm:p-5" aria-label={`Objective of ${o.service} ${o.operation}`} data-objective={o.service} data-verdict={o.outlook.verdict}>
      <h2 className="flex flex-wrap items-baseline gap-x-2 text-base">
        {o.node ? <ViewLink to="/map" patch={select.node(o.node)} className="link font-semibold">{o.service}</ViewLink> : <b className="font-semibold">{o.service}</b>}
        <span className="text-ink-2">{[o.namespace, o.environment, o.operation].filter(Boolean).join(' · ')}</span>
        <span className="num ml-auto">promises {o.target} %</span>
      </h2>
      {o.node === null
        ? <p className="text-bad mt-2">No service of that name was seen lately.</p>
        : (
          <>
            <p className="mt-2"><b className={`font-semibold ${tone}`}>{title}.</b> <span className="text-ink-2">{means}</span></p>
            <dl className="num mt-3 grid grid-cols-2 gap-x-6 gap-y-2 sm:grid-cols-3">
              <Fact name="Achieved" value={o.achieved === null ? 'no requests' : availability(o.achieved)} note={`of ${compact(o.requests)} requests`} />
              <Fact name="Best to expect" value={availability(o.outlook.best)} note="shared dependencies count once" />
              <Fact name="Fails on its own" value={small(o.own)} note={o.own_alone ? 'alone too much' : undefined} bad={o.own_alone} />
              <Fact name="Lost to dependencies" value={range(o.outlook.lost, small)} note="if they fail together, or never two at once" />
              <Fact name="A hard one failed" value={range(o.measured, small)} note="measured" />
              {o.latency_ms > 0 && <Fact name="Within" value={`${count(o.latency_ms)} ms`} note="not judged here" />}
            </dl>
            {o.dependencies.length > 0 && <Dependencies list={o.dependencies} />}
          </>
        )}
    </section>
  )
}

function range({ low, high }: { low: number; high: number }, format: (x: number) => string): string {
  const [from, to] = [format(low), format(high)]
  return from === to ? from : `${from} to ${to}`
}

function Fact({ name, value, note, bad }: { name: string; value: string; note?: string; bad?: boolean }) {
  return (
    <div>
      <dt className="text-ink-3 text-xs">{name}</dt>
      <dd><b className={`font-medium ${bad ? 'text-bad' : ''}`}>{value}</b>{note && <span className="text-ink-3 text-xs"> {note}</span>}</dd>
    </div>
  )
}

const cell = 'border-line border-t py-1.5 pl-3 text-right'

function Dependencies({ list }: { list: ObjectiveDependency[] }) {
  return (
    <div className="mt-4 overflow-x-auto">
      <table className="num w-full">
        <thead>
          <tr className="text-ink-3 text-xs">
            <th scope="col" className="text-left font-normal">Depends on</th>
            <th scope="col" className="pl-3 text-right font-normal">Takes down</th>
            <th scope="col" className="pl-3 text-right font-normal">Used by × fatal × fails</th>
            <th scope="col" className="pl-3 text-right font-normal">Must be available</th>
            <th scope="col" className="pl-3 text-right font-normal">If its failures were survived</th>
          </tr>
        </thead>
        <tbody>
          {list.map((d) => (
            <tr key={d.callee}>
              <th scope="row" className="border-line border-t py-1.5 text-left font-normal">
                <ViewLink to="/map" patch={select.node(d.callee)} className="link">{d.callee_name || d.callee}</ViewLink> <span className="text-ink-3 text-xs">{COUPLING[d.coupling]}</span>
                {d.breaks && <b className="text-bad text-xs font-medium"> breaks the promise</b>}
              </th>
              <td className={cell}>{small(d.takes)}</td>
              <td className={`${cell} text-ink-2`}>{small(d.used)} × {small(d.hardness)} × {small(d.failing)}<span className="text-ink-3 text-xs"> {d.promised ? 'promised' : 'measured'}</span></td>
              <td className={cell} title={d.nine_more ? 'It has one nine more than the objective' : 'It does not have one nine more than the objective, as a hard dependency should'}>{availability(d.required)}{!d.nine_more && <span className="text-warn text-xs"> no nine more</span>}</td>
              <td className={cell}><span className={FEASIBILITY[d.softened.verdict].tone}>{FEASIBILITY[d.softened.verdict].title}</span> <span className="text-ink-3 text-xs">{availability(d.softened.best)}</span></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

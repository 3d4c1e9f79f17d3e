import type { WhatIfAction, WhatIfAnswer } from '../../api/model'
import { ViewLink } from '../../components/ViewLink'
import { count, duration, rate, share } from '../../format/format'
import { useAllNodes, useWhatIf } from '../../hooks/queries'
import { select, useView } from '../../hooks/useView'
import type { View } from '../../view/view'
import { Loaded } from '../panel/parts'

const KINDS = [['down', 'is down'], ['errors', 'fails some requests'], ['slow', 'gets slow']] as const

/** What is asked, as the API takes it; nothing without a node. */
function actionsOf({ who, what, much }: View): WhatIfAction[] {
  if (!who) return []
  switch (what) {
    case 'errors':
      return [{ kind: 'errors', node: who, share: Math.min((much ?? 30) / 100, 1) }]
    case 'slow':
      return [{ kind: 'slow', node: who, delay_ms: much ?? 400 }]
    default:
      return [{ kind: 'down', node: who }]
  }
}

/** A game day on paper: what would become of the operations that users call if something failed. */
export function WhatIfPage() {
  const [view, change] = useView()
  const nodes = useAllNodes(true)
  const actions = actionsOf(view)
  const query = useWhatIf(actions)
  const choices = (nodes.data ?? []).filter((n) => n.type !== 'user' && n.type !== 'unknown').toSorted((a, b) => a.name.localeCompare(b.name))
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="What if">
      <div className="mx-auto flex w-full max-w-5xl flex-col gap-4 p-4 pb-12 sm:p-6">
        <header className="flex flex-wrap items-baseline gap-x-3">
          <h1 className="text-xl font-semibold tracking-tight">What if</h1>
          <p className="text-ink-2">A game day on paper: requests are simulated through the dependencies as evidence knows them. Nothing is changed anywhere.</p>
        </header>
        <form className="border-line bg-surface shadow-card flex flex-wrap items-center gap-2 rounded-xl border p-4 sm:p-5" onSubmit={(e) => e.preventDefault()}>
          <span className="text-ink-2">What if</span>
          <select className="field min-w-48" aria-label="Node" value={view.who ?? ''} onChange={(e) => change({ who: e.target.value || undefined })}>
            <option value="">choose a node</option>
            {choices.map((n) => <option key={n.id} value={n.id}>{n.name}{n.namespace ? ` (${n.namespace})` : ''}</option>)}
          </select>
          <select className="field" aria-label="What happens" value={view.what} onChange={(e) => change({ what: e.target.value as View['what'], much: undefined })}>
            {KINDS.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </select>
          {view.what !== 'down' && (
            <label className="flex items-center gap-1.5">
              <input className="field num w-24" type="number" min={1} max={view.what === 'errors' ? 100 : 60_000} aria-label={view.what === 'errors' ? 'Percent of its requests' : 'Milliseconds more'}
                value={view.much ?? (view.what === 'errors' ? 30 : 400)} onChange={(e) => change({ much: Number(e.target.value) || undefined }, { replace: true })} />
              <span className="text-ink-2">{view.what === 'errors' ? '% of its requests' : 'ms more'}</span>
            </label>
          )}
        </form>
        {actions.length === 0
          ? <p className="text-ink-2">Choose a node to see which operations that users call would fail with it, and how sure that is.</p>
          : <Loaded query={query}>{(answer) => <Answer answer={answer} slow={view.what === 'slow'} />}</Loaded>}
      </div>
    </div>
  )
}

function Answer({ answer: a, slow }: { answer: WhatIfAnswer; slow: boolean }) {
  return (
    <>
      <section aria-label="Answer" className="border-line bg-surface shadow-card rounded-xl border p-4 sm:p-5">
        <p className="text-base" data-fails={a.fails}>
          {a.fates.length === 0
            ? <>No operation that users call is affected, as far as is known.</>
            : slow
              ? <><b className="font-semibold">{count(a.fates.length)}</b> of {count(a.entries)} operations that users call get slower.</>
              : <><b className="text-bad font-semibold">{share(a.fails, 1)}</b> of the requests of users fail <span className="text-ink-3">(90 % interval {share(a.low, 1)} to {share(a.high, 1)})</span>.</>}
        </p>
        {a.fates.length > 0 && (
          <table className="num mt-4 w-full">
            <thead>
              <tr className="text-ink-3 text-xs">
                <th scope="col" className="text-left font-normal">Operation</th>
                <th scope="col" className="text-right font-normal">{slow ? 'Slower by' : 'Fails'}</th>
                {!slow && <th scope="col" className="text-right font-normal">90 % interval</th>}
                <th scope="col" className="text-right font-normal">{slow ? 'Requests' : 'Failing requests'}</th>
              </tr>
            </thead>
            <tbody>
              {a.fates.map((f) => (
                <tr key={`${f.node} ${f.operation}`}>
                  <th scope="row" className="border-line border-t py-1.5 text-left font-normal"><ViewLink to="/map" patch={select.node(f.node)} className="link">{f.node_name || f.node}</ViewLink> <span className="text-ink-2">{f.operation}</span></th>
                  <td className="border-line border-t py-1.5 text-right font-semibold">{slow ? duration(f.slower_ms) : share(f.fails, 1)}</td>
                  {!slow && <td className="text-ink-3 border-line border-t py-1.5 text-right">{share(f.low, 1)} – {share(f.high, 1)}</td>}
                  <td className="border-line border-t py-1.5 text-right">{rate(slow ? f.per_second : f.failing_per_second)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {a.experiments.length > 0 && (
        <section aria-label="Experiments" className="border-line bg-surface shadow-card rounded-xl border p-4 sm:p-5">
          <h2 className="text-base font-semibold">What a real game day would teach most</h2>
          <p className="text-ink-3">How these dependencies behave when they fail is not known, and much hangs on it.</p>
          <ol className="mt-2">
            {a.experiments.map((x) => (
              <li key={`${x.caller} ${x.operation} ${x.callee}`} className="border-line flex items-baseline justify-between gap-3 border-t py-1.5">
                <span><ViewLink to="/map" patch={select.node(x.caller)} className="link">{x.caller_name}</ViewLink> <span className="text-ink-2">{x.operation}</span> → <ViewLink to="/map" patch={select.node(x.callee)} className="link">{x.callee_name}</ViewLink></span>
                <span className="num text-ink-3 text-xs">{share(x.effect, 1)} of the requests of users undecided</span>
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  )
}

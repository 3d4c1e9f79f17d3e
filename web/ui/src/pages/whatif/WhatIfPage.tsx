import type { GraphNode, WhatIfAction, WhatIfAnswer, WhatIfFate } from '../../api/model'
import { CloseIcon } from '../../components/icons'
import { Loaded } from '../../components/Loaded'
import { Card, Page } from '../../components/Page'
import { IntervalBar } from '../../components/Verdict'
import { EdgePageLink, NodePageLink, ViewLink } from '../../components/ViewLink'
import { clock, count, duration, plural, rate, share } from '../../format/format'
import { actionsOf, formatAction, MAX_ACTIONS } from '../../graph/whatif'
import { useAllNodes, useGraph, useWhatIf } from '../../hooks/queries'
import { select, useView } from '../../hooks/useView'
import { Add } from './Add'
import { Trust } from './Trust'

/** A game day on paper: what would become of the operations that users call if something failed. */
export function WhatIfPage() {
  const [view] = useView()
  const nodes = useAllNodes(true)
  const { data: graph } = useGraph()
  const actions = actionsOf(view.act)
  const query = useWhatIf(actions)
  const names = new Map((nodes.data ?? []).map((n) => [n.id, n.name]))
  return (
    <Page title="What if" note="A game day on paper: requests are simulated through the dependencies as evidence knows them. Nothing is changed anywhere.">
      <section aria-label="Question" className="card p-4 sm:p-5">
        <Actions actions={actions} nameOf={(id) => names.get(id) ?? (nodes.data ? id : '…')} />
        <Add nodes={nodes.data ?? []} edges={graph?.graph.edges ?? []} />
      </section>
      {actions.length === 0
        ? <Start nodes={nodes.data ?? []} />
        : <Loaded query={query}>{(answer) => <Answer answer={answer} stale={query.isPlaceholderData} slow={actions.every((a) => a.kind === 'slow')} />}</Loaded>}
      <Trust />
    </Page>
  )
}

/** What is asked, each part with its amount, and a way to take it back. */
function Actions({ actions, nameOf }: { actions: WhatIfAction[]; nameOf: (id: string) => string }) {
  const [view, change] = useView()
  if (actions.length === 0) return null
  const replace = (i: number, by: WhatIfAction | undefined) =>
    change({ act: view.act.flatMap((t, k) => (k !== i ? [t] : by ? [formatAction(by)] : [])) }, { replace: by !== undefined })
  return (
    <div className="mb-4">
      <ul className="flex flex-col" aria-label="What happens">
        {actions.map((a, i) => (
          <li key={formatAction(a)} className="border-line flex min-h-10 flex-wrap items-center gap-x-2 gap-y-1 border-b py-1" data-action={a.kind}>
            <span className="text-ink-3 w-16 text-xs">{i === 0 ? 'What if' : 'and'}</span>
            <span className="flex min-w-0 flex-1 flex-wrap items-center gap-2"><Sentence action={a} nameOf={nameOf} onChange={(by) => replace(i, by)} /></span>
            <button type="button" className="text-ink-2 hover:bg-sunken grid size-7 place-items-center rounded-md" aria-label={`Take back: ${nameOf(a.node)}`} onClick={() => replace(i, undefined)}><CloseIcon size={14} /></button>
          </li>
        ))}
      </ul>
      <p className="mt-2 flex flex-wrap gap-x-4">
        <ViewLink to="/map" patch={{ ...select.none, lens: 'whatif' }} className="link">See it on the map</ViewLink>
        <button type="button" className="link" onClick={() => change({ act: [] })}>Start over</button>
      </p>
    </div>
  )
}

function Sentence({ action: a, nameOf, onChange }: { action: WhatIfAction; nameOf: (id: string) => string; onChange: (by: WhatIfAction) => void }) {
  const node = <NodePageLink id={a.node} className="min-w-0 truncate font-semibold hover:underline">{nameOf(a.node)}</NodePageLink>
  const callee = a.callee && <NodePageLink id={a.callee} className="min-w-0 truncate font-semibold hover:underline">{nameOf(a.callee)}</NodePageLink>
  switch (a.kind) {
    case 'errors':
      return <>{node} fails <Amount label="Percent of its requests" value={+((a.share ?? 0) * 100).toFixed(2)} max={100} onChange={(v) => onChange({ ...a, share: v / 100 })} /> % of its requests</>
    case 'slow':
      return <>{node} takes <Amount label="Milliseconds more" value={a.delay_ms ?? 0} max={60_000} onChange={(v) => onChange({ ...a, delay_ms: v })} /> ms longer</>
    case 'cut':
      return <>calls of {node} to {callee} fail</>
    case 'soften':
      return <>{node} survives failures of {callee}</>
    default:
      return <>{node} is down</>
  }
}

function Amount({ label, value, max, onChange }: { label: string; value: number; max: number; onChange: (value: number) => void }) {
  return (
    <input className="field num h-7 w-20" type="number" aria-label={label} min={1} max={max} defaultValue={value}
      onChange={(e) => { const v = Number(e.target.value); if (v > 0 && v <= max) onChange(v) }} />
  )
}

/** What to begin with: the question that is asked most. */
function Start({ nodes }: { nodes: readonly GraphNode[] }) {
  const busiest = nodes.filter((n) => n.type !== 'user' && n.type !== 'unknown').slice(0, 6)
  return (
    <Card title="Where to begin">
      <p className="text-ink-2 max-w-prose">
        Choose a node or an edge above, or on <ViewLink to="/map" patch={{}} className="link">the map</ViewLink>, to see which operations that users call would
        fail with it and how sure that is. Several things at once, up to {MAX_ACTIONS}, are one question.
      </p>
      {busiest.length > 0 && (
        <p className="mt-3 flex flex-wrap gap-2">
          {busiest.map((n) => <ViewLink key={n.id} to="/whatif" patch={{ act: [`down.${n.id}`] }} className="control">{n.name} is down</ViewLink>)}
        </p>
      )}
    </Card>
  )
}

function Answer({ answer: a, slow, stale }: { answer: WhatIfAnswer; slow: boolean; stale: boolean }) {
  const longest = Math.max(...a.fates.map((f) => f.slower_ms), 1)
  return (
    <>
      <section aria-label="Answer" className="card p-4 sm:p-5" aria-busy={stale}>
        <p className="text-base" data-fails={a.fails}>
          {a.fates.length === 0
            ? <>No operation that users call is affected, as far as is known.</>
            : slow
              ? <><b className="font-semibold">{count(a.fates.length)}</b> of {count(a.entries)} operations that users call get slower.</>
              : <><b className="text-bad font-semibold">{share(a.fails, 1)}</b> of the requests of users fail <span className="text-ink-3">(90 % interval {share(a.low, 1)} to {share(a.high, 1)})</span>.</>}
        </p>
        {!slow && a.fates.length > 0 && <div className="mt-2"><IntervalBar low={a.low} high={a.high} at={a.fails} tone="var(--bad-line)" /></div>}
        {a.fates.length > 0 && (
          <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Table of operations hit">
            <table className="num mt-4 w-full min-w-[34rem] table-fixed">
              <thead>
                <tr className="text-ink-3 text-xs">
                  <th scope="col" className="pb-1 text-left font-normal">Operation</th>
                  <th scope="col" className="w-2/5 pb-1 text-left font-normal">{slow ? 'Slower by, on average' : 'Fails, with its 90 % interval'}</th>
                  {!slow && <th scope="col" className="w-24 pb-1 text-right font-normal">Slower by</th>}
                  <th scope="col" className="w-28 pb-1 text-right font-normal">{slow ? 'Requests' : 'Failing requests'}</th>
                </tr>
              </thead>
              <tbody>{a.fates.map((f) => <Fate key={`${f.node} ${f.operation}`} fate={f} slow={slow} longest={longest} />)}</tbody>
            </table>
          </div>
        )}
      </section>
      {a.experiments.length > 0 && (
        <Card title="What would make this answer surer" note="how these behave when they fail is not known; a real game day with them would teach most">
          <ol>
            {a.experiments.map((x) => (
              <li key={`${x.caller} ${x.operation} ${x.callee}`} className="border-line flex flex-wrap items-baseline justify-between gap-x-3 border-t py-1.5 first:border-t-0">
                <span className="min-w-0"><EdgePageLink id={`${x.caller}-${x.callee}`} className="link">{x.caller_name} → {x.callee_name}</EdgePageLink> <span className="text-ink-2">{x.operation}</span></span>
                <span className="num text-ink-3 text-xs">{share(x.effect, 1)} of the requests of users undecided</span>
              </li>
            ))}
          </ol>
        </Card>
      )}
      <p className="text-ink-3 text-xs">{plural(a.entries, 'operation')} called from outside, by the evidence{a.at && ` of ${clock(new Date(a.at))}`}.</p>
    </>
  )
}

function Fate({ fate: f, slow, longest }: { fate: WhatIfFate; slow: boolean; longest: number }) {
  return (
    <tr data-entry={`${f.node_name} ${f.operation}`}>
      <th scope="row" className="border-line truncate border-t py-1.5 pr-3 text-left font-normal"><NodePageLink id={f.node} className="link">{f.node_name || f.node}</NodePageLink> <span className="text-ink-2" title={f.operation}>{f.operation}</span></th>
      <td className="border-line border-t py-1.5">
        <span className="flex items-center gap-3">
          {slow
            ? <><IntervalBar low={0} high={f.slower_ms / longest} at={f.slower_ms / longest} width="50%" /><b className="font-semibold">{duration(f.slower_ms)}</b></>
            : <><IntervalBar low={f.low} high={f.high} at={f.fails} tone="var(--bad-line)" width="50%" /><span className="whitespace-nowrap"><b className="font-semibold">{share(f.fails, 1)}</b> <span className="text-ink-3 text-xs">{share(f.low, 1)} – {share(f.high, 1)}</span></span></>}
        </span>
      </td>
      {!slow && <td className="border-line text-ink-2 border-t py-1.5 text-right">{f.slower_ms > 0.5 ? duration(f.slower_ms) : '–'}</td>}
      <td className="border-line border-t py-1.5 text-right">{rate(slow ? f.per_second : f.failing_per_second)}</td>
    </tr>
  )
}

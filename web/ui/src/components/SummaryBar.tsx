import { Popover } from 'radix-ui'
import type { Graph } from '../api/model'
import { count, plural, rate, share, clock, dateTime } from '../format/format'
import { concerns, type Concern } from '../graph/attention'
import { isEstimate, perSecond, seconds, sum } from '../graph/red'
import { select, useView } from '../hooks/useView'
import { isFiltered, CLEAR_FILTERS } from '../view/view'
import { FilterMenu } from './FilterMenu'
import { FocusChip } from './FocusChip'
import { HealthMark } from './HealthMark'
import { ChevronIcon } from './icons'
import { ViewLink } from './ViewLink'

/** One line about the graph on the screen: how much it is, how it fares, what it leaves out, when it was. */
export function SummaryBar({ graph }: { graph: Graph }) {
  const [view, change] = useView()
  const total = sum(graph.edges)
  const leftOut = graph.total_nodes - graph.nodes.length
  return (
    <section aria-label="Summary" className="border-line text-ink-2 flex min-h-10 flex-wrap items-center gap-x-4 gap-y-1 border-b px-4 py-1">
      <span className="num"><b className="text-ink font-semibold">{count(graph.nodes.length)}</b> nodes, <b className="text-ink font-semibold">{count(graph.edges.length)}</b> edges</span>
      <span className="num">{isEstimate(total) && '≈ '}<b className="text-ink font-semibold">{rate(perSecond(total, seconds(graph.window)))}</b> calls, {share(total.failed, total.calls)} failed</span>
      <Concerns graph={graph} />
      <FocusChip graph={graph} />
      {leftOut > 0 && (
        <span className="num">
          +{count(leftOut)} {graph.truncated_by && !isFiltered(view) ? 'less busy' : 'outside the selection'}
          {isFiltered(view) && <button type="button" className="link ml-2" onClick={() => change(CLEAR_FILTERS)}>Show all</button>}
        </span>
      )}
      {graph.truncated_by && <span role="note" className="text-warn">Cut short by {graph.truncated_by}: filter to see the rest</span>}
      <span className="ml-auto flex items-center gap-3">
        <FilterMenu />
        <span className="num text-ink-3" title={`${dateTime(new Date(graph.window.from))} – ${dateTime(new Date(graph.window.to))}`}>
          {clock(new Date(graph.window.from))} – {clock(new Date(graph.window.to))}
        </span>
      </span>
    </section>
  )
}

const SHOWN = 12

function Concerns({ graph }: { graph: Graph }) {
  const all = concerns(graph)
  const bad = all.filter((c) => c.health === 'bad').length
  if (all.length === 0) return <span className="flex items-center gap-1.5"><HealthMark health="ok" silent /> nothing failing</span>
  return (
    <Popover.Root>
      <Popover.Trigger className="hover:bg-sunken -mx-1.5 flex items-center gap-3 rounded-md px-1.5 py-0.5">
        {bad > 0 && <span className="text-bad flex items-center gap-1.5 font-medium"><HealthMark health="bad" silent /> {bad} failing</span>}
        {all.length > bad && <span className="text-warn flex items-center gap-1.5 font-medium"><HealthMark health="warn" silent /> {all.length - bad} degraded</span>}
        <ChevronIcon size={14} />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="pop w-96 p-1.5" align="start" sideOffset={6} aria-label="What fails">
          <ul className="max-h-96 overflow-y-auto">
            {all.slice(0, SHOWN).map((c) => <ConcernRow key={(c.node ?? c.edge!).id} concern={c} graph={graph} />)}
          </ul>
          {all.length > SHOWN && <p className="text-ink-3 px-2.5 py-1.5 text-xs">and {plural(all.length - SHOWN, 'more', 'more')}: search for err &gt; 1%</p>}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

function ConcernRow({ concern: c, graph }: { concern: Concern; graph: Graph }) {
  const nameOf = (id: string) => graph.nodes.find((n) => n.id === id)?.name ?? id
  return (
    <li>
      <Popover.Close asChild>
        <ViewLink patch={c.node ? select.node(c.node.id) : select.edge(c.edge!.id)} className="hover:bg-sunken flex items-center gap-2.5 rounded-md px-2.5 py-1.5">
          <HealthMark health={c.health} />
          <span className="min-w-0 flex-1 truncate">{c.node ? <b className="font-medium">{c.node.name}</b> : `${nameOf(c.edge!.caller)} → ${nameOf(c.edge!.callee)}`}</span>
          <span className="num text-ink-2 text-xs"><b className={c.health === 'bad' ? 'text-bad' : 'text-warn'}>{share(c.failed, c.calls)}</b> of {count(c.calls)}</span>
        </ViewLink>
      </Popover.Close>
    </li>
  )
}

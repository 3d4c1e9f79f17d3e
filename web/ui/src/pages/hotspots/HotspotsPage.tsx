import type { Hotspot } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { TypeTile } from '../../components/icons'
import { NodePageLink, ViewLink } from '../../components/ViewLink'
import { count, plural, share } from '../../format/format'
import { useHotspots } from '../../hooks/queries'
import { select, useView } from '../../hooks/useView'
import { Parts } from './Parts'

/** Where the system is fragile: how much depends on a node, times how likely it is to fail. */
export function HotspotsPage() {
  const query = useHotspots()
  if (!query.data) {
    return query.error
      ? <ErrorState problem={problemFrom(query.error)} onRetry={() => void query.refetch()} retrying={query.isFetching} />
      : <p className="text-ink-3 p-6" role="status">Loading the hotspots…</p>
  }
  const { hotspots, truncated } = query.data
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" tabIndex={0} role="region" aria-label="Hotspots">
      <div className="mx-auto flex w-full max-w-5xl flex-col gap-4 p-4 pb-12 sm:p-6">
        <header className="flex flex-wrap items-baseline gap-x-3">
          <h1 className="text-xl font-semibold tracking-tight">Hotspots</h1>
          <p className="text-ink-2">Where the system is fragile: how much depends on a node, times how likely it is to fail</p>
        </header>
        {hotspots.length === 0
          ? <p className="text-ink-2" role="status">Nothing is known yet of what requests from outside depend on. That takes a few minutes of traffic.</p>
          : <ul className="border-line bg-surface shadow-card rounded-xl border" aria-label="Hotspots">{hotspots.map((h) => <Item key={h.node} hotspot={h} />)}</ul>}
        {truncated > 0 && <p className="text-ink-3">{plural(truncated, 'further node')} not listed.</p>}
      </div>
    </div>
  )
}

function Item({ hotspot: h }: { hotspot: Hotspot }) {
  const [view, change] = useView()
  const open = view.spot === h.node
  const body = `hotspot-${h.node}`
  return (
    <li className="border-line border-t first:border-t-0" data-hotspot={h.node_name}>
      <h2>
        <button type="button" className="hover:bg-sunken flex w-full items-center gap-3 px-4 py-3 text-left sm:px-5" aria-expanded={open} aria-controls={body}
          onClick={() => change({ spot: open ? undefined : h.node }, { replace: true })}>
          <TypeTile type={h.type} size={24} />
          <span className="min-w-0 flex-1">
            <span className="block font-semibold">{h.node_name || h.node}</span>
            <span className="text-ink-3 num block text-xs">
              its failure takes down {share(h.impact, 1)} of the requests from outside · {plural(h.fan_in, 'caller')}
              {h.single_point_of_failure && <b className="text-bad font-medium"> · single point of failure</b>}
            </span>
          </span>
          <span className="bg-sunken hidden h-1.5 w-32 overflow-hidden rounded-full sm:block" aria-hidden="true"><span className="block h-full" style={{ width: `${h.fragility}%`, background: 'var(--warn-line)' }} /></span>
          <span className="num w-10 text-right text-base font-semibold">{count(h.fragility)}</span>
        </button>
      </h2>
      {open && (
        <div id={body} className="border-line bg-canvas border-t px-4 py-4 sm:px-5">
          <Parts of={h} />
          <p className="mt-3 flex flex-wrap gap-x-4">
            <NodePageLink id={h.node} className="link">All about it</NodePageLink>
            <ViewLink to="/map" patch={{ ...select.node(h.node), spot: undefined }} className="link">On the map</ViewLink>
            <ViewLink to="/whatif" patch={{ act: [`down.${h.node}`], spot: undefined }} className="link">What if it goes down?</ViewLink>
          </p>
        </div>
      )}
    </li>
  )
}

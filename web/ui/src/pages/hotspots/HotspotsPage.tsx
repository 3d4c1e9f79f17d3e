import type { Hotspot } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { ErrorState } from '../../components/ErrorState'
import { TypeTile } from '../../components/icons'
import { ViewLink } from '../../components/ViewLink'
import { count, plural, share } from '../../format/format'
import { useHotspots } from '../../hooks/queries'
import { select, useView } from '../../hooks/useView'
import { PART_TEXT, rawText } from './words'

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
          <table className="num w-full max-w-2xl">
            <caption className="text-ink-2 pb-2 text-left">Fragility {h.fragility.toFixed(1)} of 100 = impact {share(h.impact, 1)} × hazard {share(h.hazard, 1)}; its parts:</caption>
            <thead><tr className="text-ink-3 text-xs"><th scope="col" className="text-left font-normal">Part</th><th scope="col" className="text-left font-normal">Measured</th><th scope="col" className="text-right font-normal">Points</th></tr></thead>
            <tbody>
              {h.parts.map((p) => (
                <tr key={p.part}>
                  <th scope="row" className="border-line border-t py-1 pr-4 text-left font-normal">{PART_TEXT[p.part]}</th>
                  <td className={`border-line border-t py-1 pr-4 ${p.known ? '' : 'text-ink-3'}`}>{rawText(p)}</td>
                  <td className="border-line border-t py-1 text-right">{p.points.toFixed(1)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="mt-3 flex flex-wrap gap-x-4">
            <ViewLink to="/map" patch={{ ...select.node(h.node), spot: undefined }} className="link">On the map</ViewLink>
            <ViewLink to="/whatif" patch={{ who: h.node, what: 'down', spot: undefined }} className="link">What if it goes down?</ViewLink>
          </p>
        </div>
      )}
    </li>
  )
}

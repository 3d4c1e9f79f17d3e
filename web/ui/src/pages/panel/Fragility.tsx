import { ViewLink } from '../../components/ViewLink'
import { share } from '../../format/format'
import { useHotspots } from '../../hooks/queries'
import { select } from '../../hooks/useView'
import { Loaded } from '../../components/Loaded'

/** How much depends on a node, and how likely it is to fail. */
export function Fragility({ id }: { id: string }) {
  const query = useHotspots()
  return (
    <Loaded query={query}>
      {({ hotspots }) => {
        const spot = hotspots.find((h) => h.node === id)
        return (
          <>
            {spot
              ? <p>Its failure takes down <b className="font-semibold">{share(spot.impact, 1)}</b> of the requests from outside. Fragility <b className="font-semibold">{spot.fragility.toFixed(1)}</b> of 100.</p>
              : <p className="text-ink-3">Less than 1 % of the requests from outside are known to depend on it, or not enough is known yet.</p>}
            <p className="mt-2 flex flex-wrap gap-x-4">
              {spot && <ViewLink to="/hotspots" patch={{ ...select.none, spot: id }} className="link">The parts of the score</ViewLink>}
              <ViewLink to="/whatif" patch={{ ...select.none, act: [`down.${id}`] }} className="link">What if it goes down?</ViewLink>
            </p>
          </>
        )
      }}
    </Loaded>
  )
}

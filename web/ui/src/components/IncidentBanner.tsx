import { useLocation } from '@tanstack/react-router'
import { useIncidents } from '../hooks/queries'
import { useNow } from '../hooks/useNow'
import { plural } from '../format/format'
import { incidentHealth, titleOf } from '../pages/incidents/words'
import { HealthMark } from './HealthMark'
import { IncidentLink, ViewLink } from './ViewLink'

/** An incident that still shows and is more than suspected, wherever the reader is. */
export function IncidentBanner() {
  const { pathname } = useLocation()
  const { data } = useIncidents()
  const now = useNow()
  const lasting = (data?.incidents.filter((i) => incidentHealth(i, now) === 'bad') ?? [])
    .toSorted((a, b) => Number(a.sign === 'tolerated') - Number(b.sign === 'tolerated')) // first what requests do not survive
  const first = lasting[0]
  if (!first || pathname.startsWith('/incidents')) return null
  const harms = first.sign !== 'tolerated'
  return (
    <div role="status" className={`border-line flex flex-wrap items-center gap-x-3 border-b px-4 py-1.5 ${harms ? 'bg-bad-soft text-bad' : 'bg-warn-soft text-warn'}`} data-banner="incident">
      <HealthMark health={harms ? 'bad' : 'warn'} silent />
      <span className="min-w-0 truncate font-medium">{titleOf(first)}</span>
      {lasting.length === 1
        ? <IncidentLink id={first.id} className="font-medium underline underline-offset-3">The incident</IncidentLink>
        : <ViewLink to="/incidents" patch={{}} className="font-medium underline underline-offset-3">{plural(lasting.length, 'incident')}</ViewLink>}
    </div>
  )
}

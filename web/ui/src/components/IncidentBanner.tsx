import { useLocation } from '@tanstack/react-router'
import { useIncidents } from '../hooks/queries'
import { plural } from '../format/format'
import { titleOf } from '../pages/incidents/words'
import { HealthMark } from './HealthMark'
import { ViewLink } from './ViewLink'

/** An incident that lasts, wherever the reader is. */
export function IncidentBanner() {
  const { pathname } = useLocation()
  const { data } = useIncidents()
  const lasting = data?.incidents.filter((i) => i.closed === null) ?? []
  const first = lasting[0]
  if (!first || pathname === '/incidents') return null
  return (
    <div role="status" className="border-line bg-bad-soft text-bad flex flex-wrap items-center gap-x-3 border-b px-4 py-1.5" data-banner="incident">
      <HealthMark health="bad" silent />
      <span className="min-w-0 truncate font-medium">{titleOf(first)}</span>
      <ViewLink to="/incidents" patch={{ incident: first.id }} className="font-medium underline underline-offset-3">
        {lasting.length === 1 ? 'The incident' : plural(lasting.length, 'incident')}
      </ViewLink>
    </div>
  )
}

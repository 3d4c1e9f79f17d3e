import { useMemo } from 'react'
import { illNow } from '../incidents/ill'
import { useIncidents } from '../../hooks/queries'
import { useNow } from '../../hooks/useNow'
import { useView } from '../../hooks/useView'

/** The nodes that are ill right now; none while one looks at another time. */
export function useIllNow(): ReadonlyMap<string, string> {
  const [{ to }] = useView()
  const { data } = useIncidents()
  const now = useNow(15_000)
  return useMemo(() => to === 'now' && data ? illNow(data.incidents, now) : new Map<string, string>(), [to, data, now])
}

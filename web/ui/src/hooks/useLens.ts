import { useMemo } from 'react'
import { problemFrom, type Problem } from '../api/problem'
import { criticalityLens, errorsLens, fragilityLens, latencyLens, whatIfLens, type Lens } from '../graph/lens'
import { actionsOf } from '../graph/whatif'
import { useAllHotspots, useVerdicts, useWhatIf } from './queries'
import { useView } from './useView'

export interface Looking {
  /** The lens of the view; none for health, and while its data are under way. */
  lens?: Lens
  loading: boolean
  problem?: Problem
}

/** The lens that the view names, with the data that it needs. */
export function useLens(): Looking {
  const [{ lens: name, act }] = useView()
  const actions = useMemo(() => actionsOf(act), [act])
  const verdicts = useVerdicts(name === 'criticality')
  const hotspots = useAllHotspots(name === 'fragility')
  const answer = useWhatIf(name === 'whatif' ? actions : [])
  const lens = useMemo(() => {
    switch (name) {
      case 'criticality': return verdicts.data && criticalityLens(verdicts.data.edges)
      case 'fragility': return hotspots.data && fragilityLens(hotspots.data.hotspots)
      case 'errors': return errorsLens
      case 'latency': return latencyLens
      case 'whatif': return answer.data && actions.length > 0 ? whatIfLens(actions, answer.data) : undefined
      default: return undefined
    }
  }, [name, verdicts.data, hotspots.data, answer.data, actions])
  const asked = name === 'criticality' ? verdicts : name === 'fragility' ? hotspots : name === 'whatif' && actions.length > 0 ? answer : undefined
  return { lens, loading: asked?.isPending ?? false, problem: !lens && asked?.error ? problemFrom(asked.error) : undefined }
}

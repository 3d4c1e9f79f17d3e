import { useMemo } from 'react'
import { problemFrom, type Problem } from '../api/problem'
import { changeLens, goneFrom, type Gone } from '../graph/change'
import { criticalityLens, errorsLens, fragilityLens, latencyLens, whatIfLens, type Lens } from '../graph/lens'
import { actionsOf } from '../graph/whatif'
import { useAllHotspots, useBefore, useChanges, useVerdicts, useWhatIf } from './queries'
import { useView } from './useView'

export interface Looking {
  /** The lens of the view; none for health, and while its data are under way. */
  lens?: Lens
  loading: boolean
  problem?: Problem
  /** What is drawn although the window has nothing of it. */
  gone?: Gone
}

/** The lens that the view names, with the data that it needs. */
export function useLens(): Looking {
  const [{ lens: name, act }] = useView()
  const actions = useMemo(() => actionsOf(act), [act])
  const verdicts = useVerdicts(name === 'criticality')
  const hotspots = useAllHotspots(name === 'fragility')
  const answer = useWhatIf(name === 'whatif' ? actions : [])
  const changes = useChanges({ enabled: name === 'change', versions: false })
  const before = useBefore(name === 'change' ? changes.data : undefined)
  const lens = useMemo(() => {
    switch (name) {
      case 'criticality': return verdicts.data && criticalityLens(verdicts.data.edges)
      case 'fragility': return hotspots.data && fragilityLens(hotspots.data.hotspots)
      case 'errors': return errorsLens
      case 'latency': return latencyLens
      case 'change': return changes.data && changeLens(changes.data)
      case 'whatif': return answer.data && actions.length > 0 ? whatIfLens(actions, answer.data) : undefined
      default: return undefined
    }
  }, [name, verdicts.data, hotspots.data, changes.data, answer.data, actions])
  const gone = useMemo(() => (lens?.name === 'change' && before.data && changes.data ? goneFrom(before.data, changes.data) : undefined), [lens, before.data, changes.data])
  const asked = { criticality: verdicts, fragility: hotspots, change: changes, whatif: actions.length > 0 ? answer : undefined, health: undefined, errors: undefined, latency: undefined }[name]
  return { lens, gone, loading: asked?.isPending ?? false, problem: !lens && asked?.error ? problemFrom(asked.error) : undefined }
}

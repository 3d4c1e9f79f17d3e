import { ReactFlowProvider } from '@xyflow/react'
import '@xyflow/react/dist/base.css'
import { useMemo, useRef } from 'react'
import { ErrorState } from '../../components/ErrorState'
import { LoadingMap } from '../../components/LoadingMap'
import { Problem } from '../../api/problem'
import { withGone } from '../../graph/change'
import { collapse } from '../../graph/collapse'
import { seconds } from '../../graph/red'
import { useGraph } from '../../hooks/queries'
import { useFound } from '../../hooks/useFound'
import { useLens } from '../../hooks/useLens'
import { useView } from '../../hooks/useView'
import './map.css'
import { MapCanvas } from './MapCanvas'
import { useIllNow } from './useIllNow'
import { useLayout } from './useLayout'

/** The map of services and calls. */
export function MapPage() {
  const [view] = useView()
  const { data } = useGraph()
  const looking = useLens()
  const { gone } = looking
  const graph = useMemo(() => withGone(data!.graph, gone), [data, gone]) // the frame shows pages only when there is a graph
  const { group, open } = view
  const drawing = useMemo(() => collapse(graph, { group, open }), [graph, group, open])
  const found = useFound(graph, view.q)
  const touched = useRef(false)
  const ill = useIllNow()
  const laidOut = useLayout(drawing, JSON.stringify([data!.question, group, open, gone !== undefined]), () => touched.current)

  if (laidOut.generation === 0) {
    if (laidOut.error) {
      const problem = new Problem('The map could not be laid out', `${laidOut.error.message}. The table shows the same data.`, 0)
      return <ErrorState problem={problem} onRetry={laidOut.relayout} retrying={false} />
    }
    return <LoadingMap />
  }
  return (
    <ReactFlowProvider>
      <MapCanvas drawing={drawing} laidOut={laidOut} found={found} looking={looking} windowSeconds={seconds(graph.window)} touched={touched} ill={ill} />
    </ReactFlowProvider>
  )
}

import { useEffect } from 'react'
import { useGraph } from './queries'
import { useView } from './useView'

/** Names the browser's tab after what is selected. */
export function useTitle(): void {
  const [view] = useView()
  const { data } = useGraph()
  const nameOf = (id: string | undefined) => data?.graph.nodes.find((n) => n.id === id)?.name
  const edge = data?.graph.edges.find((e) => e.id === view.edge)
  const subject = nameOf(view.node) ?? (edge && `${nameOf(edge.caller)} → ${nameOf(edge.callee)}`) ?? nameOf(view.focus)
  useEffect(() => {
    document.title = subject ? `${subject} · Faultline` : 'Faultline'
  }, [subject])
}

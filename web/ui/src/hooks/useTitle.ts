import { useLocation } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useGraph } from './queries'
import { useView } from './useView'

/** Names the browser's tab after what is selected. */
export function useTitle(): void {
  const [view] = useView()
  const { data } = useGraph()
  const nameOf = (id: string | undefined) => data?.graph.nodes.find((n) => n.id === id)?.name
  const edge = data?.graph.edges.find((e) => e.id === view.edge)
  const { pathname } = useLocation()
  const subject = nameOf(view.node) ?? (edge && `${nameOf(edge.caller)} → ${nameOf(edge.callee)}`) ?? nameOf(view.focus) ?? pageName(pathname)
  useEffect(() => {
    document.title = subject ? `${subject} · Faultline` : 'Faultline'
  }, [subject])
}

/** What a page is called that is not about the graph. */
function pageName(pathname: string): string | undefined {
  if (pathname === '/pipeline') return 'Pipeline'
  return pathname.startsWith('/traces/') ? `Trace ${pathname.slice('/traces/'.length, '/traces/'.length + 8)}` : undefined
}

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
  const page = /^\/(nodes|edges)\/([0-9a-f]{16})(?:-([0-9a-f]{16}))?/.exec(pathname)
  const onPage = page && [page[2], page[3]].flatMap((id) => nameOf(id) ?? []).join(' → ')
  const subject = onPage || (nameOf(view.node) ?? (edge && `${nameOf(edge.caller)} → ${nameOf(edge.callee)}`) ?? nameOf(view.focus) ?? pageName(pathname))
  useEffect(() => {
    document.title = subject ? `${subject} · Faultline` : 'Faultline'
  }, [subject])
}

/** What a page is called that is not about the graph. */
function pageName(pathname: string): string | undefined {
  const [, first = ''] = pathname.split('/')
  const name = ({ pipeline: 'Pipeline', incidents: 'Incidents', findings: 'Findings', changes: 'Changes', hotspots: 'Hotspots', whatif: 'What if', objectives: 'Objectives', table: 'Table' } as Record<string, string>)[first]
  if (name) return name
  return pathname.startsWith('/traces/') ? `Trace ${pathname.slice('/traces/'.length, '/traces/'.length + 8)}` : undefined
}

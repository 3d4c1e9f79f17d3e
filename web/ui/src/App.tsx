import { Outlet } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { Banners, MisreadAddress } from './components/Banners'
import { EmptyState } from './components/EmptyState'
import { ErrorState } from './components/ErrorState'
import { Header } from './components/Header'
import { IncidentBanner } from './components/IncidentBanner'
import { LoadingMap } from './components/LoadingMap'
import { SummaryBar } from './components/SummaryBar'
import { problemFrom } from './api/problem'
import { useGraph } from './hooks/queries'
import { useLive } from './hooks/useLive'
import { useTitle } from './hooks/useTitle'
import { useView } from './hooks/useView'

const SidePanel = lazy(() => import('./pages/panel/SidePanel').then((m) => ({ default: m.SidePanel })))

/** The frame around every page: header, what concerns the whole graph, the page, and the side panel. */
export function App() {
  const live = useLive()
  const [view] = useView()
  useTitle()
  return (
    <div className="flex h-full flex-col">
      <a href="#page" className="primary sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-50">Skip to the content</a>
      <Header live={live} />
      <MisreadAddress />
      <Banners live={live} />
      <IncidentBanner />
      <div className="relative flex min-h-0 flex-1">
        <main id="page" tabIndex={-1} className="flex min-w-0 flex-1 flex-col outline-none">
          <Suspense fallback={null}><Outlet /></Suspense>
        </main>
        {(view.node || view.edge) && <Suspense fallback={null}><SidePanel /></Suspense>}
      </div>
    </div>
  )
}

/** The page, once there is a graph to show; else why there is none. */
export function GraphPage() {
  const { data, error, refetch, isFetching } = useGraph()
  if (!data) {
    return error
      ? <ErrorState problem={problemFrom(error)} onRetry={() => void refetch()} retrying={isFetching} />
      : <LoadingMap />
  }
  if (data.graph.nodes.length === 0) return <EmptyState />
  return (
    <>
      <SummaryBar graph={data.graph} />
      <Suspense fallback={<LoadingMap />}><Outlet /></Suspense>
    </>
  )
}

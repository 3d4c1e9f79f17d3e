import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect, type RouterHistory } from '@tanstack/react-router'
import { App, GraphPage } from './App'
import { NotFound } from './components/NotFound'
import { DEFAULT_VIEW, formatView, parseView, type View } from './view/view'

const root = createRootRoute({
  component: App,
  notFoundComponent: NotFound,
  validateSearch: (search: Partial<View>): View => ({ ...DEFAULT_VIEW, ...search }),
})

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: ({ search }) => {
    throw redirect({ to: '/map', search, replace: true })
  },
})

/** The pages that show the graph, once there is one. */
const graph = createRoute({ getParentRoute: () => root, id: 'graph', component: GraphPage })

const map = createRoute({
  getParentRoute: () => graph,
  path: '/map',
  component: lazyRouteComponent(() => import('./pages/map/MapPage'), 'MapPage'),
})

const table = createRoute({
  getParentRoute: () => graph,
  path: '/table',
  component: lazyRouteComponent(() => import('./pages/table/TablePage'), 'TablePage'),
})

const pipeline = createRoute({
  getParentRoute: () => root,
  path: '/pipeline',
  component: lazyRouteComponent(() => import('./pages/pipeline/PipelinePage'), 'PipelinePage'),
})

const hotspots = createRoute({
  getParentRoute: () => root,
  path: '/hotspots',
  component: lazyRouteComponent(() => import('./pages/hotspots/HotspotsPage'), 'HotspotsPage'),
})

const whatIf = createRoute({
  getParentRoute: () => root,
  path: '/whatif',
  component: lazyRouteComponent(() => import('./pages/whatif/WhatIfPage'), 'WhatIfPage'),
})

const objectives = createRoute({
  getParentRoute: () => root,
  path: '/objectives',
  component: lazyRouteComponent(() => import('./pages/objectives/ObjectivesPage'), 'ObjectivesPage'),
})

const incidents = createRoute({
  getParentRoute: () => root,
  path: '/incidents',
  component: lazyRouteComponent(() => import('./pages/incidents/IncidentsPage'), 'IncidentsPage'),
})

const incident = createRoute({
  getParentRoute: () => root,
  path: '/incidents/$id',
  component: lazyRouteComponent(() => import('./pages/incidents/IncidentPage'), 'IncidentPage'),
})

const node = createRoute({
  getParentRoute: () => root,
  path: '/nodes/$id',
  component: lazyRouteComponent(() => import('./pages/node/NodePage'), 'NodePage'),
})

const edge = createRoute({
  getParentRoute: () => root,
  path: '/edges/$id',
  component: lazyRouteComponent(() => import('./pages/edge/EdgePage'), 'EdgePage'),
})

const findings = createRoute({
  getParentRoute: () => root,
  path: '/findings',
  component: lazyRouteComponent(() => import('./pages/findings/FindingsPage'), 'FindingsPage'),
})

const changes = createRoute({
  getParentRoute: () => root,
  path: '/changes',
  component: lazyRouteComponent(() => import('./pages/changes/ChangesPage'), 'ChangesPage'),
})

const trace = createRoute({
  getParentRoute: () => root,
  path: '/traces/$id',
  component: lazyRouteComponent(() => import('./pages/trace/TracePage'), 'TracePage'),
})

export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree: root.addChildren([home, graph.addChildren([map, table]), incidents, incident, node, edge, findings, changes, hotspots, whatIf, objectives, pipeline, trace]),
    parseSearch: (search) => parseView(search),
    stringifySearch: (search) => formatView(search as Partial<View>),
    history,
    defaultPreload: false,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}

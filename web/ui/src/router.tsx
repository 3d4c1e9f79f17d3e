import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect, type RouterHistory } from '@tanstack/react-router'
import { App } from './App'
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

const map = createRoute({
  getParentRoute: () => root,
  path: '/map',
  component: lazyRouteComponent(() => import('./pages/map/MapPage'), 'MapPage'),
})

const table = createRoute({
  getParentRoute: () => root,
  path: '/table',
  component: lazyRouteComponent(() => import('./pages/table/TablePage'), 'TablePage'),
})

export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree: root.addChildren([home, map, table]),
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

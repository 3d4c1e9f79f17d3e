import createClient from 'openapi-fetch'
import type { ChangesQuery, FindingsQuery, GraphQuery, HotspotsQuery, NewMark, SeriesQuery, WhatIfAction, TracesQuery } from './model'
import { problemFrom, problemOf } from './problem'
import type { paths } from './schema'

/** Where the API is, relative to the page. */
export const BASE = '/api/v1'

// fetch is looked up per call, not captured when this module loads, so that tests can answer in its place.
const http = createClient<paths>({ baseUrl: BASE, fetch: (request) => fetch(request) })

interface WindowQuery {
  from: string
  to: string
}

/** api is every request that the application makes. A request that fails throws a Problem. */
export const api = {
  graph: (query: GraphQuery, signal?: AbortSignal) =>
    answer(http.GET('/graph', { params: { query }, signal })),

  nodes: (query: WindowQuery & { limit: number; cursor?: string }, signal?: AbortSignal) =>
    answer(http.GET('/nodes', { params: { query }, signal })),

  node: (id: string, query: WindowQuery, signal?: AbortSignal) =>
    answer(http.GET('/nodes/{id}', { params: { path: { id }, query }, signal })),

  operations: (id: string, query: WindowQuery, signal?: AbortSignal) =>
    answer(http.GET('/nodes/{id}/operations', { params: { path: { id }, query }, signal })),

  edge: (id: string, query: WindowQuery, signal?: AbortSignal) =>
    answer(http.GET('/edges/{id}', { params: { path: { id }, query }, signal })),

  series: (query: SeriesQuery, signal?: AbortSignal) =>
    answer(http.GET('/series', { params: { query }, signal })),

  outcomes: (id: string, query: WindowQuery, signal?: AbortSignal) =>
    answer(http.GET('/nodes/{id}/outcomes', { params: { path: { id }, query }, signal })),

  dependencies: (node: string | undefined, signal?: AbortSignal) =>
    answer(http.GET('/dependencies', { params: { query: { node } }, signal })),

  traces: (query: TracesQuery, signal?: AbortSignal) =>
    answer(http.GET('/traces', { params: { query }, signal })),

  trace: (id: string, signal?: AbortSignal) =>
    answer(http.GET('/traces/{id}', { params: { path: { id } }, signal })),

  audit: (node: string, signal?: AbortSignal) =>
    answer(http.GET('/audit', { params: { query: { node } }, signal })),

  hotspots: (query: HotspotsQuery, signal?: AbortSignal) =>
    answer(http.GET('/hotspots', { params: { query }, signal })),

  calibration: (signal?: AbortSignal) =>
    answer(http.GET('/whatif/calibration', { signal })),

  experiments: (signal?: AbortSignal) =>
    answer(http.GET('/whatif/experiments', { params: { query: { limit: 10 } }, signal })),

  objectives: (signal?: AbortSignal) =>
    answer(http.GET('/objectives', { signal })),

  whatIf: (actions: WhatIfAction[], signal?: AbortSignal) =>
    answer(http.POST('/whatif', { body: { actions }, signal })),

  incidents: (signal?: AbortSignal) =>
    answer(http.GET('/incidents', { signal })),

  findings: (query: FindingsQuery, signal?: AbortSignal) =>
    answer(http.GET('/findings', { params: { query }, signal })),

  changes: (query: ChangesQuery, signal?: AbortSignal) =>
    answer(http.GET('/changes', { params: { query }, signal })),

  finding: (id: string, signal?: AbortSignal) =>
    answer(http.GET('/findings/{id}', { params: { path: { id } }, signal })),

  markFinding: (id: string, body: NewMark) =>
    answer(http.POST('/findings/{id}/mark', { params: { path: { id } }, body })),

  pipeline: (query: WindowQuery, signal?: AbortSignal) =>
    answer(http.GET('/pipeline', { params: { query }, signal })),
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

async function answer<T>(request: Promise<Answer<T>>): Promise<T> {
  let got: Answer<T>
  try {
    got = await request
  } catch (err) {
    if (err instanceof DOMException && err.name === 'AbortError') throw err
    throw problemFrom(err)
  }
  if (got.data === undefined) throw problemOf(got.error, got.response.status)
  return got.data
}

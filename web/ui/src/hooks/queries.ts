import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api } from '../api/client'
import type { Changes, FindingsQuery, GraphNode, NewMark, WhatIfAction } from '../api/model'
import type { Range } from '../view/range'
import { changesQuery, graphQuery, type View } from '../view/view'
import { useView } from './useView'

/**
 * The graph of the view. `question` names what was asked for, so that an answer can be told apart from the one
 * before it: while the next answer is under way, data are still those of the last question.
 */
export function useGraph() {
  const [view] = useView()
  const query = graphQuery(view)
  return useQuery({
    queryKey: ['graph', query],
    queryFn: async ({ signal }) => ({ question: JSON.stringify(query), graph: await api.graph(query, signal) }),
    placeholderData: keepPreviousData,
  })
}

/** All nodes of the window whatever the filters, for the choices that filters offer. */
export function useAllNodes(enabled: boolean) {
  const [{ from, to }] = useView()
  return useQuery({
    queryKey: ['nodes', from, to],
    queryFn: async ({ signal }) => {
      const nodes: GraphNode[] = []
      let cursor: string | undefined
      do {
        const page = await api.nodes({ from, to, limit: 1000, cursor }, signal)
        nodes.push(...page.nodes)
        cursor = page.next_cursor || undefined
      } while (cursor)
      return nodes
    },
    enabled,
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  })
}

export function useNode(id: string) {
  const [{ from, to }] = useView()
  return useQuery({ queryKey: ['node', id, from, to], queryFn: ({ signal }) => api.node(id, { from, to }, signal) })
}

export function useOperations(id: string) {
  const [{ from, to }] = useView()
  return useQuery({ queryKey: ['operations', id, from, to], queryFn: ({ signal }) => api.operations(id, { from, to }, signal) })
}

export function useEdge(id: string) {
  const [{ from, to }] = useView()
  return useQuery({ queryKey: ['edge', id, from, to], queryFn: ({ signal }) => api.edge(id, { from, to }, signal) })
}

/** RED over time of a node, one of its operations, or an edge. */
export function useSeries(of: { node: string; operation?: string } | { edge: string }) {
  const [{ from, to }] = useView()
  return useQuery({
    queryKey: ['series', of, from, to],
    queryFn: ({ signal }) => api.series({ ...of, from, to }, signal),
    placeholderData: keepPreviousData,
  })
}

/** How the requests of a node fare with its dependencies, and those of its callers with it. */
export function useOutcomes(id: string) {
  const [{ from, to }] = useView()
  return useQuery({ queryKey: ['outcomes', id, from, to], queryFn: ({ signal }) => api.outcomes(id, { from, to }, signal) })
}

/** Which dependencies of a node, and on it, take their callers down. Not of the window: of all that was seen. */
export function useDependencies(node: string) {
  return useQuery({ queryKey: ['dependencies', node], queryFn: ({ signal }) => api.dependencies(node, signal), placeholderData: keepPreviousData })
}

/** The verdict on every edge there is. Not of the window: of all that was seen. */
export function useVerdicts(enabled = true) {
  return useQuery({
    queryKey: ['verdicts'], queryFn: ({ signal }) => api.dependencies(undefined, signal), enabled,
    placeholderData: keepPreviousData, refetchInterval: 15_000,
  })
}

/** Which traces of an edge or a node are asked for: the newest that failed, or did not, or the slowest. */
export type TraceChoice = View['outcome']

/** Traces kept as evidence with a call on an edge, or a span of a node or a call to it. */
export function useTraces(of: { edge: string } | { node: string }, choice: TraceChoice, { from, to }: Range, limit = 10) {
  return useQuery({
    queryKey: ['traces', of, choice, from, to, limit],
    queryFn: ({ signal }) => api.traces({ ...of, ...(choice === 'slow' ? { order: 'slowest' } : { outcome: choice }), from, to, limit }, signal),
    placeholderData: keepPreviousData,
  })
}

/** The first word of the keys of what does not change once it is there: live updates leave it alone. */
export const STILL = 'still'

export function useTrace(id: string) {
  return useQuery({ queryKey: [STILL, 'trace', id], queryFn: ({ signal }) => api.trace(id, signal), staleTime: 60_000 })
}

/** Which resilience practices the calls of a node, and those to it, follow. Not of the window: of all that was seen. */
export function useAudit(node: string) {
  return useQuery({ queryKey: ['audit', node], queryFn: ({ signal }) => api.audit(node, signal), placeholderData: keepPreviousData })
}

/** Where the system is fragile. Not of the window: of now. */
export function useHotspots() {
  return useQuery({ queryKey: ['hotspots'], queryFn: ({ signal }) => api.hotspots({}, signal), placeholderData: keepPreviousData, refetchInterval: 60_000 })
}

/** How fragile every node is, for the lens. */
export function useAllHotspots(enabled: boolean) {
  return useQuery({
    queryKey: ['hotspots', 'all'], queryFn: ({ signal }) => api.hotspots({ limit: 10_000 }, signal), enabled,
    placeholderData: keepPreviousData, refetchInterval: 60_000,
  })
}

/** How fragile one node is; null when little depends on it or little is known. */
export function useHotspot(node: string) {
  return useQuery({
    queryKey: ['hotspots', node],
    queryFn: async ({ signal }) => (await api.hotspots({ node }, signal)).hotspots[0] ?? null,
    placeholderData: keepPreviousData, refetchInterval: 60_000,
  })
}

/** How what-if fared with incidents. Not of the window: of all that are known. */
export function useCalibration() {
  return useQuery({ queryKey: ['calibration'], queryFn: ({ signal }) => api.calibration(signal), placeholderData: keepPreviousData, refetchInterval: 60_000 })
}

/** Which failures are worth trying. Not of the window: of now. */
export function useExperiments() {
  return useQuery({ queryKey: ['experiments'], queryFn: ({ signal }) => api.experiments(signal), placeholderData: keepPreviousData, refetchInterval: 60_000 })
}

/** Which promises can be kept. Not of the window: of the last days. */
export function useObjectives() {
  return useQuery({ queryKey: ['objectives'], queryFn: ({ signal }) => api.objectives(signal), placeholderData: keepPreviousData, refetchInterval: 60_000 })
}

/** What would become of the operations that users call. Asked once for each question. */
export function useWhatIf(actions: WhatIfAction[]) {
  return useQuery({ queryKey: [STILL, 'whatif', actions], queryFn: ({ signal }) => api.whatIf(actions, signal), enabled: actions.length > 0, staleTime: 60_000, placeholderData: keepPreviousData })
}

/** What went wrong lately. Not of the window: the latest incidents. */
export function useIncidents() {
  return useQuery({ queryKey: ['incidents'], queryFn: ({ signal }) => api.incidents(signal), placeholderData: keepPreviousData, refetchInterval: 15_000 })
}

/** What is worth acting on. Not of the window: of now. */
export function useFindings(query: FindingsQuery) {
  return useQuery({ queryKey: ['findings', query], queryFn: ({ signal }) => api.findings(query, signal), placeholderData: keepPreviousData, refetchInterval: 15_000 })
}

/** What differs in the view's window from the one before it, or whichever the view compares with. It takes long, so live updates leave it alone. */
export function useChanges({ enabled = true, versions = true } = {}) {
  const [view] = useView()
  const query = changesQuery(versions ? view : { ...view, who: undefined })
  return useQuery({ queryKey: [STILL, 'changes', query], queryFn: ({ signal }) => api.changes(query, signal), enabled, placeholderData: keepPreviousData, refetchInterval: view.live ? 60_000 : false })
}

/** The graph that a window is compared with, where something of it is gone. */
export function useBefore(changes: Changes | undefined) {
  const [view] = useView()
  const gone = changes?.items.some((i) => i.kind === 'node_lost' || i.kind === 'edge_lost') ?? false
  const query = { ...graphQuery(view), ...changes?.base_window }
  return useQuery({ queryKey: [STILL, 'graph', query], queryFn: ({ signal }) => api.graph(query, signal), enabled: gone, placeholderData: keepPreviousData })
}

/** One finding with its history. */
export function useFinding(id: string) {
  return useQuery({ queryKey: ['finding', id], queryFn: ({ signal }) => api.finding(id, signal) })
}

/** Says something about a finding; the lists of findings are asked for again after it. */
export function useMarkFinding(id: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (mark: NewMark) => api.markFinding(id, mark),
    onSuccess: () => Promise.all([queries.invalidateQueries({ queryKey: ['findings'] }), queries.invalidateQueries({ queryKey: ['finding', id] })]),
  })
}

export function usePipeline() {
  const [{ from, to }] = useView()
  return useQuery({
    queryKey: ['pipeline', from, to],
    queryFn: ({ signal }) => api.pipeline({ from, to }, signal),
    placeholderData: keepPreviousData,
  })
}

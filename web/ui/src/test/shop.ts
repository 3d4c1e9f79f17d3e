import type { CallOutcomes, ChangeItem, Graph, GraphEdge, GraphNode, Red } from '../api/model'

/** Counts with nothing but calls and failures. */
export function red(calls: number, failed = 0): Red {
  return {
    calls, failed, calls_weighted: calls, calls_interval: 0, sampling_known: true,
    throttled: 0, client_errors: 0, timeouts: 0, resends: 0, p50_ms: 10, p95_ms: 20, p99_ms: 30,
  }
}

export function node(id: string, over: Partial<GraphNode> = {}): GraphNode {
  return { ...red(100), id, name: id, namespace: '', environment: '', type: 'service', system: '', last_seen: '2026-01-01T00:00:00Z', ...over }
}

/** An edge from words: "a>b". */
export function edge(words: string, over: Partial<GraphEdge> = {}): GraphEdge {
  const [caller = '', callee = ''] = words.split('>')
  return {
    ...red(100), id: words, caller, callee, protocol: 'http', mode: 'sync', basis: ['kinds'], aliased: 0, last_seen: '2026-01-01T00:00:00Z',
    server_p50_ms: null, server_p95_ms: null, server_p99_ms: null, ...over,
  }
}

/** A graph of one minute with these edges between services, and nothing else. */
export function graph(...edges: string[]): Graph {
  const ids = [...new Set(edges.flatMap((e) => e.split('>')))]
  return {
    window: { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:01:00Z', step_ms: 10_000 },
    stale: false, total_nodes: ids.length, total_edges: edges.length, truncated_by: '',
    nodes: ids.map((id) => node(id)), edges: edges.filter((e) => e.includes('>')).map((e) => edge(e)),
  }
}

/** A call site from words, "a>b", with nothing but what `over` says. */
export function site(words: string, over: Partial<CallOutcomes> = {}): CallOutcomes {
  const [caller = '', callee = ''] = words.split('>')
  return {
    caller, callee, operation: 'GET /', failed_share: null, amplification: null, fatal: 0, survived: 0, fatal_trace: null, survived_trace: null,
    requests: 0, failed: 0, clean: 0, clean_failed: 0, calls: 0, attempts: 0, failed_attempts: 0, rescued: 0, hedged: 0, cancelled: 0, timed_out: 0,
    total_fatal: 0, total_survived: 0, partial_fatal: 0, partial_survived: 0, contested_fatal: 0, contested_survived: 0, contested_passed: 0, fatal_passed: 0,
    abandoned: 0, overrun: 0, refused: 0, refused_repeated: 0, unsafe_retries: 0, bursts: 0,
    blamed: 0, unexplained: 0, async: 0, on_path: 0, time_us: 0, path_time_us: 0, duration_us: 0, time_time: 0, time_duration: 0, duration_duration: 0, ...over,
  }
}

/** A new call from web to db with what `over` says instead. */
export function change(over: Partial<ChangeItem> = {}): ChangeItem {
  return {
    kind: 'edge_new', rating: 'notice', node: '1', node_name: 'web', callee: '2', callee_name: 'db', operation: '', edge: null,
    before: { value: 0, count: 0, of: 1000 }, after: { value: 20, count: 0, of: 900 }, chance: null, from: '', to: '', at: null,
    versions: [], entries: [], cycle: [], crosses_to: '', trace: null, ...over,
  }
}

import { describe, expect, test } from 'vitest'
import type { ChangeItem, Changes } from '../api/model'
import { change, edge, graph, node } from '../test/shop'
import { changeLens, goneFrom, withGone } from './change'

function changes(items: ChangeItem[], over: Partial<Changes> = {}): Changes {
  const window = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:01:00Z' }
  return { window, base_window: window, requests: 1, base_requests: 1, compared: 9, versions: [], items, truncated: 0, uncertain: [], uncertain_truncated: 0, ...over }
}

const measure = (value: number) => ({ value, count: 1, of: 1 })
const about = (words: string, over: Partial<ChangeItem>) => {
  const [from = '', to] = words.split('>')
  return change({ node: from, callee: to ?? null, ...over })
}

describe('what has changed', () => {
  test.each<[Partial<ChangeItem>, number, string, string]>([
    [{ kind: 'edge_new', rating: 'notice' }, 2, 'new', 'new'],
    [{ kind: 'edge_lost', rating: 'risk' }, 4, 'gone', 'gone'],
    [{ kind: 'errors', rating: 'worse', before: measure(0), after: measure(0.125) }, 3, 'errors 0 % → 12.5 %', 'errors ↑'],
    [{ kind: 'latency', rating: 'better', before: measure(400), after: measure(20) }, 1, 'p95 400 ms → 20 ms', 'faster'],
    [{ kind: 'rate', rating: 'notice', before: measure(1), after: measure(2) }, 2, 'more calls for each request', 'calls ↑'],
    [{ kind: 'retries', rating: 'notice', before: measure(1), after: measure(0.2) }, 2, 'fewer retries of failures', 'retries ↓'],
    [{ kind: 'amplification', rating: 'worse', before: measure(1), after: measure(2) }, 3, 'attempts per call 1.00 → 2.00', 'attempts ↑'],
    [{ kind: 'criticality', rating: 'worse', operation: 'GET /', from: 'soft', to: 'hard' }, 3, 'soft → hard', 'now hard'],
    [{ kind: 'hard_dependency_new', rating: 'risk' }, 4, 'now hard', 'now hard'],
  ])('%o', (over, level, text, tag) => {
    const lens = changeLens(changes([about('a>b', over)]))
    expect(lens.edge(edge('a>b'))).toMatchObject({ level, text, tag, rating: over.rating, gone: over.kind === 'edge_lost' })
    expect(lens.edge(edge('b>a'))).toEqual({ level: 0, text: 'as before', value: 0 })
    expect(lens.node(node('a')).level).toBe(0)
  })
  test('the most important change is told, with how many more there are', () => {
    const lens = changeLens(changes([about('a', { kind: 'errors', rating: 'worse', operation: 'GET /' }), about('a', { kind: 'operation_lost', rating: 'notice', operation: 'GET /old' })]))
    expect(lens.node(node('a'))).toMatchObject({ rating: 'worse', tag: 'errors ↑ +1', gone: false })
  })
  test('a lost operation is not a lost node', () => {
    expect(changeLens(changes([about('a', { kind: 'operation_lost', operation: 'GET /old' })])).node(node('a'))).toMatchObject({ text: 'operation gone', gone: false })
  })
  test('every call of a new cycle is part of it', () => {
    const ref = (n: string) => ({ node: n, node_name: n })
    const lens = changeLens(changes([about('a>b', { kind: 'cycle_new', rating: 'risk', cycle: [ref('a'), ref('b'), ref('c')] })]))
    for (const e of ['a>b', 'b>c', 'c>a']) expect(lens.edge(edge(e)).tag).toBe('new cycle')
    expect(lens.edge(edge('b>a')).level).toBe(0)
  })
  test('the calls of what is new are new, and those with what is gone are gone', () => {
    const lens = changeLens(changes([about('a', { kind: 'node_new' }), about('b', { kind: 'node_lost' })]))
    expect(lens.edge(edge('a>x')).text).toBe('new')
    expect(lens.edge(edge('x>b'))).toMatchObject({ text: 'gone', gone: true })
  })
  test('what cannot be told is not called as before', () => {
    expect(changeLens(changes([], { compared: 0 })).node(node('a'))).toMatchObject({ level: null, text: 'nothing to compare with' })
    expect(changeLens(changes([], { compared: 0, base_requests: 0, uncertain: [about('a', {})] })).node(node('a')).text).toBe('nothing to compare with')
    const lens = changeLens(changes([], { uncertain: [about('a>b', {}), about('c', { kind: 'node_lost' })] }))
    expect(lens.edge(edge('a>b'))).toMatchObject({ level: null, text: 'may be new' })
    expect(lens.node(node('c'))).toMatchObject({ level: null, text: 'may be gone' })
  })
})

describe('what is gone', () => {
  const before = graph('a>b', 'a>c', 'c>d')
  test('is drawn as it was, without counts', () => {
    const gone = goneFrom(before, changes([about('c', { kind: 'node_lost' }), about('a>c', { kind: 'edge_lost' })]))
    const drawn = withGone(graph('a>b', 'e>d'), gone)
    expect(drawn.nodes.map((n) => n.id)).toEqual(['a', 'b', 'e', 'd', 'c'])
    expect(drawn.edges.map((e) => [e.id, e.calls])).toEqual([['a>b', 100], ['e>d', 100], ['a>c', 0], ['c>d', 0]])
  })
  test('is left out where an end of it is not shown, and where it is still there', () => {
    const gone = goneFrom(before, changes([about('a>b', { kind: 'edge_lost' }), about('a>c', { kind: 'edge_lost' })]))
    const drawn = withGone(graph('a>b'), gone)
    expect(drawn.edges).toHaveLength(1)
    expect(drawn.edges[0]!.calls).toBe(100)
    expect(withGone(before, undefined)).toBe(before)
  })
})

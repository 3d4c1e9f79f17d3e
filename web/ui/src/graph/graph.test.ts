import { describe, expect, test } from 'vitest'
import { edge, graph, node, red } from '../test/shop'
import { collapse } from './collapse'
import { matches, nodeSubject, parseQuery, QueryError } from './find'
import { healthOf, isEstimate, seconds, sum } from './red'
import { walk } from './walk'

test('a rate is over the time in which there can have been calls', () => {
  const w = { from: '2026-01-01T12:00:00Z', to: '2026-01-01T12:15:00Z' }
  expect([seconds(w), seconds({ ...w, since: '2026-01-01T12:13:00Z' })]).toEqual([900, 120])
})

describe('health', () => {
  test.each([
    [0, 0, 'unknown'], [1000, 0, 'ok'], [10, 1, 'ok'], [1000, 9, 'ok'], [1000, 20, 'warn'], [1000, 50, 'bad'], [2, 2, 'bad'],
  ] as const)('%s calls, %s failed', (calls, failed, want) => expect(healthOf(red(calls, failed))).toBe(want))

  test('an error share of a sum is the share of the sums, not the mean of the shares', () => {
    const total = sum([red(10, 0), red(1000, 30), red(10, 1)])
    expect(total.failed / total.calls).toBeCloseTo(31 / 1020)
    expect(total.p95_ms).toBeNull()
  })

  test('weighted counts are estimates', () => {
    expect(isEstimate(red(5))).toBe(false)
    expect(isEstimate({ ...red(5), calls_weighted: 20, calls_interval: 8 })).toBe(true)
  })
})

describe('find', () => {
  const cart = nodeSubject(node('cart', { ...red(600, 12), type: 'service', environment: 'prod', p95_ms: 320 }), 60)
  test.each([
    ['cart', true], ['CAR', true], ['checkout', false], ['-cart', false], ['err > 1%', true], ['err>5%', false], ['p95 >= 0.32s', true],
    ['rate > 5/s env=prod', true], ['type = database', false], ['-type=database cart', true], ['', true],
  ])('%s', (text, want) => expect(matches(parseQuery(text), cart)).toBe(want))

  test.each(['nonsense > 3', 'p95 > fast', '"open'])('%s is refused with a reason', (text) => {
    expect(() => parseQuery(text)).toThrow(QueryError)
  })
})

describe('collapse', () => {
  test('a small graph is drawn as it is', () => {
    const d = collapse(graph('a>b', 'b>c'), { group: 'auto', open: [] })
    expect(d.grouped).toBe(false)
    expect(d.nodes.map((n) => n.id)).toEqual(['a', 'b', 'c'])
    expect(d.edges.map((e) => e.id)).toEqual(['a>b', 'b>c'])
  })

  test('a large one is drawn by namespace, a namespace of one as its node, and no call is lost between groups', () => {
    const g = graph('a>b', 'a>c', 'b>c')
    g.nodes = [node('a', { namespace: 'front' }), node('b', { namespace: 'back' }), node('c', { namespace: 'back' })]
    g.edges = [edge('a>b', red(7, 1)), edge('a>c', red(5, 2)), edge('b>c', red(100))]
    const d = collapse(g, { group: 'auto', open: [] }, 2)
    expect(d.grouped).toBe(true)
    expect(d.nodes.map((n) => n.label).toSorted()).toEqual(['a', 'back'])
    expect(d.edges).toHaveLength(1)
    expect(d.edges[0]!.red).toMatchObject({ calls: 12, failed: 3 })
  })
})

describe('walk', () => {
  const places = [{ id: 'a', x: 0, y: 0 }, { id: 'b', x: 300, y: 0 }, { id: 'c', x: 300, y: 100 }, { id: 'd', x: 600, y: 0 }]
  const arrows = [{ caller: 'a', callee: 'b', weight: 1 }, { caller: 'a', callee: 'c', weight: 9 }, { caller: 'b', callee: 'd', weight: 1 }]
  test('right follows the busiest call and left goes back', () => {
    const c = walk(places, arrows, { at: 'a', trail: [] }, 'ArrowRight')
    expect(c?.at).toBe('c')
    expect(walk(places, arrows, c, 'ArrowLeft')?.at).toBe('a')
  })
  test('up and down go through the callees of the caller', () => {
    const c = walk(places, arrows, { at: 'a', trail: [] }, 'ArrowRight')
    expect(walk(places, arrows, c, 'ArrowUp')?.at).toBe('b')
  })
  test('a step that leads nowhere stays, and the first step begins at the top left', () => {
    expect(walk(places, arrows, { at: 'd', trail: [] }, 'ArrowRight')?.at).toBe('d')
    expect(walk(places, arrows, null, 'ArrowRight')?.at).toBe('a')
    expect(walk([], [], null, 'Home')).toBeNull()
  })
})

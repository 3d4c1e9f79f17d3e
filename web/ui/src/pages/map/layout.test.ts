import { describe, expect, test } from 'vitest'
import { addTo, BOX, EMPTY_LAYOUT, elkGraph, planLayout, readLayout, topologyKey, type Layout, type Topology } from './layout'
import { LayoutCache } from './layoutCache'

function topology(...words: string[]): Topology {
  const edges = words.filter((w) => w.includes('>')).map((w) => ({ id: w, caller: w.split('>')[0]!, callee: w.split('>')[1]! }))
  return { nodes: [...new Set(words.flatMap((w) => w.split('>')))].map((id) => ({ id })), edges }
}

const placed = (t: Topology): Layout => ({
  positions: Object.fromEntries(t.nodes.map((n, i) => [n.id, { x: i * 400, y: i * 10 }])),
  routes: Object.fromEntries(t.edges.map((e) => [e.id, []])),
})

describe('the key of a topology', () => {
  test('does not depend on order', () => {
    expect(topologyKey(topology('a>b', 'b>c'))).toBe(topologyKey({ nodes: [{ id: 'c' }, { id: 'b' }, { id: 'a' }], edges: topology('b>c', 'a>b').edges }))
  })
  test('differs when an edge or a node does', () => {
    const keys = [topology('a>b'), topology('b>a'), topology('a>b', 'c'), topology('a>b', 'b>c')].map(topologyKey)
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('stable positions', () => {
  test('a refresh without change keeps every position', () => {
    const t = topology('a>b', 'b>c')
    expect(planLayout(placed(t), t, 'refresh', false)).toBe('keep')
  })
  test('what is new is added beside its caller, and nothing else moves, once the reader has moved the map', () => {
    const before = placed(topology('a>b'))
    const t = topology('a>b', 'a>new')
    expect(planLayout(before, t, 'refresh', true)).toBe('add')
    const after = addTo(before, t)
    expect(after.positions.a).toEqual(before.positions.a)
    expect(after.positions.b).toEqual(before.positions.b)
    expect(after.positions.new!.x).toBeGreaterThan(before.positions.a!.x)
    for (const [id, p] of Object.entries(after.positions)) {
      if (id !== 'new') expect(Math.abs(p.x - after.positions.new!.x) >= BOX.width || Math.abs(p.y - after.positions.new!.y) >= BOX.height).toBe(true)
    }
  })
  test('a new layout is laid over the old positions', () => {
    const before = { positions: { a: { x: 1000, y: 500 }, b: { x: 1400, y: 500 } }, routes: {} }
    const answer = { id: 'root', children: [{ id: 'a', x: 0, y: 0 }, { id: 'b', x: 400, y: 0 }] }
    expect(readLayout(answer, topology('a>b'), before).positions).toEqual(before.positions)
  })
  test('the question orders boxes as they stood', () => {
    const seed: Layout = { positions: { z: { x: 0, y: 0 }, a: { x: 0, y: 100 } }, routes: {} }
    expect(elkGraph(topology('z>m', 'a>m'), seed).children!.map((c) => c.id).indexOf('z'))
      .toBeLessThan(elkGraph(topology('z>m', 'a>m'), seed).children!.map((c) => c.id).indexOf('a'))
  })
  test('nodes that nothing touches are on a shelf of their own, and none overlap', () => {
    const t = topology('lonely', 'single')
    const { positions } = readLayout({ id: 'root', children: [] }, t, EMPTY_LAYOUT)
    expect(Math.abs(positions.lonely!.x - positions.single!.x)).toBeGreaterThanOrEqual(BOX.width)
  })
})

test('layouts outlive a reload', () => {
  const store = new Map<string, string>()
  const storage = { getItem: (k: string) => store.get(k) ?? null, setItem: (k: string, v: string) => void store.set(k, v) } as unknown as Storage
  const layout = placed(topology('a>b'))
  new LayoutCache(storage).set('key', layout)
  expect(new LayoutCache(storage).get('key')).toEqual(layout)
  expect(new LayoutCache(storage).get('other')).toBeUndefined()
})

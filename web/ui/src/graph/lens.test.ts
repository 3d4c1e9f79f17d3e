import { describe, expect, test } from 'vitest'
import type { DependencyEdge, Hotspot } from '../api/model'
import { edge, node, red } from '../test/shop'
import { criticalityLens, errorsLens, fragilityLens, latencyLens, worst } from './lens'

function judged(words: string, verdict: DependencyEdge['verdict'], fatal = 0, survived = 0): DependencyEdge {
  const [caller = '', callee = ''] = words.split('>')
  return {
    caller, callee, caller_name: caller, callee_name: callee, verdict, assumed: 'hard', basis: 'inferred', probability: 0.9, low: 0.8, high: 1,
    evidence: { total_fatal: fatal, total_survived: survived, partial_fatal: 0, partial_survived: 0, contested_fatal: 0, contested_survived: 0, requests: 100, failed: 0 },
  }
}

describe('errors and latency', () => {
  test.each([[0, 0], [1, 1], [10, 2], [100, 3], [500, 4]])('%s failed of 10000 is level %s', (failed, level) => {
    expect(errorsLens.node(node('a', red(10_000, failed))).level).toBe(level)
  })
  test('what was not reported has no level', () => {
    expect(errorsLens.edge(edge('a>b', red(0)))).toEqual({ level: null, text: 'not reported', value: null })
    expect(latencyLens.edge(edge('a>b', { p95_ms: null })).level).toBeNull()
  })
  test('latency reads the p95', () => {
    expect(latencyLens.node(node('a', { p95_ms: 250 }))).toEqual({ level: 3, text: '250 ms', value: 250 })
  })
})

describe('criticality', () => {
  const lens = criticalityLens([judged('a>b', 'hard', 9), judged('c>b', 'unknown'), judged('a>d', 'soft', 0, 12), judged('a>e', 'unknown')])
  test('an edge shows its verdict with the interval', () => {
    expect(lens.edge(edge('a>b'))).toMatchObject({ level: 4, text: 'hard 80–100 %', verdict: 'hard' })
    expect(lens.edge(edge('a>e'))).toMatchObject({ level: null, text: 'unknown', verdict: 'unknown' })
    expect(lens.edge(edge('x>y'))).toMatchObject({ level: null, verdict: 'unknown' })
  })
  test('a node shows for how many callers it is hard', () => {
    expect(lens.node(node('b')).text).toBe('hard for 1 of 2')
    expect(lens.node(node('d')).text).toBe('soft for 1 of 1')
    expect(lens.node(node('e')).level).toBeNull()
  })
})

test('fragility of a call is that of the callee', () => {
  const lens = fragilityLens([{ node: 'b', fragility: 30 } as Hotspot])
  expect(lens.node(node('b'))).toMatchObject({ level: 3, text: '30' })
  expect(lens.edge(edge('a>b')).level).toBe(3)
  expect(lens.edge(edge('b>a')).level).toBeNull()
})

test('several things drawn as one show the worst', () => {
  const read = (failed: number) => errorsLens.edge(edge('a>b', red(1000, failed)))
  expect(worst([read(0), read(60), read(3)]).level).toBe(4)
  expect(worst([]).level).toBeNull()
})

import { expect, test } from 'vitest'
import type { Finding } from '../../api/model'
import { confidenceText, factText, subjectsOf, topicOf } from './words'

test('a fact reads in its unit', () => {
  const fact = (value: number, unit: string) => factText({ name: '', value, unit, text: '' })
  expect(fact(12, '')).toBe('12')
  expect(fact(2.5, '')).toBe('2.50')
  expect(fact(0.25, 'share')).toBe('25 %')
  expect(fact(1500, 'ms')).toBe('1.5 s')
  expect(fact(3, 'per_s')).toBe('3/s')
  expect(fact(3, 'hops')).toBe('3 hops')
  expect(fact(0, 'text')).toBe('')
})

test('a kind belongs to a topic, also one that this release does not know', () => {
  expect(topicOf('dependency.hard')).toBe('Criticality')
  expect(topicOf('later.rule')).toBe('later.rule')
})

test('confidence is a word and a number', () => {
  const sure = (confidence: number, kind = 'dependency.hard') => confidenceText({ kind, confidence } as Finding)
  expect(sure(0.95)).toBe('sure (95 %)')
  expect(sure(0.7)).toBe('likely (70 %)')
  expect(sure(0.2)).toBe('possible (20 %)')
  expect(sure(1, 'incident.failing')).toBe('explains 100 % of it')
})

test('the subjects of findings are both ends of what they are about', () => {
  const about = (node: string, callee: string | null) => ({ node, node_name: node.toUpperCase(), callee, callee_name: callee?.toUpperCase() ?? '' }) as Finding
  expect(subjectsOf([about('b', null), about('a', 'b'), about('c', 'b')])).toEqual([
    { id: 'b', name: 'B', findings: 3 }, { id: 'a', name: 'A', findings: 1 }, { id: 'c', name: 'C', findings: 1 },
  ])
})

import { cleanup, fireEvent, render, screen, within } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, expect, test, vi } from 'vitest'
import type { AuditCheck, AuditService, AuditSite } from '../api/model'
import { levelText, tally, worstFirst } from './audit'
import { AuditCard } from './AuditCard'

const answer = { at: '2026-11-21T12:00:00Z', truncated: 0, services: [] as AuditService[], sites: [] as AuditSite[] }

vi.mock('../hooks/queries', () => ({ useAudit: () => ({ data: answer }) }))
vi.mock('./ViewLink', () => ({
  TraceLink: ({ id, children }: { id: string; children: ReactNode }) => <a href={`/traces/${id}`}>{children}</a>,
  EdgePageLink: ({ id, children }: { id: string; children: ReactNode }) => <a href={`/edges/${id}`}>{children}</a>,
}))
afterEach(cleanup)

function check(practice: AuditCheck['practice'], state: AuditCheck['state'], over: Partial<AuditCheck> = {}): AuditCheck {
  return {
    practice, state, title: `title of ${practice}`, value: 0, bound: null, evidence: 7, nodes: [], says: `says ${practice}`, means: `means ${practice}`,
    repair: `repair ${practice}`, aws: ['REL05-BP03'], level: 2, sites: null, trace: null, ...over,
  }
}

test('a service says which level was proved, which is possible, and what is missing for the next', () => {
  answer.services = [{
    node: 'web', node_name: 'web', level: 2, ceiling: 3, known: 0.4, missing: ['circuit_breaker'],
    checks: [check('timeout', 'pass'), check('circuit_breaker', 'unknown'), check('fallback', 'risk', { sites: { pass: 0, risk: 1, unknown: 0 }, nodes: [{ id: 'pay', name: 'pay' }] })],
  }]
  render(<AuditCard node="web" />)
  expect(screen.getByRole('img', { name: 'Level 2 of 4, at most 3' })).toBeTruthy()
  expect(screen.getByText('For level 3: title of circuit_breaker.')).toBeTruthy()
  expect(screen.getByText('1 missing, 1 not enough evidence, 1 followed')).toBeTruthy()
  const items = within(screen.getByRole('list')).getAllByRole('listitem')
  expect(items.map((i) => i.dataset.practice)).toEqual(['fallback', 'timeout'])
  expect(items[0]!.textContent).toContain('repair fallback')
  expect(screen.getByRole('link', { name: 'pay' }).getAttribute('href')).toBe('/edges/web-pay')
  expect(items[1]!.textContent).not.toContain('repair timeout')
  fireEvent.click(screen.getByRole('button', { name: 'Show what is not known (1)' }))
  expect(within(screen.getByRole('list')).getAllByRole('listitem').map((i) => i.dataset.practice)).toEqual(['fallback', 'circuit_breaker', 'timeout'])
})

test('an edge has the practices of its own call sites, with examples of what was seen', () => {
  const site = { caller: 'web', caller_name: 'web', callee_name: '', waits: true }
  answer.sites = [
    { ...site, operation: 'GET /', callee: 'pay', checks: [check('retries', 'risk', { trace: 'abc' }), check('jitter', 'unknown', { trace: 'def' })] },
    { ...site, operation: 'GET /other', callee: 'else', checks: [] },
    { ...site, operation: 'POST /', callee: 'pay', waits: false, checks: [] },
  ]
  render(<AuditCard node="web" callee="pay" />)
  expect(screen.getAllByRole('heading').map((h) => h.textContent)).toEqual(['GET /', 'POST /not waited for'])
  expect(screen.getAllByRole('link').map((a) => a.getAttribute('href'))).toEqual(['/traces/abc'])
})

test('nothing seen is said to be so', () => {
  answer.sites = []
  answer.services = []
  render(<AuditCard node="web" callee="pay" />)
  expect(screen.getByText(/No call has been looked at yet/)).toBeTruthy()
  cleanup()
  render(<AuditCard node="pg" />)
  expect(screen.getByText(/spans of its own/)).toBeTruthy()
})

test('words', () => {
  expect(worstFirst([check('timeout', 'pass'), check('jitter', 'risk'), check('retries', 'unknown')]).map((c) => c.state)).toEqual(['risk', 'unknown', 'pass'])
  expect(tally([])).toBe('')
  expect(levelText({ level: 4, ceiling: 4, known: 1 })).toBe('All that applies was seen to be followed; 100 % of the practices are known.')
  expect(levelText({ level: 2, ceiling: 2, known: 0.5 })).toBe('A practice of level 3 was seen to be missing; 50 % of the practices are known.')
  expect(levelText({ level: 1, ceiling: 4, known: 0 })).toBe('Level 4 is possible if what is not known yet is followed; 0 % of the practices are known.')
})

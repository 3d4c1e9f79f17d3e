import { expect, test } from 'vitest'
import type { Candidate, Incident, IncidentMember, IncidentStep } from '../../api/model'
import { incidentHealth, lengthOf, memberText, partIn, stateOf, stepText, titleOf, unitsText, windowOf } from './words'

const candidate = { node: '1', node_name: 'payments', likely: true } as Candidate

test('an incident is called by its likely cause', () => {
  expect(titleOf({ candidates: [candidate], sign: 'failing' } as unknown as Incident)).toBe('payments: requests fail')
  expect(titleOf({ candidates: [candidate, { ...candidate, node_name: 'mail' }, { ...candidate, likely: false }], sign: 'slow' } as unknown as Incident)).toBe('payments and mail: requests are slow')
  expect(titleOf({ candidates: [], sign: 'slow' } as unknown as Incident)).toBe('No cause found yet: requests are slow')
})

test('units are counted in what they are', () => {
  expect(unitsText(12, 'failing')).toBe('12 failed requests')
  expect(unitsText(1, 'tolerated')).toBe('1 failed call')
  expect(unitsText(2.5, 'slow')).toBe('2.5 s added')
})

test('a member says how bad it was, and how it was before', () => {
  const member = { callee: null, sign: 'failing', bad: 5, requests: 20, before: 0.01, times: null, suspected: false } as IncidentMember
  expect(memberText(member)).toBe('5 of 20 requests failed (25 %, 1 % before)')
  expect(memberText({ ...member, sign: 'different', times: 857142857 })).toBe('20 requests made calls that they did not make before')
  expect(memberText({ ...member, callee: '2', sign: 'slow', before: 0 })).toBe('5 of 20 calls slow (25 %)')
  expect(memberText({ ...member, callee: '2', sign: 'slow', times: 5.62, suspected: true })).toBe('20 calls took 5.6× as long as before, suspected')
  expect(memberText({ ...member, sign: 'different', times: 0.2 })).toBe('20 requests made 0.2× as many calls as before')
})

test('an incident that lasts is as long as it has lasted', () => {
  const started = '2026-11-21T12:00:00Z'
  expect(lengthOf({ started, closed: null } as Incident, Date.parse(started) + 90_000)).toBe('1.5 min')
  expect(lengthOf({ started, closed: '2026-11-21T12:00:30Z' } as Incident, Date.now())).toBe('30 s')
})

test('a node had a part in an incident, or none', () => {
  const i = {
    candidates: [{ ...candidate, likely: true }, { node: '5', likely: false }], members: [{ node: '2', callee: '3' }], entries: [{ node: '4' }],
  } as unknown as Incident
  expect(['1', '2', '3', '4', '5', '6'].map((n) => partIn(i, n))).toEqual(['its likely cause', 'ill with it', 'ill with it', 'an entry that was hit', 'a possible cause', undefined])
})

test('a step says how many calls failed', () => {
  const step = { calls: 66, failed: 61 } as IncidentStep
  expect(stepText(step, 'failing')).toBe('61 of 66 calls failed (92.4 %)')
  expect(stepText({ ...step, failed: 0 }, 'failing')).toBe('66 calls, none failed')
  expect(stepText({ ...step, failed: 0 }, 'slow')).toBe('66 calls')
})

test('the window of an incident begins before it, and ends now while it lasts', () => {
  const started = '2026-01-01T12:00:00.000Z'
  expect(windowOf({ started, closed: null })).toEqual({ from: '2026-01-01T11:50:00.000Z', to: 'now' })
  expect(windowOf({ started, closed: '2026-01-01T12:30:00.000Z' }).to).toBe('2026-01-01T12:35:00.000Z')
})

test('an incident that has been quiet for a minute is not called ill', () => {
  const last_ill = '2026-01-01T12:00:00.000Z'
  const at = (seconds: number) => Date.parse(last_ill) + 1000 * seconds
  expect(stateOf({ closed: null, last_ill }, at(30))).toBe('still ill')
  expect(stateOf({ closed: null, last_ill }, at(120))).toMatch(/^no sign since \d\d:00:00/)
  expect(stateOf({ closed: last_ill, last_ill }, at(120))).toBe('until nothing was ill')
})

test('an incident asks for less once it is quiet, and then does not get longer', () => {
  const last_ill = '2026-01-01T12:00:00.000Z'
  const i = { started: '2026-01-01T11:58:00.000Z', closed: null, last_ill, suspected: false }
  const at = (seconds: number) => Date.parse(last_ill) + 1000 * seconds
  expect([incidentHealth(i, at(30)), incidentHealth({ ...i, suspected: true }, at(30)), incidentHealth(i, at(120)), incidentHealth({ ...i, closed: last_ill }, at(120))])
    .toEqual(['bad', 'warn', 'warn', 'ok'])
  expect([lengthOf(i, at(60)), lengthOf(i, at(300)), lengthOf({ ...i, closed: last_ill }, at(300))].map((l) => l.replace(/\s+/g, ' '))).toEqual(['3 min', '2 min', '2 min'])
})

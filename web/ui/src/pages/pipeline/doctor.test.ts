import { describe, expect, test } from 'vitest'
import type { DoctorFinding, DoctorService, Fates } from '../../api/model'
import { FATES, worstFirst } from './doctor'

const none: Fates = { paired: 0, inferred: 0, root: 0, inner: 0, waiting: 0, client_without_peer: 0, partner_not_seen: 0, over_limit: 0 }

/** A service from words: its name, then findings as "severity side halves". */
function service(name: string, ...findings: string[]): DoctorService {
  const read = findings.map((f): DoctorFinding => {
    const [severity, side, halves] = f.split(' ')
    return {
      reason: 'partner_not_seen', severity: severity as DoctorFinding['severity'], side: side as DoctorFinding['side'], halves: Number(halves),
      share: 0.5, cause: '', repair: '', beside: [],
    }
  })
  const sides = (['client', 'server'] as const).filter((s) => read.some((f) => f.side === s))
  return {
    node: { id: name, name, namespace: name.includes('/') ? name.split('/')[0]! : '', environment: 'prod', type: 'service', system: '' },
    sides: sides.map((side) => ({ side, halves: 10, fates: { ...none, paired: 10 } })), findings: read,
  }
}
const names = (services: DoctorService[], side: 'any' | 'client' | 'server' = 'any', namespace: string[] = []) =>
  worstFirst(services, { side, environment: [], namespace }).map((s) => s.node.name)

describe('the doctor’s list', () => {
  test.each<[string, DoctorService[], string[]]>([
    ['severity comes first', [service('a'), service('b', 'note client 900'), service('c', 'bad client 1'), service('d', 'warn server 50')], ['c', 'd', 'b', 'a']],
    ['then how many are concerned', [service('a', 'bad client 5'), service('b', 'bad server 90'), service('c', 'bad client 40', 'bad server 60')], ['c', 'b', 'a']],
    ['lesser findings do not add', [service('a', 'bad client 5', 'note server 900'), service('b', 'bad client 6')], ['b', 'a']],
    ['then the name', [service('b', 'warn client 1'), service('a', 'warn client 1')], ['a', 'b']],
    ['nothing is nothing', [], []],
  ])('%s', (_, services, want) => expect(names(services)).toEqual(want))

  test('a side sorts by its own findings, and leaves out who has nothing on it', () => {
    const all = [service('a', 'bad client 90', 'warn server 1'), service('b', 'bad server 5'), service('c', 'note client 1'), service('d', 'bad both 3')]
    expect(names(all, 'server')).toEqual(['b', 'd', 'a'])
    expect(names(all, 'client')).toEqual(['a', 'd', 'c'])
  })

  test('filters of the header narrow it', () => {
    expect(names([service('shop/a'), service('b')], 'any', ['shop'])).toEqual(['shop/a'])
    expect(names([service('shop/a'), service('b')], 'any', [''])).toEqual(['b'])
  })

  test('findings of one service are worst first', () => {
    const [s] = worstFirst([service('a', 'note client 9', 'bad server 1', 'warn client 5')], { side: 'any', environment: [], namespace: [] })
    expect(s!.findings.map((f) => f.severity)).toEqual(['bad', 'warn', 'note'])
  })

  test('every fate has words', () => expect(FATES.map((f) => f.fate).toSorted()).toEqual(Object.keys(none).toSorted()))
})

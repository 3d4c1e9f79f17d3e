import { expect, test } from 'vitest'
import type { DependencySite } from '../../api/model'
import { site } from '../../test/shop'
import { fourfold } from './fourfold'

const evidence = {
  total_fatal: 7, total_survived: 1, partial_fatal: 2, partial_survived: 3, contested_fatal: 4, contested_survived: 5, requests: 900, failed: 20,
}
const judged = { evidence } as DependencySite

test('the four cells of the window add up to its requests', () => {
  const seen = site('a>b', {
    requests: 100, failed: 9, fatal: 6, survived: 4, total_fatal: 3, total_survived: 2, partial_fatal: 2, partial_survived: 1, contested_fatal: 1, contested_survived: 1,
  })
  const rows = fourfold(judged, seen)
  expect(rows.map((r) => r.window)).toEqual([
    { failed: 3, ok: 2 }, { failed: 2, ok: 1 }, { failed: 1, ok: 1 }, { failed: 3, ok: 87 },
  ])
  expect(rows.reduce((n, r) => n + r.window!.failed + r.window!.ok, 0)).toBe(100)
})

test('evidence from before the window is shown without it', () => {
  const rows = fourfold(judged, undefined)
  expect(rows.map((r) => r.all)).toEqual([{ failed: 7, ok: 1 }, { failed: 2, ok: 3 }, { failed: 4, ok: 5 }, null])
  expect(rows.every((r) => r.window === null)).toBe(true)
})

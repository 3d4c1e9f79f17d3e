import { describe, expect, test } from 'vitest'
import { changesQuery, DEFAULT_VIEW, formatView, graphQuery, misread, parseView, type View } from './view'

describe('the view in the URL', () => {
  test('everything survives the way there and back', () => {
    const view: View = {
      ...DEFAULT_VIEW, from: 'now-6h', to: 'now', environment: ['prod', 'eu west'], namespace: [''], type: ['database', 'cache'],
      q: 'err > 1% "a b"', node: '00ff', op: 'GET /x?y=1&z', focus: '00ff', depth: 3, queues: 'collapse', group: 'on',
      open: ['prod/shop'], lens: 'criticality', rows: 'edges', sort: 'p95', live: false,
      outcome: 'ok', side: 'server', base: 'week', who: '00ff', version: '2', base_version: '1', unsure: true, span: '00aa-server', shut: ['00aa', '00bb'], kind: 'dependency', act: ['down.00000000000000ff', 'errors.00000000000000fe.30'], about: '00ff',
    }
    expect(parseView(formatView(view))).toEqual(view)
    expect(misread(formatView(view))).toEqual([])
  })

  test.each([
    ['', []],
    ['?live=on&muted=false&depth=1&lens=health&namespace=&environment=&q=', []],
    ['?from=yesterday', ['from=yesterday']],
    ['?from=now&to=now-1h&q=db', ['from=now', 'to=now-1h']],
    ['?depth=99&type=disk&type=cache&lens=x', ['depth=99', 'type=disk', 'lens=x']],
    ['?muted=1&live=no', ['muted=1', 'live=no']],
    ['?nodes=ff', ['nodes=ff']],
    ['?node=a&edge=b', ['edge=b']],
    ['?act=burn.x', ['act=burn.x']],
    ['?version=2', ['version=2']],
  ])('%s: what of it has no effect', (search, want) => {
    expect(misread(search)).toEqual(want)
  })

  test('the default view has no query string', () => {
    expect(formatView(DEFAULT_VIEW)).toBe('')
    expect(parseView('')).toEqual(DEFAULT_VIEW)
  })

  test.each([
    ['?from=yesterday&depth=99&type=disk&queues=maybe&sort=<x>&outcome=maybe&side=top&act=burn.x', DEFAULT_VIEW],
    ['?from=now&to=now-1h', DEFAULT_VIEW],
    ['?node=a&edge=b', { ...DEFAULT_VIEW, node: 'a' }],
    ['?op=', DEFAULT_VIEW],
  ])('%s is read without failing', (search, want) => {
    expect(parseView(search)).toEqual(want)
  })

  test('what is compared with what', () => {
    const of = (view: Partial<View>) => changesQuery({ ...DEFAULT_VIEW, from: 'now-1h', ...view })
    expect(of({})).toEqual({ from: 'now-1h', to: 'now' })
    expect(of({ base: 'day' })).toEqual({ from: 'now-1h', to: 'now', base_from: 'now-1500m', base_to: 'now-1440m' })
    expect(of({ base: 'week', from: 'now-30s' })).toEqual({ from: 'now-30s', to: 'now', base_from: 'now-604830s', base_to: 'now-10080m' })
    expect(of({ base: 'day', from: '2026-05-04T12:00:00Z', to: '2026-05-04T13:00:00Z' }))
      .toMatchObject({ base_from: '2026-05-03T12:00:00.000Z', base_to: '2026-05-03T13:00:00.000Z' })
    expect(of({ base: 'day', who: 'ff', version: '2', base_version: '1' })).toEqual({ from: 'now-1h', to: 'now', node: 'ff', version: '2', base_version: '1' })
    expect(parseView('?version=2').version).toBeUndefined()
  })

  test('the request says what the view says', () => {
    expect(graphQuery({ ...DEFAULT_VIEW, environment: ['prod'], focus: 'f', depth: 2, queues: 'collapse' }))
      .toEqual({ from: 'now-15m', to: 'now', limit: 5000, environment: ['prod'], focus: 'f', depth: 2, queues: 'collapse' })
  })
})

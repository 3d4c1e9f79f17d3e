import { describe, expect, test } from 'vitest'
import { DEFAULT_VIEW, formatView, graphQuery, parseView, type View } from './view'

describe('the view in the URL', () => {
  test('everything survives the way there and back', () => {
    const view: View = {
      ...DEFAULT_VIEW, from: 'now-6h', to: 'now', environment: ['prod', 'eu west'], namespace: [''], type: ['database', 'cache'],
      q: 'err > 1% "a b"', node: '00ff', op: 'GET /x?y=1&z', focus: '00ff', depth: 3, queues: 'collapse', group: 'on',
      open: ['prod/shop'], lens: 'criticality', rows: 'edges', sort: 'p95', live: false,
      outcome: 'ok', side: 'server', span: '00aa-server', shut: ['00aa', '00bb'], kind: 'dependency', act: ['down.00000000000000ff', 'errors.00000000000000fe.30'], about: '00ff',
    }
    expect(parseView(formatView(view))).toEqual(view)
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

  test('the request says what the view says', () => {
    expect(graphQuery({ ...DEFAULT_VIEW, environment: ['prod'], focus: 'f', depth: 2, queues: 'collapse' }))
      .toEqual({ from: 'now-15m', to: 'now', limit: 5000, environment: ['prod'], focus: 'f', depth: 2, queues: 'collapse' })
  })
})

import { describe, expect, test } from 'vitest'
import type { TraceSpan } from '../../api/model'
import { inSight, layoutWaterfall, moveBy, ticks } from './waterfall'

/** A span from words: "depth id start+duration", with `!` when it failed and `s` or `c` for its kind. */
function span(words: string): TraceSpan {
  const [, depth, id, start, length, mark] = /^(\d) (\w+) ([\d.]+)\+([\d.]+)([!sc]*)$/.exec(words)!
  return {
    id: id!, parent_id: null, depth: Number(depth), node: 'n', service: 'n', operation: id!, kind: mark!.includes('s') ? 'server' : 'client',
    start_ms: Number(start), duration_ms: Number(length), outcomes: mark!.includes('!') ? ['failed'] : [], protocol: '',
  }
}
const lay = (duration: number, ...spans: string[]) => layoutWaterfall({ duration_ms: duration, spans: spans.map(span) })

describe('layout', () => {
  test.each<[string, number, string[], string[]]>([
    ['nothing', 0, [], []],
    ['one span is as long as its trace', 10, ['0 a 0+10'], ['a under -1, 1/1, 0 below, 0–1']],
    ['children follow their parent', 10, ['0 a 0+10', '1 b 1+4', '2 c 2+1', '1 d 5+5'],
      ['a under -1, 1/1, 3 below, 0–1', 'b under 0, 1/2, 1 below, 0.1–0.5', 'c under 1, 1/1, 0 below, 0.2–0.3', 'd under 0, 2/2, 0 below, 0.5–1']],
    ['several roots', 10, ['0 a 0+4', '0 b 4+6', '1 c 5+1'], ['a under -1, 1/2, 0 below, 0–0.4', 'b under -1, 2/2, 1 below, 0.4–1', 'c under 1, 1/1, 0 below, 0.5–0.6']],
    ['a depth that is left out counts as one', 10, ['0 a 0+10', '3 b 0+5'], ['a under -1, 1/1, 1 below, 0–1', 'b under 0, 1/1, 0 below, 0–0.5']],
    ['no time at all', 0, ['0 a 0+0', '1 b 0+0'], ['a under -1, 1/1, 1 below, 0–0', 'b under 0, 1/1, 0 below, 0–0']],
    ['a bar ends with the trace', 10, ['0 a 8+9'], ['a under -1, 1/1, 0 below, 0.8–1']],
    ['two halves of one id', 10, ['0 a 0+10c', '1 a 1+8s', '2 b 2+1'],
      ['a under -1, 1/1, 2 below, 0–1', 'a-server under 0, 1/1, 1 below, 0.1–0.9', 'b under 1, 1/1, 0 below, 0.2–0.3']],
  ])('%s', (_, duration, spans, want) => {
    expect(lay(duration, ...spans).map((r) =>
      `${r.key} under ${r.parent}, ${r.position}/${r.siblings}, ${r.below} below, ${round(r.left)}–${round(r.left + r.width)}`)).toEqual(want)
  })

  test('failures are counted upwards', () => {
    expect(lay(10, '0 a 0+10', '1 b 1+4!', '2 c 2+1!', '1 d 5+5').map((r) => r.failedBelow)).toEqual([2, 1, 0, 0])
  })
})

const rows = lay(10, '0 a 0+10', '1 b 1+4', '2 c 2+1', '1 d 5+5')

test('what is below a shut row is out of sight', () => {
  expect(inSight(rows, new Set()).map((r) => r.key)).toEqual(['a', 'b', 'c', 'd'])
  expect(inSight(rows, new Set(['b'])).map((r) => r.key)).toEqual(['a', 'b', 'd'])
  expect(inSight(rows, new Set(['a', 'b'])).map((r) => r.key)).toEqual(['a'])
})

test.each([
  ['ArrowDown', undefined, '', { select: 'a' }],
  ['ArrowDown', 'a', '', { select: 'b' }],
  ['ArrowDown', 'b', 'b', { select: 'd' }],
  ['ArrowDown', 'd', '', undefined],
  ['ArrowUp', 'd', 'b', { select: 'b' }],
  ['ArrowUp', 'a', '', undefined],
  ['ArrowUp', undefined, '', { select: 'a' }],
  ['Home', 'd', '', { select: 'a' }],
  ['End', 'a', 'b', { select: 'd' }],
  ['ArrowRight', 'b', 'b', { open: 'b' }],
  ['ArrowRight', 'b', '', { select: 'c' }],
  ['ArrowRight', 'c', '', undefined],
  ['ArrowLeft', 'b', '', { shut: 'b' }],
  ['ArrowLeft', 'b', 'b', { select: 'a' }],
  ['ArrowLeft', 'c', '', { select: 'b' }],
  ['ArrowLeft', 'a', 'a', undefined],
  ['x', 'a', '', undefined],
] as const)('%s at %s with %s shut', (key, at, shut, want) => {
  expect(moveBy(key, rows, new Set(shut ? [shut] : []), at)).toEqual(want)
})

test.each([
  [0, [0]], [10, [0, 2, 4, 6, 8, 10]], [0.37, [0, 0.1, 0.2, 0.3]], [1234, [0, 500, 1000]], [99, [0, 20, 40, 60, 80]],
])('ticks of %s ms', (duration, want) => expect(ticks(duration)).toEqual(want))

function round(share: number): number {
  return Math.round(share * 1000) / 1000
}

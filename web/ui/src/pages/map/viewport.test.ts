import { expect, test } from 'vitest'
import { firstViewport, whole } from './viewport'

const positions = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [String(n), { x: n * 300, y: n === 0 ? 500 : n * 100 }]))
const layout = { positions, routes: {} }

test('a phone begins with what is called first, and large enough for names', () => {
  const { x, y, zoom } = firstViewport(layout, 390, 600)
  expect(whole(layout, 390, 600).zoom).toBeLessThan(0.2)
  expect(zoom).toBeGreaterThan(0.2)
  expect(x).toBe(16)
  expect(500 * zoom + y).toBeGreaterThan(200)
  expect(500 * zoom + y).toBeLessThan(400)
})

test('a wide window begins with everything, and so does a phone if that can be read', () => {
  expect(firstViewport(layout, 1400, 800)).toEqual(whole(layout, 1400, 800))
  const small = { positions: { a: { x: 0, y: 0 }, b: { x: 300, y: 0 } }, routes: {} }
  expect(firstViewport(small, 390, 600)).toEqual(whole(small, 390, 600))
})

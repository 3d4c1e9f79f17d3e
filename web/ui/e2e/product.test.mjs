import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { api, eventually, launch, open } from './browser.mjs'

// The product with demo traffic, as somebody sees it who opens it in a browser.

let browser
before(async () => {
  browser = await launch()
  await eventually('the demo has reached every service', async () => {
    const g = await api('/graph')
    return ['web', 'gateway', 'checkout', 'payment', 'email', 'analytics', 'notification', 'orders.placed', 'mail.tasks'].every((name) => g.nodes.some((n) => n.name === name))
  }, 90_000)
})
after(() => browser?.close())

const box = (page, name) => page.locator('.box', { has: page.locator(`.box-name:text-is("${name}")`) })

test('the map shows the services and the edges of the demo', async () => {
  const { page, problems, close } = await open(browser, '/')
  await page.locator('.box').first().waitFor()
  for (const name of ['web', 'gateway', 'checkout', 'orders', 'orders.placed', 'notification']) {
    assert.equal(await box(page, name).count(), 1, `box of ${name}`)
  }
  const g = await api('/graph')
  const byName = Object.fromEntries(g.nodes.map((n) => [n.name, n.id]))
  for (const [caller, callee] of [['web', 'gateway'], ['gateway', 'checkout'], ['checkout', 'payment'], ['orders', 'orders.placed'], ['orders.placed', 'email']]) {
    const edge = g.edges.find((e) => e.caller === byName[caller] && e.callee === byName[callee])
    assert.ok(edge, `${caller} → ${callee} in the API`)
    assert.equal(await page.locator(`.arrow[data-edge="${edge.id}"]`).count(), 1, `arrow ${caller} → ${callee}`)
  }
  assert.deepEqual(problems, [])
  await close()
})

test('boxes do not overlap, and arrows meet their boxes', async () => {
  const { page, close } = await open(browser, '/map')
  await page.locator('.box').first().waitFor()
  const overlaps = await page.evaluate(() => {
    const boxes = [...document.querySelectorAll('.box')].map((b) => ({ name: b.querySelector('.box-name').textContent, r: b.getBoundingClientRect() }))
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) =>
      a.r.left < b.r.right - 1 && b.r.left < a.r.right - 1 && a.r.top < b.r.bottom - 1 && b.r.top < a.r.bottom - 1).map((b) => `${a.name} and ${b.name}`))
  })
  assert.deepEqual(overlaps, [])
  await close()
})

test('a click opens the panel with charts, and the URL restores it', async () => {
  const { page, problems, close } = await open(browser, '/map')
  await box(page, 'checkout').click()
  const panel = page.getByRole('complementary', { name: 'Details' })
  await panel.getByRole('heading', { name: 'checkout' }).waitFor()
  for (const chart of ['Rate', 'Errors', 'Duration']) {
    await panel.locator(`[data-chart="${chart}"] canvas`).waitFor()
  }
  await panel.getByText('shop.Checkout/Place').first().waitFor()
  const url = page.url()
  assert.match(url, /[?&]node=[0-9a-f]{16}/)

  const again = await open(browser, new URL(url).pathname + new URL(url).search)
  await again.page.getByRole('complementary', { name: 'Details' }).getByRole('heading', { name: 'checkout' }).waitFor()
  assert.equal(await box(again.page, 'checkout').getAttribute('aria-pressed'), 'true')
  await again.close()

  await page.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
  assert.doesNotMatch(page.url(), /node=/)
  assert.deepEqual(problems, [])
  await close()
})

test('an edge opens with the numbers of both sides', async () => {
  const g = await api('/graph')
  const name = Object.fromEntries(g.nodes.map((n) => [n.id, n.name]))
  const edge = g.edges.find((e) => name[e.caller] === 'gateway' && name[e.callee] === 'checkout')
  const { page, problems, close } = await open(browser, `/map?edge=${edge.id}`)
  const panel = page.getByRole('complementary', { name: 'Details' })
  await panel.getByRole('columnheader', { name: 'client' }).waitFor()
  await panel.getByRole('columnheader', { name: 'server' }).waitFor()
  await panel.locator('[data-chart="Rate"] canvas').waitFor()
  await panel.getByText('POST /api/checkout').first().waitFor()
  assert.deepEqual(problems, [])
  await close()
})

test('the table says the same as the API', async () => {
  // A window that is over, so that both are asked about the same calls.
  const to = new Date(Math.floor(Date.now() / 10_000) * 10_000).toISOString()
  const from = new Date(Date.parse(to) - 3600_000).toISOString()
  const { page, problems, close } = await open(browser, `/table?from=${from}&to=${to}&sort=-calls`)
  await page.getByRole('table', { name: 'Nodes' }).waitFor()
  const rows = await page.locator('tr[data-id]').evaluateAll((trs) =>
    trs.map((tr) => ({ id: tr.dataset.id, calls: Number(tr.querySelector('[data-column="calls"]').textContent.replaceAll(',', '')) })))
  const g = await api(`/graph?from=${from}&to=${to}`)
  const calls = Object.fromEntries(g.nodes.map((n) => [n.id, n.calls]))
  assert.ok(rows.length >= 15, `${rows.length} rows`)
  assert.deepEqual(rows.filter((r) => r.calls !== calls[r.id]), [])
  assert.deepEqual(rows.map((r) => r.calls), rows.map((r) => r.calls).toSorted((a, b) => b - a), 'sorted by calls')

  await page.getByRole('button', { name: 'Edges' }).click()
  await page.getByRole('table', { name: 'Edges' }).waitFor()
  assert.match(page.url(), /rows=edges/)
  const edges = await page.locator('tr[data-id]').evaluateAll((trs) => trs.map((tr) => tr.dataset.id))
  assert.deepEqual(edges.filter((id) => !g.edges.some((e) => e.id === id)), [])
  assert.deepEqual(problems, [])
  await close()
})

test('the keyboard finds, walks and opens', async () => {
  const { page, close } = await open(browser, '/map')
  await page.locator('.box').first().waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('paym')
  await page.getByRole('option', { name: /payment/ }).first().waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('complementary', { name: 'Details' }).getByRole('heading', { name: 'payment' }).waitFor()
  await page.keyboard.press('Escape')

  const map = page.locator('.react-flow').first()
  await map.focus()
  await page.keyboard.press('Home')
  const first = await map.getAttribute('aria-activedescendant')
  await page.keyboard.press('ArrowRight')
  const second = await map.getAttribute('aria-activedescendant')
  assert.ok(first && second && first !== second, `walked from ${first} to ${second}`)
  await page.keyboard.press('Enter')
  await page.getByRole('complementary', { name: 'Details' }).waitFor()
  assert.equal(new URL(page.url()).searchParams.get('node'), second.replace(/^box-/, ''))
  await close()
})

test('a refresh moves nothing', async () => {
  const { page, close } = await open(browser, '/map')
  await page.locator('.box').first().waitFor()
  const places = () => page.locator('.react-flow__node').evaluateAll((ns) => Object.fromEntries(ns.map((n) => [n.dataset.id, n.style.transform])))
  const shown = () => page.locator('[aria-label="Summary"]').innerText()
  const old = { places: await places(), shown: await shown() }
  await eventually('new numbers', async () => (await shown()) !== old.shown)
  const now = await places()
  for (const [id, place] of Object.entries(old.places)) assert.equal(now[id], place, `box ${id} moved`)
  await close()
})

test('a window without data tells how to send some', async () => {
  const { page, close } = await open(browser, '/map?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z')
  await page.getByRole('heading', { name: 'Waiting for the first traces' }).waitFor()
  await page.getByRole('tab', { name: /SDK/ }).click()
  await page.getByText(/OTEL_EXPORTER_OTLP_ENDPOINT/).waitFor()
  await close()
})

test('filters and the focus live in the URL', async () => {
  const g = await api('/graph')
  const cart = g.nodes.find((n) => n.name === 'cart')
  const { page, close } = await open(browser, `/map?focus=${cart.id}&environment=demo`)
  await box(page, 'cart').waitFor()
  assert.equal(await box(page, 'search').count(), 0, 'search is two hops away')
  assert.equal(await box(page, 'checkout').count(), 1)
  await page.getByRole('button', { name: 'One hop more' }).click()
  await box(page, 'web').waitFor()
  assert.match(page.url(), /depth=2/)
  await close()
})

test('what was asked and cannot be answered is said in words', async () => {
  const { page, close } = await open(browser, '/map?node=00000000000000ff')
  await page.getByRole('alert').getByText(/seen/).first().waitFor()
  await close()
})

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

for (const colorScheme of ['light', 'dark']) {
  for (const path of ['/map', '/table', '/table?rows=edges', '/map?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z', 'panel']) {
    test(`axe finds nothing serious: ${path}, ${colorScheme}`, async () => {
      const at = path === 'panel' ? `/map?node=${(await api('/graph')).nodes.find((n) => n.name === 'checkout').id}` : path
      const { page, close } = await open(browser, at, { colorScheme })
      await page.getByRole(path.startsWith('/table') ? 'table' : 'heading').first().waitFor({ state: 'attached' })
      if (path === 'panel') await page.locator('[data-chart="Duration"] canvas').waitFor()
      await page.evaluate(axe)
      const found = await page.evaluate(async () => {
        const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] })
        return violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
          .map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`)
      })
      assert.deepEqual(found, [])
      await close()
    })
  }
}

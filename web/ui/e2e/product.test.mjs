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

const box = (page, name) => page.locator('.box', { has: page.locator(`.box-name[title="${name}"]`) })

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
  await panel.getByRole('list', { name: 'Criticality by operation' }).getByText(/failed with it, .* survived it/).first().waitFor()
  assert.deepEqual(problems, [])
  await close()
})

test('the table says the same as the API', async () => {
  // A window that is over, so that both are asked about the same calls.
  const to = new Date(Math.floor(Date.now() / 10_000) * 10_000).toISOString()
  const from = new Date(Date.parse(to) - 3600_000).toISOString()
  const { page, problems, close } = await open(browser, `/table?from=${from}&to=${to}&sort=-calls`)
  // Its last spans may still be on their way: the page counts when the API says the same before and after it.
  const [rows, g] = await eventually('a window in which nothing changes', async () => {
    const earlier = await api(`/graph?from=${from}&to=${to}`)
    await page.reload()
    await page.getByRole('table', { name: 'Nodes' }).waitFor()
    const shown = await page.locator('tr[data-id]').evaluateAll((trs) =>
      trs.map((tr) => ({ id: tr.dataset.id, calls: Number(tr.querySelector('[data-column="calls"]').textContent.replaceAll(',', '')) })))
    const later = await api(`/graph?from=${from}&to=${to}`)
    const counts = (graph) => JSON.stringify(graph.nodes.map((n) => [n.id, n.calls]))
    return counts(earlier) === counts(later) && [shown, later]
  }, 120_000)
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

test('what of an address is not understood is said, and that it is left out', async () => {
  const { page, problems, close } = await open(browser, '/map?from=yesterday&lens=errors&depht=2')
  const note = page.getByRole('status').filter({ hasText: 'Not understood in the address' })
  await note.getByText('from=yesterday, depht=2').waitFor()
  await page.getByRole('button', { name: 'Time: Last 15 minutes' }).waitFor()
  await note.getByRole('button', { name: 'Close' }).click()
  await note.waitFor({ state: 'detached' })
  assert.deepEqual(problems, [])
  await close()
})

test('what was asked and cannot be answered is said in words', async () => {
  const { page, close } = await open(browser, '/map?node=00000000000000ff')
  await page.getByRole('alert').getByText(/seen/).first().waitFor()
  await close()
})

test('the pipeline page says how ingest fares and that every half is accounted for', async () => {
  await eventually('a report of ingest and some halves', async () => {
    const p = await api('/pipeline')
    return p.replicas.length > 0 && p.doctor.halves > 0 && p.doctor.services.length >= 10
  })
  const { page, problems, close } = await open(browser, '/map')
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Pipeline' }).click()
  await page.getByRole('heading', { name: 'Pipeline', level: 1 }).waitFor()
  assert.equal(new URL(page.url()).pathname, '/pipeline')
  await page.locator('tr[data-replica][data-state="reporting"]').first().waitFor()
  await page.locator('[data-check="even"]').waitFor()
  const p = await api('/pipeline')
  assert.equal(p.doctor.unaccounted, 0)
  assert.equal(p.doctor.halves, p.doctor.paired + p.doctor.other)
  assert.ok(p.total.accepted_spans.value > 0 && p.total.accepted_spans.per_second > 0, 'spans are accepted')
  for (const name of ['gateway', 'checkout', 'payment']) {
    assert.equal(await page.locator(`[data-service="${name}"]`).count(), 1, `${name} in the doctor's list`)
  }
  for (const s of p.doctor.services) for (const f of s.findings) assert.ok(f.cause && f.repair, `${s.node.name}: ${f.reason} without words`)

  await page.getByRole('button', { name: 'Incoming (server)' }).click()
  await page.locator('button[aria-pressed="true"]', { hasText: 'Incoming' }).waitFor()
  assert.match(page.url(), /side=server/)
  assert.equal(await page.locator('[data-service]', { hasText: 'outgoing:' }).count(), 0)
  assert.deepEqual(problems, [])
  await close()
})

test('the pipeline page explains a window in which nothing was reported', async () => {
  const { page, problems, close } = await open(browser, '/pipeline?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z')
  await page.getByRole('heading', { name: /No ingest process has reported/ }).waitFor()
  await page.getByText(/No half call was counted/).waitFor()
  assert.deepEqual(problems, [])
  await close()
})

/** A trace kept as evidence in which there are calls. */
const evidence = () => eventually('a trace kept as evidence', async () => {
  for (const t of (await api('/traces?from=now-1h')).traces) {
    const trace = await api(`/traces/${t.id}`)
    if (trace.spans.length >= 3 && trace.spans.some((s) => s.depth > 0) && trace.spans.some((s) => s.call?.edge)) return trace
  }
  return undefined
}, 120_000)

test('a trace is a tree that the keyboard walks, opens and shuts', async () => {
  const trace = await evidence()
  const { page, problems, close } = await open(browser, `/traces/${trace.id}`)
  const grid = page.getByRole('treegrid', { name: 'Spans' })
  await grid.waitFor()
  const rows = async () => Number(await grid.getAttribute('aria-rowcount')) - 1
  const current = async () => page.locator(`#${await grid.getAttribute('aria-activedescendant')}`)
  assert.equal(await rows(), trace.spans.length)

  await grid.focus()
  await page.keyboard.press('Home')
  await page.locator('[role="row"][aria-selected="true"]').waitFor()
  assert.match(page.url(), /span=/)
  const first = await current()
  assert.equal(await first.getAttribute('aria-level'), '1')
  assert.equal(await first.getAttribute('aria-expanded'), 'true')
  await page.keyboard.press('ArrowLeft')
  await eventually('the first span is shut', async () => (await rows()) < trace.spans.length && (await first.getAttribute('aria-expanded')) === 'false', 5000)
  assert.match(page.url(), /shut=/)

  const again = await open(browser, new URL(page.url()).pathname + new URL(page.url()).search)
  await again.page.locator('[role="row"][aria-selected="true"][aria-expanded="false"]').waitFor()
  await again.close()

  await page.keyboard.press('ArrowRight')
  await eventually('the first span is open', async () => (await rows()) === trace.spans.length, 5000)
  await page.keyboard.press('ArrowRight')
  await eventually('its first child is selected', async () => (await (await current()).getAttribute('aria-level')) === '2', 5000)
  await page.getByRole('region', { name: 'Selected span' }).getByText(trace.spans[1].id, { exact: true }).waitFor()

  const failed = trace.spans.filter((s) => s.outcomes.includes('failed')).length
  if (failed > 0 && trace.spans.length < 15) {
    assert.equal(await page.locator('[role="row"]', { has: page.locator('[data-health="bad"]') }).filter({ hasText: 'failed' }).count(), failed, 'failed spans say so in a shape and a word')
  }
  assert.deepEqual(problems, [])
  await close()
})

test('an edge leads to example traces, and a span back to its edge', async () => {
  const trace = await evidence()
  const edge = trace.spans.find((s) => s.call?.edge).call.edge
  const outcome = (await api(`/traces?from=now-1h&edge=${edge}&outcome=ok`)).traces.length > 0 ? 'ok' : 'failed'
  const { page, problems, close } = await open(browser, `/map?from=now-1h&edge=${edge}`)
  const panel = page.getByRole('complementary', { name: 'Details' })
  await panel.getByRole('button', { name: 'Slowest', exact: true }).click()
  const [slowest] = (await api(`/traces?from=now-1h&edge=${edge}&order=slowest&limit=1`)).traces
  assert.ok(slowest.duration_ms > 0)
  await panel.getByRole('list', { name: 'Example traces' }).getByRole('link').first().waitFor()
  await panel.getByRole('button', { name: outcome === 'ok' ? 'Did not fail' : 'Failed', exact: true }).click()
  await panel.getByRole('list', { name: 'Example traces' }).getByRole('link').first().click()
  await page.getByRole('treegrid', { name: 'Spans' }).waitFor()
  assert.match(new URL(page.url()).pathname, /^\/traces\/[0-9a-f]{32}$/)
  assert.doesNotMatch(page.url(), /edge=/)

  await page.goBack()
  await panel.getByRole('list', { name: 'Example traces' }).waitFor()
  assert.match(page.url(), /edge=/)

  const span = trace.spans.find((s, i) => s.call?.edge && trace.spans.findIndex((x) => x.id === s.id) === i)
  if (span) {
    const back = await open(browser, `/traces/${trace.id}?from=now-1h&span=${span.id}`)
    await back.page.getByRole('link', { name: 'All calls between them' }).click()
    await back.page.getByRole('complementary', { name: 'Details' }).getByRole('heading', { name: `${span.call.caller_name} calls ${span.call.callee_name}` }).waitFor({ state: 'attached' })
    assert.deepEqual(back.problems, [])
    await back.close()
  }
  assert.deepEqual(problems, [])
  await close()
})

test('a service says whether its requests survive its dependencies', async () => {
  const g = await api('/graph')
  const id = g.nodes.find((n) => n.name === 'checkout').id
  const callee = await eventually('outcomes of checkout', async () => {
    const o = await api(`/nodes/${id}/outcomes`)
    return o.as_caller.length > 0 && o.nodes.find((n) => n.id === o.as_caller[0].callee)
  }, 120_000)
  const { page, problems, close } = await open(browser, `/map?node=${id}`)
  const table = page.getByRole('complementary', { name: 'Details' }).getByRole('table', { name: 'Outcomes by dependency' })
  await table.getByRole('rowheader', { name: callee.name }).waitFor()
  for (const column of ['Requests', 'Failed with it', 'Survived it', 'Retries', 'Timeouts']) {
    await table.getByRole('columnheader', { name: column }).waitFor()
  }
  assert.deepEqual(problems, [])
  await close()
})

test('a trace that is not kept, and one that cannot be, are explained', async () => {
  for (const [id, words] of [['f'.repeat(32), /is not kept/], ['abc', /must have 32/]]) {
    const { page, close } = await open(browser, `/traces/${id}`)
    await page.getByRole('alert').getByText(words).waitFor()
    await close()
  }
})

test('the incidents page names what is wrong, or says that nothing is', async () => {
  const { page, problems, close } = await open(browser, '/map')
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Incidents' }).click()
  await page.getByRole('heading', { name: 'Incidents', level: 1 }).waitFor()
  const { incidents } = await api('/incidents')
  if (incidents.length === 0) await page.getByText(/Nothing has gone wrong yet/).waitFor()
  else {
    const first = page.locator(`[data-incident="${incidents[0].id}"]`)
    await first.getByRole('link').click()
    await page.getByRole('region', { name: 'Timeline' }).getByRole('list', { name: 'Timeline' }).waitFor()
    assert.equal(new URL(page.url()).pathname, `/incidents/${incidents[0].id}`)
    await page.getByRole('region', { name: 'How it spread' }).waitFor()
    for (const c of incidents[0].candidates) await page.locator(`[data-candidate="${c.node_name}"]`).getByText(/./).first().waitFor()
    for (const s of incidents[0].path.filter((x) => x.traces.length > 0)) {
      await page.locator(`[data-step="${s.caller_name}>${s.callee_name}"]`).getByRole('link', { name: 'Example trace 1' }).waitFor()
    }
  }
  assert.deepEqual(problems, [])
  await close()
})

test('a finding is acknowledged and taken back', async () => {
  const { findings } = await eventually('a finding', async () => {
    const got = await api('/findings')
    return got.findings.length > 0 && got
  }, 240_000)
  const { page, problems, close } = await open(browser, `/findings?finding=${findings[0].id}`)
  const item = page.locator(`[data-finding="${findings[0].kind}"]`, { hasText: findings[0].title })
  await item.getByRole('region', { name: 'Evidence' }).waitFor()
  await item.getByRole('region', { name: 'History' }).getByText(/opened/).first().waitFor()
  await item.getByLabel('Your name').fill('Sue')
  await item.getByRole('button', { name: 'Acknowledge' }).click()
  await item.getByText('acknowledged by Sue').waitFor()
  assert.equal((await api(`/findings/${findings[0].id}`)).finding.mark.by, 'Sue')
  await item.getByRole('button', { name: 'Take that back' }).click()
  await item.getByText('acknowledged by Sue').waitFor({ state: 'detached' })
  await eventually('no mark', async () => (await api(`/findings/${findings[0].id}`)).finding.mark === null, 30_000)
  assert.deepEqual(problems, [])
  await close()
})

test('a hotspot leads to the question what its failure would do', async () => {
  await eventually('hotspots', async () => (await api('/hotspots')).hotspots.some((h) => h.node_name === 'gateway'), 240_000)
  const { page, problems, close } = await open(browser, '/hotspots')
  const gateway = page.locator('[data-hotspot="gateway"]')
  await gateway.getByRole('button').click()
  await gateway.getByRole('table').waitFor()
  await gateway.getByRole('link', { name: 'What if it goes down?' }).click()
  await page.getByRole('heading', { name: 'What if', level: 1 }).waitFor()
  const answer = page.getByRole('region', { name: 'Answer' })
  await answer.getByRole('table').waitFor()
  const fails = Number(await answer.locator('[data-fails]').getAttribute('data-fails'))
  assert.ok(fails > 0.3, `the gateway takes down ${fails} of the requests`)
  assert.match(page.url(), /act=down\./)
  await page.getByRole('button', { name: 'Start over' }).click()
  await page.getByLabel('Node').fill('catalog (shop)')
  await page.getByLabel('What happens').last().selectOption('slow')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.locator('[data-action="slow"]').waitFor()
  await answer.getByText(/get slower/).waitFor()
  await page.getByRole('link', { name: 'See it on the map' }).click()
  await box(page, 'catalog').getByText('+ 400 ms').waitFor()
  assert.deepEqual(problems, [])
  await close()
})

test('a service page shows its dependencies with verdicts, and leads to an edge and back', async () => {
  const g = await api('/graph')
  const id = g.nodes.find((n) => n.name === 'checkout').id
  await eventually('verdicts on the dependencies of checkout', async () => (await api(`/dependencies?node=${id}`)).edges.some((e) => e.caller === id), 120_000)
  const { page, problems, close } = await open(browser, `/map?node=${id}`)
  await page.getByRole('complementary', { name: 'Details' }).getByRole('link', { name: 'Open page' }).click()
  await page.getByRole('heading', { name: 'checkout', level: 1 }).waitFor()
  assert.equal(new URL(page.url()).pathname, `/nodes/${id}`)
  const known = await api(`/dependencies?node=${id}`)
  const dependencies = page.getByRole('table', { name: 'Dependencies' })
  for (const name of ['cart', 'inventory', 'payment', 'fraud', 'shipping', 'orders']) {
    const row = dependencies.locator(`[data-neighbour="${name}"]`)
    const callee = g.nodes.find((n) => n.name === name && n.type === 'service').id
    const verdict = known.edges.find((e) => e.caller === id && e.callee === callee)?.verdict
    if (verdict) await row.getByText(new RegExp(`^${verdict}$`, 'i')).waitFor()
  }
  await page.getByRole('table', { name: 'Dependents' }).locator('[data-neighbour="gateway"]').waitFor()
  await page.locator('[data-chart="Duration"] canvas').waitFor()
  await page.getByRole('region', { name: 'Fragility' }).waitFor()

  await dependencies.getByRole('link', { name: 'checkout calls payment: details' }).click()
  await page.getByRole('heading', { name: /checkout.*payment/, level: 1 }).waitFor()
  await page.getByRole('table', { name: 'Requests by outcome, shop.Checkout/Place' }).getByRole('rowheader', { name: /It answered/ }).waitFor()
  await page.locator('[data-chart="Duration, callee’s side"] canvas').waitFor()
  for (const part of ['Criticality', 'By call site', 'Failed calls', 'Calls that did not fail', 'Resilience practices', 'Changes over time', 'Findings']) {
    await page.getByRole('region', { name: part, exact: true }).waitFor()
  }
  await page.getByRole('heading', { level: 1 }).getByRole('link', { name: 'checkout' }).click()
  await page.getByRole('heading', { name: 'checkout', level: 1 }).waitFor()
  assert.deepEqual(problems, [])
  await close()
})

test('what was not seen in the window offers a longer one', async () => {
  const { page, close } = await open(browser, '/nodes/00000000000000ff')
  await page.getByRole('heading', { name: 'Not seen in this window' }).waitFor()
  await page.getByRole('button', { name: 'Look at the last 24 hours' }).click()
  await eventually('a longer window', async () => /from=now-24h/.test(page.url()), 5000)
  await close()
})

test('a lens changes what is drawn, in the map and in the table', async () => {
  const { edges } = await api('/dependencies')
  const g = await api('/graph')
  const { page, problems, close } = await open(browser, '/map')
  await page.locator('.box').first().waitFor()
  assert.equal(await page.locator('.arrow[data-verdict]').count(), 0)
  await page.getByRole('group', { name: 'Lens' }).getByRole('button', { name: 'Criticality' }).click()
  await page.locator('.arrow[data-verdict]').first().waitFor({ state: 'attached' }) // a level arrow has no height, which counts as hidden
  assert.match(page.url(), /lens=criticality/)
  const judged = g.edges.map((e) => [e.id, edges.find((v) => v.caller === e.caller && v.callee === e.callee)?.verdict]).filter(([, v]) => v)
  for (const [id, verdict] of judged.slice(0, 10)) await page.locator(`.arrow[data-edge="${id}"][data-verdict="${verdict}"]`).waitFor({ state: 'attached' })
  await page.getByRole('button', { name: 'Legend' }).click()
  await page.getByText('hard: the caller fails with the callee').waitFor()

  await page.getByRole('group', { name: 'Lens' }).getByRole('button', { name: 'Latency' }).click()
  await page.locator('.box[data-level] .box-reading').first().waitFor()
  assert.match(await box(page, 'gateway').locator('.box-reading').innerText(), /m?s$/)
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Table' }).click()
  await page.getByRole('columnheader', { name: 'Latency' }).waitFor()
  assert.deepEqual(problems, [])
  await close()
})

test('the lens of change shows what differs from the time before', async () => {
  // A minute that is over, so that the page and this test see the same.
  const to = new Date(Math.floor((Date.now() - 20_000) / 10_000) * 10_000)
  const window = `from=${new Date(to - 60_000).toISOString()}&to=${to.toISOString()}`
  const { items, compared } = await api(`/changes?${window}`)
  assert.ok(compared > 0, 'nothing to compare')
  const { page, problems, close } = await open(browser, `/map?${window}`)
  await page.locator('.box').first().waitFor()
  await page.getByRole('group', { name: 'Lens' }).getByRole('button', { name: 'Change' }).click()
  await page.locator('.map[data-lens="change"] .box-reading').first().waitFor()
  assert.match(page.url(), /lens=change/)
  for (const { edge } of items.filter((i) => i.edge).slice(0, 10)) await page.locator(`.arrow[data-edge="${edge}"][data-rating]`).waitFor({ state: 'attached' })
  for (const { node } of items.filter((i) => i.kind === 'node_lost')) await page.locator(`.box#box-${node}[data-gone="true"]`).waitFor()
  await page.getByRole('button', { name: 'Legend' }).click()
  await page.getByText('dotted: gone, as it was before').waitFor()
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Table' }).click()
  await page.getByRole('columnheader', { name: 'Change' }).waitFor()
  assert.deepEqual(problems, [])
  await close()
})

test('changes compare an hour, unless another time is chosen', async () => {
  const { page, problems, close } = await open(browser, '/map')
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Changes' }).click()
  await page.getByRole('button', { name: 'Time: Last hour' }).click()
  await page.getByRole('button', { name: 'Last 15 minutes' }).click()
  await page.getByRole('button', { name: 'Time: Last 15 minutes' }).waitFor()
  await page.reload()
  await page.getByRole('button', { name: 'Time: Last 15 minutes' }).waitFor()
  assert.match(page.url(), /\/changes/)
  assert.deepEqual(problems, [])
  await close()
})

test('a finding opens its evidence and leads to what it is about', async () => {
  const { findings } = await eventually('a finding about a node', async () => {
    const got = await api('/findings?state=all')
    return got.findings.some((f) => f.node) && got
  }, 240_000)
  const finding = findings.find((f) => f.node)
  const { page, problems, close } = await open(browser, `/findings?state=all&about=${finding.node}`)
  const item = page.locator(`[data-finding][data-id="${finding.id}"]`)
  await item.getByRole('button').first().click()
  const facts = item.getByRole('region', { name: 'Evidence' })
  await eventually('the facts and the traces that the API tells of', async () => { // an incident may still grow
    const now = (await api('/findings?state=all')).findings.find((f) => f.id === finding.id)
    const shown = await facts.getByRole('rowheader').allTextContents()
    const traces = await facts.getByRole('link').allTextContents()
    return now.facts.every((f) => shown.includes(f.name)) && (now.traces.length === 0 || traces.some((t) => t.includes(now.traces[0].slice(0, 8))))
  })
  await page.getByLabel('Kind').selectOption(finding.kind.split('.')[0])
  assert.match(page.url(), /kind=/)
  await item.getByRole('group', { name: 'Subject' }).getByRole('link', { name: finding.node_name, exact: true }).click()
  await page.getByRole('heading', { level: 1 }).getByText(finding.node_name).waitFor()
  assert.equal(new URL(page.url()).pathname, `/nodes/${finding.node}`)
  assert.deepEqual(problems, [])
  await close()
})

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

for (const colorScheme of ['light', 'dark']) {
  for (const path of ['/map', '/table', '/table?rows=edges', '/map?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z', 'panel', '/pipeline', '/pipeline?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z', 'trace', '/incidents', '/findings', '/hotspots', '/whatif', '/objectives', 'node page', 'edge page', 'incident', '/map?lens=criticality', '/table?lens=fragility', '/map?lens=change&from=now-1m']) {
    test(`axe finds nothing serious: ${path}, ${colorScheme}`, async () => {
      let at = path
      if (path === 'panel') at = `/map?node=${(await api('/graph')).nodes.find((n) => n.name === 'checkout').id}`
      if (path === 'node page') at = `/nodes/${(await api('/graph')).nodes.find((n) => n.name === 'checkout').id}`
      if (path === 'edge page') at = `/edges/${(await api('/graph')).edges.find((e) => e.protocol === 'grpc').id}`
      if (path === 'incident') at = `/incidents/${(await api('/incidents')).incidents[0]?.id ?? 'none'}`
      if (path === 'trace') {
        const trace = await evidence()
        at = `/traces/${trace.id}?span=${trace.spans[1].id}`
      }
      const { page, close } = await open(browser, at, { colorScheme })
      await page.getByRole(path.startsWith('/table') ? 'table' : 'heading').first().waitFor({ state: 'attached' })
      if (path === 'panel' || path === 'node page') await page.locator('[data-chart="Duration"] canvas').waitFor()
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

test('an incident in which nothing fails shows the slowest traces of what is slow', async () => {
  const slow = await eventually('a slow incident', async () => (await api('/incidents')).incidents.find((i) => i.sign === 'slow'), 300_000)
  const { page, problems, close } = await open(browser, `/incidents/${slow.id}`)
  const cause = page.locator(`[data-candidate="${slow.candidates[0].node_name}"]`)
  await cause.getByRole('link', { name: 'Slowest trace 1' }).click()
  await page.getByRole('treegrid', { name: 'Spans' }).waitFor()
  assert.match(new URL(page.url()).pathname, /^\/traces\/[0-9a-f]{32}$/)
  assert.deepEqual(problems, [])
  await close()
})

// Takes the pictures of the documentation from the running product: FAULTLINE_URL=… npm run screenshots
// With names after it, such as `-- node edge`, only those.
import { mkdir } from 'node:fs/promises'
import { api, eventually, launch, open } from './browser.mjs'

const folder = new URL('../../../docs/images/', import.meta.url).pathname
await mkdir(folder, { recursive: true })
const browser = await launch()
const g = await eventually('a graph', async () => {
  const got = await api('/graph')
  return got.nodes.length > 20 && got
})
const id = (name) => g.nodes.find((n) => n.name === name && n.type === 'service').id
const edge = (caller, callee) => g.edges.find((e) => e.caller === id(caller) && e.callee === id(callee)).id
const { findings } = await api('/findings?state=all')
const finding = findings.find((f) => f.kind.startsWith('dependency.')) ?? findings[0]
const shots = [
  ['map-light', '/map', 'light'],
  ['map-dark', '/map', 'dark'],
  ['panel', `/map?node=${id('checkout')}`, 'light'],
  ['table', '/table?rows=edges&sort=-errors', 'light'],
  ['lens-criticality', '/map?lens=criticality', 'light'],
  ['node', `/nodes/${id('checkout')}`, 'light'],
  ['edge', `/edges/${edge('checkout', 'payment')}`, 'light'],
  ['pipeline', '/pipeline', 'light'],
  ['findings', `/findings?state=all&finding=${finding?.id ?? ''}`, 'light'],
  ['hotspots', `/hotspots?spot=${id('gateway')}`, 'light'],
  ['whatif', `/whatif?act=down.${id('catalog')}`, 'light'],
]
const failed = (await api('/traces?outcome=failed&from=now-1h')).traces[0]
// The incident that spread furthest says most.
const [widest] = (await api('/incidents')).incidents.toSorted((a, b) => b.path.length - a.path.length)
if (widest) shots.push(['incident', `/incidents/${widest.id}`, 'light'])
if (failed) shots.push(['trace', `/traces/${failed.id}`, 'light'])
const shows = { '/table': 'tr[data-id]', '/pipeline': 'tr[data-replica]', '/traces': '[role="row"][aria-level]', '/map': '.box',
  '/incidents': '[data-reached]', '/nodes': '[data-neighbour]', '/edges': '[data-site] table', '/findings': '[data-finding]', '/hotspots': '[data-hotspot="gateway"]', '/whatif': '[data-fails]' }
const wanted = process.argv.slice(2)
for (const [name, path, colorScheme] of shots.filter(([n]) => wanted.length === 0 || wanted.includes(n))) {
  const { page, close } = await open(browser, path, { colorScheme })
  await page.locator(shows[/^\/[a-z]+/.exec(path)[0]]).first().waitFor()
  if (name === 'panel' || name === 'node') await page.locator('[data-chart="Duration"] canvas').waitFor()
  if (name === 'incident') await page.locator('[data-step]').first().getByRole('link', { name: /trace 1$/ }).waitFor()
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: `${folder}${name}.png` })
  await close()
}
await browser.close()

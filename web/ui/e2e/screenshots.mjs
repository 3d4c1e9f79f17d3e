// Takes the pictures of the documentation from the running product: FAULTLINE_URL=… npm run screenshots
import { mkdir } from 'node:fs/promises'
import { api, eventually, launch, open } from './browser.mjs'

const folder = new URL('../../../docs/images/', import.meta.url).pathname
await mkdir(folder, { recursive: true })
const browser = await launch()
const g = await eventually('a graph', async () => {
  const got = await api('/graph')
  return got.nodes.length > 20 && got
})
const id = (name) => g.nodes.find((n) => n.name === name).id
const shots = [
  ['map-light', '/map', 'light'],
  ['map-dark', '/map', 'dark'],
  ['panel', `/map?node=${id('checkout')}`, 'light'],
  ['table', '/table?rows=edges&sort=-errors', 'light'],
  ['pipeline', '/pipeline', 'light'],
  ['incident', '/incidents', 'light'],
  ['findings', '/findings', 'light'],
  ['hotspots', `/hotspots?spot=${id('gateway')}`, 'light'],
  ['whatif', `/whatif?act=down.${id('catalog')}`, 'light'],
]
const failed = (await api('/traces?outcome=failed&from=now-1h')).traces[0]
if (failed) shots.push(['trace', `/traces/${failed.id}`, 'light'])
const shows = { '/table': 'tr[data-id]', '/pipeline': 'tr[data-replica]', '/traces': '[role="row"][aria-level]', '/map': '.box',
  '/incidents': '[data-incident]', '/findings': '[data-finding]', '/hotspots': '[data-hotspot="gateway"]', '/whatif': '[data-fails]' }
for (const [name, path, colorScheme] of shots) {
  const { page, close } = await open(browser, path, { colorScheme })
  await page.locator(shows[/^\/[a-z]+/.exec(path)[0]]).first().waitFor()
  if (name === 'panel') await page.locator('[data-chart="Duration"] canvas').waitFor()
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: `${folder}${name}.png` })
  await close()
}
await browser.close()

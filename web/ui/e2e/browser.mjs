import { chromium } from 'playwright-core'

/** Where the product under test is. */
export const base = process.env.FAULTLINE_URL
if (!base) throw new Error('FAULTLINE_URL is not set: start `faultline up --demo` and set it to the address that it prints')

/** A real browser: the system's Chromium. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
}

/** A page of the product, with whatever goes wrong in it collected in `problems`. */
export async function open(browser, path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', (err) => problems.push(`exception: ${err.message}`))
  page.on('console', (message) => message.type() === 'error' && problems.push(`console: ${message.text()}`))
  await page.goto(base + path)
  return { page, problems, close: () => context.close() }
}

/** Waits until check returns something truthy, and returns it. */
export async function eventually(what, check, withinMs = 60_000) {
  const end = Date.now() + withinMs
  for (let last; ;) {
    try {
      const got = await check()
      if (got) return got
    } catch (err) {
      last = err
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs / 1000} s`, { cause: last })
    await new Promise((resume) => setTimeout(resume, 200))
  }
}

/** The answer of the API. */
export async function api(path) {
  const response = await fetch(`${base}/api/v1${path}`)
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

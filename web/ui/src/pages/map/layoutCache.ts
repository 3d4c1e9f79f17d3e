import { BOX, type Layout } from './layout'

const KEY = 'faultline.layouts'
const KEPT = 12
/** Bigger layouts are cheap to make again compared with the space that browsers give. */
const MAX_NODES = 300

type Entry = [key: string, layout: Layout]

/**
 * The layouts of the topologies seen last, so that going back and reloading show the map where it was. Kept in
 * the browser's local storage; without one (or with a full one) it is only kept in memory.
 */
export class LayoutCache {
  #entries: Entry[]

  constructor(private readonly storage: Storage | undefined = localStorageOrNone()) {
    this.#entries = read(storage)
  }

  get(key: string): Layout | undefined {
    return this.#entries.find(([k]) => k === key)?.[1]
  }

  set(key: string, layout: Layout): void {
    this.#entries = [[key, layout], ...this.#entries.filter(([k]) => k !== key)].slice(0, KEPT) as Entry[]
    const small = this.#entries.filter(([, l]) => Object.keys(l.positions).length <= MAX_NODES)
    try {
      this.storage?.setItem(KEY, JSON.stringify({ box: BOX, entries: small }))
    } catch {
      // Full or forbidden: the layouts in memory are enough for this visit.
    }
  }
}

function read(storage: Storage | undefined): Entry[] {
  try {
    const saved = JSON.parse(storage?.getItem(KEY) ?? 'null') as { box: typeof BOX; entries: Entry[] } | null
    // Layouts for boxes of another size would overlap.
    return saved && saved.box.width === BOX.width && saved.box.height === BOX.height ? saved.entries : []
  } catch {
    return []
  }
}

function localStorageOrNone(): Storage | undefined {
  try {
    return globalThis.localStorage
  } catch {
    return undefined
  }
}

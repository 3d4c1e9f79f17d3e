/** How the stream of events fares. `off` is by choice; in `retrying` the page polls instead. */
export type LiveState = 'off' | 'connecting' | 'open' | 'retrying'

export interface LiveOptions {
  url: string
  /** Called when there is something new to read. */
  onGraph: () => void
  /** Opens a stream; the browser's EventSource unless a test gives its own. */
  open?: (url: string) => EventSource
  /** In [0, 1): spreads the retries of many browsers. */
  random?: () => number
}

const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 30_000

/**
 * Live keeps one stream of server-sent events open while it is started, and says what state it is in. The
 * browser's own retrying gives up on an HTTP error and never backs off, so a broken stream is closed and opened
 * anew, each time later, up to half a minute.
 */
export class Live {
  #state: LiveState = 'off'
  #listeners = new Set<() => void>()
  #stream: EventSource | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  readonly #options: Required<LiveOptions>

  constructor(options: LiveOptions) {
    this.#options = { open: (url) => new EventSource(url), random: Math.random, ...options }
  }

  start(): void {
    if (this.#state === 'off') this.#connect()
  }

  stop(): void {
    this.#close()
    this.#failures = 0
    this.#set('off')
  }

  readonly state = (): LiveState => this.#state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #connect(): void {
    this.#set(this.#failures === 0 ? 'connecting' : 'retrying')
    const stream = this.#options.open(this.#options.url)
    this.#stream = stream
    stream.addEventListener('open', () => {
      const missed = this.#failures > 0
      this.#failures = 0
      this.#set('open')
      if (missed) this.#options.onGraph() // events may have been missed meanwhile
    })
    stream.addEventListener('graph', () => this.#options.onGraph())
    stream.addEventListener('error', () => this.#retry())
  }

  #retry(): void {
    this.#close()
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures) * (0.5 + this.#options.random() / 2)
    this.#failures++
    this.#set('retrying')
    this.#timer = setTimeout(() => this.#connect(), wait)
  }

  #close(): void {
    clearTimeout(this.#timer)
    this.#stream?.close()
    this.#stream = undefined
  }

  #set(state: LiveState): void {
    if (state === this.#state) return
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}

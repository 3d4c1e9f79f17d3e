import type { ElkNode } from 'elkjs/lib/elk-api'
import workerUrl from 'elkjs/lib/elk-worker.min.js?url'

/**
 * Elk lays graphs out in a worker of its own. The worker is elkjs' file as published (EPL-2.0), fetched when
 * the first map is drawn; what is here is only the conversation with it.
 */
export class Elk {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (graph: ElkNode) => void; reject: (err: Error) => void }>()
  #lastId = 0

  constructor(worker = new Worker(workerUrl)) {
    this.#worker = worker
    worker.onmessage = ({ data }: MessageEvent<{ id: number; data: ElkNode; error?: { message?: string } }>) => {
      const caller = this.#waiting.get(data.id)
      this.#waiting.delete(data.id)
      if (data.error) caller?.reject(new Error(`lay out the map: ${data.error.message ?? 'the layout engine gave no reason'}`))
      else caller?.resolve(data.data)
    }
    worker.onerror = (e) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`lay out the map: ${e.message || 'the layout engine did not load'}`))
      this.#waiting.clear()
    }
    worker.postMessage({ id: 0, cmd: 'register', algorithms: ['layered'] })
  }

  /** Lays out a graph and returns it with positions filled in. */
  layout(graph: ElkNode): Promise<ElkNode> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, cmd: 'layout', graph, layoutOptions: {}, options: {} })
    })
  }
}

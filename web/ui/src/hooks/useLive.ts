import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { BASE } from '../api/client'
import { Live, type LiveState } from '../api/live'
import { isMoving, lengthOf } from '../view/range'
import { STILL } from './queries'
import { useView } from './useView'

const HOUR_MS = 3600_000

/** How often the screen is refreshed at most: the longer the window, the less a moment changes in it. */
export function refreshEveryMs(windowMs: number): number {
  if (windowMs <= HOUR_MS) return 5000
  return windowMs <= 24 * HOUR_MS ? 15_000 : 60_000
}

/**
 * Keeps the screen up to date while the window ends now and the reader wants it: on the server's events, or by
 * asking at the same pace while the stream of events is broken. Returns the state of the stream.
 */
export function useLive(): LiveState {
  const [view] = useView()
  const queries = useQueryClient()
  const wanted = view.live && isMoving(view)
  const every = refreshEveryMs(lengthOf(view, Date.now()))
  const [live, setLive] = useState<Live>()

  useEffect(() => {
    if (!wanted) return
    let last = Date.now()
    let timer: ReturnType<typeof setTimeout> | undefined
    const refresh = () => {
      timer = undefined
      last = Date.now()
      // A hidden page is not looked at; it catches up when it is shown.
      if (!document.hidden) void queries.invalidateQueries({ predicate: (q) => q.queryKey[0] !== STILL })
    }
    const soon = () => {
      timer ??= setTimeout(refresh, Math.max(0, last + every - Date.now()))
    }
    const stream = new Live({ url: `${BASE}/events`, onGraph: soon })
    const poll = setInterval(() => {
      if (stream.state() !== 'open') soon()
    }, every)
    const shown = () => {
      if (!document.hidden) soon()
    }
    document.addEventListener('visibilitychange', shown)
    stream.start()
    setLive(stream)
    return () => {
      document.removeEventListener('visibilitychange', shown)
      clearInterval(poll)
      clearTimeout(timer)
      stream.stop()
      setLive(undefined)
    }
  }, [wanted, every, queries])

  return useSyncExternalStore(live?.subscribe ?? never, live?.state ?? off)
}

const never = () => () => {}
const off = (): LiveState => 'off'

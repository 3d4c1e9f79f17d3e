import type { LiveState } from '../api/live'
import { useView } from '../hooks/useView'
import { isMoving } from '../view/range'
import { PauseIcon } from './icons'

const TEXT: Record<LiveState, { label: string; title: string }> = {
  open: { label: 'Live', title: 'New data appear by themselves. Click to pause.' },
  connecting: { label: 'Connecting', title: 'Opening the stream of updates. Click to pause.' },
  retrying: { label: 'Polling', title: 'The stream of updates is interrupted: asking the server from time to time until it is back. Click to pause.' },
  off: { label: 'Paused', title: 'The screen stays as it is. Click for live updates.' },
}

/** Switches live updates on and off, and shows how the stream fares. */
export function LiveToggle({ state }: { state: LiveState }) {
  const [view, change] = useView()
  if (!isMoving(view)) {
    return (
      <button type="button" className="control" onClick={() => change({ from: 'now-15m', to: 'now', live: true })}
        title="This window lies in the past and does not change. Click for the last 15 minutes, live.">
        <PauseIcon /> Past
      </button>
    )
  }
  const { label, title } = TEXT[view.live ? state : 'off']
  return (
    <button type="button" className="control min-w-21 justify-start" aria-pressed={view.live} data-state={state} title={title}
      onClick={() => change({ live: !view.live }, { replace: true })}>
      <Dot state={view.live ? state : 'off'} /> {label}
    </button>
  )
}

function Dot({ state }: { state: LiveState }) {
  if (state === 'off') return <PauseIcon />
  const colour = { open: 'var(--ok)', connecting: 'var(--ink-3)', retrying: 'var(--warn-line)' }[state]
  return (
    <span className="relative mx-1 grid size-2 place-items-center" aria-hidden="true">
      {state === 'open' && <span className="absolute size-2 animate-ping rounded-full opacity-40" style={{ background: colour, animationDuration: '2.4s' }} />}
      <span className="size-2 rounded-full" style={state === 'open' ? { background: colour } : { border: `2px solid ${colour}` }} />
    </span>
  )
}

import { Popover } from 'radix-ui'
import { useState } from 'react'
import { useView } from '../hooks/useView'
import { describeRange, momentOf, PRESETS, type Range } from '../view/range'
import { CheckIcon, ChevronIcon, ClockIcon } from './icons'

/** Chooses the window of time: a recent one by name, or two moments. */
export function RangePicker() {
  const [view, change] = useView()
  const [open, setOpen] = useState(false)
  const pick = (range: Range) => {
    change(range)
    setOpen(false)
  }
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger className="control" aria-label={`Time: ${describeRange(view, Date.now())}`}>
        <ClockIcon className="text-ink-3" />
        <span className="num">{describeRange(view, Date.now())}</span>
        <ChevronIcon className="text-ink-3" />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="pop w-72 p-1.5" align="end" sideOffset={6} aria-label="Time">
          <ul>
            {PRESETS.map((p) => {
              const chosen = view.to === 'now' && view.from === p.from
              return (
                <li key={p.from}>
                  <button type="button" aria-pressed={chosen} onClick={() => pick({ from: p.from, to: 'now' })}
                    className="hover:bg-sunken flex h-8 w-full items-center justify-between rounded-md px-2.5 text-left aria-pressed:font-semibold">
                    {p.label}{chosen && <CheckIcon className="text-accent" />}
                  </button>
                </li>
              )
            })}
          </ul>
          <CustomRange range={view} onPick={pick} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

function CustomRange({ range, onPick }: { range: Range; onPick: (range: Range) => void }) {
  const [ends, setEnds] = useState(() => {
    const now = Date.now()
    return { from: toInput(momentOf(range.from, now)), to: toInput(momentOf(range.to, now)) }
  })
  const [from, to] = [Date.parse(ends.from), Date.parse(ends.to)]
  const valid = from < to
  return (
    <form className="border-line mt-1.5 grid gap-2 border-t px-2.5 pt-3 pb-2"
      onSubmit={(e) => {
        e.preventDefault()
        if (valid) onPick({ from: new Date(from).toISOString(), to: new Date(to).toISOString() })
      }}>
      <span className="eyebrow">From – to, local time</span>
      {(['from', 'to'] as const).map((end) => (
        <input key={end} type="datetime-local" step="1" className="field num w-full" aria-label={end === 'from' ? 'From' : 'To'}
          value={ends[end]} onChange={(e) => setEnds({ ...ends, [end]: e.target.value })} />
      ))}
      {!valid && <p role="alert" className="text-bad text-xs">The start must lie before the end.</p>}
      <button type="submit" className="primary justify-center" disabled={!valid}>Show this window</button>
    </form>
  )
}

/** A moment as datetime-local inputs write it: local, without a zone. */
function toInput(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

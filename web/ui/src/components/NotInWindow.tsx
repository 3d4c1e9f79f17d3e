import type { Problem } from '../api/problem'
import { useView } from '../hooks/useView'
import { describeRange } from '../view/range'
import { ErrorState } from './ErrorState'

/** A subject that was not seen in the window: most often the window is too short. Any other problem is shown as it is. */
export function NotInWindow({ problem, onRetry, retrying }: { problem: Problem; onRetry: () => void; retrying: boolean }) {
  const [view, change] = useView()
  if (problem.status !== 404) return <ErrorState problem={problem} onRetry={onRetry} retrying={retrying} />
  return (
    <div className="grid flex-1 place-items-center p-6">
      <section role="alert" className="max-w-md">
        <p className="eyebrow">{describeRange(view, Date.now())}</p>
        <h1 className="mt-1 text-lg font-semibold">Not seen in this window</h1>
        <p className="text-ink-2 mt-2 text-base">{problem.message.replace(/\.?$/, '.')} It may have been silent, or gone, since before.</p>
        <div className="mt-5 flex flex-wrap gap-2">
          <button type="button" className="primary" onClick={() => change({ from: 'now-24h', to: 'now' })}>Look at the last 24 hours</button>
          <button type="button" className="control" onClick={() => change({ from: 'now-7d', to: 'now' })}>The last 7 days</button>
        </div>
      </section>
    </div>
  )
}

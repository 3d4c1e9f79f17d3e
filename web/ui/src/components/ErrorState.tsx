import type { Problem } from '../api/problem'
import { useView } from '../hooks/useView'
import { CLEAR_FILTERS, isFiltered } from '../view/view'
import { RefreshIcon } from './icons'

/** Why there is nothing to show, in the server's words, and what can be done about it. */
export function ErrorState({ problem, onRetry, retrying }: { problem: Problem; onRetry: () => void; retrying: boolean }) {
  const [view, change] = useView()
  return (
    <div className="grid flex-1 place-items-center p-6">
      <section role="alert" className="max-w-md">
        <p className="eyebrow text-bad">{problem.status > 0 ? `Error ${problem.status}` : 'No connection'}</p>
        <h1 className="mt-1 text-lg font-semibold">{problem.title}</h1>
        <p className="text-ink-2 mt-2 text-base">{problem.message}</p>
        <div className="mt-5 flex gap-2">
          <button type="button" className="primary" disabled={retrying} onClick={onRetry}><RefreshIcon /> {retrying ? 'Trying…' : 'Try again'}</button>
          {isFiltered(view) && <button type="button" className="control" onClick={() => change(CLEAR_FILTERS)}>Clear filters and focus</button>}
        </div>
      </section>
    </div>
  )
}

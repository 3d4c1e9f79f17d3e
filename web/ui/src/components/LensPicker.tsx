import { LENS_TEXT, LENSES } from '../graph/lens'
import { useView } from '../hooks/useView'

/** Chooses what the map and the table are looked at through. */
export function LensPicker() {
  const [view, change] = useView()
  return (
    <div className="scrolling-row border-line shadow-card rounded-lg border p-0.5" role="group" aria-label="Lens">
      {LENSES.filter((l) => l !== 'whatif' || view.act.length > 0).map((l) => (
        <button key={l} type="button" aria-pressed={view.lens === l} title={LENS_TEXT[l].about}
          className="text-ink-2 hover:text-ink aria-pressed:bg-accent-soft aria-pressed:text-accent rounded-md px-2 py-0.5 text-sm font-medium whitespace-nowrap"
          onClick={() => change({ lens: l, sort: view.sort.endsWith('lens') ? '-rate' : view.sort })}>{LENS_TEXT[l].title}</button>
      ))}
    </div>
  )
}

import { useState, type ReactNode } from 'react'
import type { Red } from '../../api/model'
import { count, duration, rate, share } from '../../format/format'
import { healthOf, isEstimate, perSecond } from '../../graph/red'

export interface Row {
  key: string
  name: ReactNode
  red: Red
  selected?: boolean
}

const SHOWN = 12

/** A list of things with rate, errors and p95, as given: the busiest first. Long lists start short. */
export function RedRows({ of, rows, windowSeconds, empty }: { of: string; rows: Row[]; windowSeconds: number; empty: string }) {
  const [all, setAll] = useState(false)
  if (rows.length === 0) return <p className="text-ink-3">{empty}</p>
  const shown = all ? rows : rows.slice(0, SHOWN)
  return (
    <>
      <table className="num w-full table-fixed">
        <colgroup><col /><col className="w-18" /><col className="w-16" /><col className="w-18" /></colgroup>
        <thead>
          <tr className="text-ink-3 text-right text-xs *:pb-1 *:font-normal">
            <th scope="col" className="text-left">{of}</th>
            <th scope="col">rate</th>
            <th scope="col">errors</th>
            <th scope="col">p95</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ key, name, red, selected }) => (
            <tr key={key} data-selected={selected} className="data-[selected=true]:bg-accent-soft text-right *:border-line *:border-t *:py-1 *:whitespace-nowrap">
              <td className="text-left">{name}</td>
              <td>{isEstimate(red) && '≈ '}{rate(perSecond(red, windowSeconds))}</td>
              <td className="data-[health=bad]:text-bad data-[health=ok]:text-ink-3 data-[health=warn]:text-warn data-[health=bad]:font-semibold data-[health=warn]:font-semibold" data-health={healthOf(red)}>
                {red.calls > 0 ? share(red.failed, red.calls) : '–'}
              </td>
              <td title={red.p95_ms === null ? 'not reported' : undefined}>{red.p95_ms === null ? '–' : duration(red.p95_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > SHOWN && (
        <button type="button" className="link text-ink-2 mt-2 text-xs" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${count(rows.length)}`}
        </button>
      )}
    </>
  )
}

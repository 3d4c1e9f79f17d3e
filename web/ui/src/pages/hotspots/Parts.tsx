import type { Hotspot } from '../../api/model'
import { share } from '../../format/format'
import { PART_TEXT, rawText } from './words'

/** The parts of a score, each with the number that was measured. */
export function Parts({ of: h }: { of: Hotspot }) {
  return (
    <table className="num w-full max-w-2xl">
      <caption className="text-ink-2 pb-2 text-left">Fragility {h.fragility.toFixed(1)} of 100 = impact {share(h.impact, 1)} × hazard {share(h.hazard, 1)}; its parts:</caption>
      <thead><tr className="text-ink-3 text-xs"><th scope="col" className="text-left font-normal">Part</th><th scope="col" className="text-left font-normal">Measured</th><th scope="col" className="text-right font-normal">Points</th></tr></thead>
      <tbody>
        {h.parts.map((p) => (
          <tr key={p.part} data-part={p.part}>
            <th scope="row" className="border-line border-t py-1 pr-4 text-left font-normal">{PART_TEXT[p.part]}</th>
            <td className={`border-line border-t py-1 pr-4 ${p.known ? '' : 'text-ink-3'}`}>{rawText(p)}</td>
            <td className="border-line border-t py-1 text-right">{p.points.toFixed(1)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

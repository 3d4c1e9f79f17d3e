import type { Calibration } from '../../api/model'
import { BASE } from '../../api/client'
import { Card } from '../../components/Page'
import { EdgePageLink } from '../../components/ViewLink'
import { count, plural, share } from '../../format/format'
import { useCalibration, useExperiments } from '../../hooks/queries'

/** How far the answers can be trusted, and which real failures would make them better. */
export function Trust() {
  const { data: calibration } = useCalibration()
  const { data: worth } = useExperiments()
  return (
    <>
      {worth && worth.experiments.length > 0 && (
        <Card title="Experiments worth running" note="how these behave when they fail is not known, and much hangs on it">
          <table className="num w-full" aria-label="Experiments">
            <thead>
              <tr className="text-ink-3 text-xs">
                <th scope="col" className="text-left font-normal">Let calls to the callee fail</th>
                <th scope="col" className="pl-3 text-right font-normal">Users’ requests that hang on it</th>
                <th scope="col" className="pl-3 text-right font-normal">Expected to fail</th>
              </tr>
            </thead>
            <tbody>
              {worth.experiments.map((x) => (
                <tr key={`${x.caller} ${x.operation} ${x.callee}`} data-experiment={`${x.caller_name}>${x.callee_name}`}>
                  <th scope="row" className="border-line border-t py-1.5 text-left font-normal"><EdgePageLink id={`${x.caller}-${x.callee}`} className="link">{x.caller_name} → {x.callee_name}</EdgePageLink> <span className="text-ink-2">{x.operation}</span></th>
                  <td className="border-line border-t py-1.5 pl-3 text-right">{share(x.decides, 1)}</td>
                  <td className="border-line border-t py-1.5 pl-3 text-right">{share(x.expect, 1)} <span className="text-ink-3 text-xs">from {share(x.decides * x.low, 1)} to {share(x.decides * x.high, 1)}</span></td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="mt-2"><a className="link" href={`${BASE}/whatif/experiments?limit=100`} download="experiments.json">Export as JSON</a></p>
        </Card>
      )}
      {calibration && <Card title="How far this can be trusted" note="what was predicted of incidents before they began, against what they did"><Fared calibration={calibration} /></Card>}
    </>
  )
}

function Fared({ calibration: c }: { calibration: Calibration }) {
  return (
    <div data-calibrated={c.calibrated}>
      {!c.calibrated && <p><b className="font-semibold">Not calibrated yet:</b> <span className="text-ink-2">{plural(c.incidents, 'incident')} with one cause of the {count(c.enough)} that it takes.</span></p>}
      {c.predictions > 0 && (
        <>
          <p className="num mt-1">Brier score <b className="font-semibold">{c.brier.toFixed(3)}</b> <span className="text-ink-2">over {plural(c.predictions, 'operation')}; if every dependency were taken for hard it would be {c.reference.toFixed(3)}, so the skill is {c.skill.toFixed(2)}. {share(c.within, 1)} of the intervals held what happened.</span></p>
          <table className="num mt-3 w-full max-w-xl" aria-label="Reliability">
            <thead>
              <tr className="text-ink-3 text-xs">
                <th scope="col" className="text-left font-normal">Predicted to fail</th><th scope="col" className="text-right font-normal">Operations</th>
                <th scope="col" className="text-right font-normal">Predicted</th><th scope="col" className="text-right font-normal">Failed</th>
              </tr>
            </thead>
            <tbody>
              {c.bins.map((b) => (
                <tr key={b.low}>
                  <th scope="row" className="border-line border-t py-1 text-left font-normal">{share(b.low, 1)} to {share(b.high, 1)}</th>
                  <td className="border-line border-t py-1 text-right">{count(b.count)}</td>
                  <td className="border-line border-t py-1 text-right">{b.count > 0 ? share(b.predicted, 1) : '–'}</td>
                  <td className="border-line border-t py-1 text-right">{b.count > 0 ? share(b.observed, 1) : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </div>
  )
}

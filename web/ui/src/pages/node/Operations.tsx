import { Loaded } from '../../components/Loaded'
import { count, duration, rate, share } from '../../format/format'
import { perSecond } from '../../graph/red'
import { useOperations } from '../../hooks/queries'
import { useView } from '../../hooks/useView'
import { versionsOf } from './dependencies'

const SHOWN = 20
const cell = 'border-line border-t py-1.5 pl-3 text-right whitespace-nowrap'

/** The operations that a node served, busiest first. One that is chosen narrows the charts. */
export function OperationTable({ id, windowSeconds }: { id: string; windowSeconds: number }) {
  const [view, change] = useView()
  const query = useOperations(id)
  return (
    <Loaded query={query}>
      {({ operations }) => operations.length === 0
        ? <p className="text-ink-3">No requests were served in this window.</p>
        : (
          <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Table of operations">
            <table className="num w-full min-w-[34rem] table-fixed">
              <thead>
                <tr className="text-ink-3 text-xs">
                  <th scope="col" className="pb-1 text-left font-normal">Operation</th>
                  <th scope="col" className="w-20 pb-1 text-right font-normal">Version</th>
                  <th scope="col" className="w-20 pb-1 text-right font-normal">Rate</th>
                  <th scope="col" className="w-18 pb-1 text-right font-normal">Errors</th>
                  <th scope="col" className="w-20 pb-1 text-right font-normal">p50</th>
                  <th scope="col" className="w-20 pb-1 text-right font-normal">p95</th>
                </tr>
              </thead>
              <tbody>
                {operations.slice(0, SHOWN).map((o) => (
                  <tr key={`${o.operation} ${o.version}`}>
                    <th scope="row" className="border-line border-t py-1.5 text-left font-normal">
                      <button type="button" className="link block max-w-full truncate text-left" aria-pressed={view.op === o.operation} title={o.operation}
                        onClick={() => change({ op: view.op === o.operation ? undefined : o.operation }, { replace: true })}>{o.operation}</button>
                    </th>
                    <td className={`${cell} text-ink-3 truncate`}>{o.version || '–'}</td>
                    <td className={cell}>{rate(perSecond(o, windowSeconds))}</td>
                    <td className={cell}>{share(o.failed, o.calls)}</td>
                    <td className={cell}>{duration(o.p50_ms)}</td>
                    <td className={cell}>{duration(o.p95_ms)}</td>
                  </tr>
                ))}
              </tbody>
              {operations.length > SHOWN && <caption className="text-ink-3 caption-bottom pt-2 text-left text-xs">and {count(operations.length - SHOWN)} less busy ones</caption>}
            </table>
          </div>
        )}
    </Loaded>
  )
}

/** The versions that served requests, with their shares of them. */
export function Versions({ id }: { id: string }) {
  const query = useOperations(id)
  return (
    <Loaded query={query}>
      {({ operations }) => {
        const versions = versionsOf(operations)
        const all = versions.reduce((n, v) => n + v.calls, 0)
        if (versions.every((v) => v.version === '')) return <p className="text-ink-3">Its spans do not say. Set service.version, and verdicts and numbers can be told apart by release.</p>
        return (
          <table className="num w-full">
            <thead>
              <tr className="text-ink-3 text-xs">
                <th scope="col" className="pb-1 text-left font-normal">Version</th>
                <th scope="col" className="pb-1 text-right font-normal">Of requests</th>
                <th scope="col" className="pb-1 text-right font-normal">Errors</th>
              </tr>
            </thead>
            <tbody>
              {versions.map((v) => (
                <tr key={v.version}>
                  <th scope="row" className="border-line max-w-40 truncate border-t py-1.5 text-left font-medium">{v.version || 'not said'}</th>
                  <td className={cell}>{share(v.calls, all)}</td>
                  <td className={cell}>{share(v.failed, v.calls)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )
      }}
    </Loaded>
  )
}

import { HealthMark } from '../../components/HealthMark'
import { TraceLink, ViewLink } from '../../components/ViewLink'
import { compact, count } from '../../format/format'
import { useOutcomes } from '../../hooks/queries'
import { select } from '../../hooks/useView'
import { dependencies, type Dependency } from './outcomes'
import { Loaded } from '../../components/Loaded'

/** What failures of its dependencies do to a service: whether its requests fail with them or survive them. */
export function DependencyOutcomes({ id }: { id: string }) {
  const query = useOutcomes(id)
  return (
    <Loaded query={query}>
      {({ as_caller, nodes }) => {
        const rows = dependencies(as_caller)
        if (rows.length === 0) return <p className="text-ink-3">No request of this window called anything.</p>
        const names = new Map(nodes.map((n) => [n.id, n.name]))
        return (
          <table className="num w-full" aria-label="Outcomes by dependency">
            <thead>
              <tr className="text-ink-3 text-xs">
                <th scope="col" className="pb-1 text-left font-normal">Dependency</th>
                <th scope="col" className="pb-1 pl-2 text-right font-normal">Requests</th>
                <th scope="col" className="pb-1 pl-2 text-right font-normal" title="Requests that failed after a call to it had failed">Failed with it</th>
                <th scope="col" className="pb-1 pl-2 text-right font-normal" title="Requests that did not fail although a call to it had">Survived it</th>
                <th scope="col" className="pb-1 pl-2 text-right font-normal" title="Attempts beyond one for each call">Retries</th>
                <th scope="col" className="pb-1 pl-2 text-right font-normal">Timeouts</th>
              </tr>
            </thead>
            <tbody>{rows.map((d) => <Row key={d.callee} dependency={d} name={names.get(d.callee)} />)}</tbody>
          </table>
        )
      }}
    </Loaded>
  )
}

const cell = 'border-line border-t py-1 pl-2 text-right whitespace-nowrap'

function Row({ dependency: d, name }: { dependency: Dependency; name: string | undefined }) {
  const retries = d.attempts - d.calls
  return (
    <tr>
      <th scope="row" className="border-line max-w-32 border-t py-1 text-left font-medium">
        <span className="flex items-center gap-1.5">
          <HealthMark health={d.fatal > 0 ? 'bad' : d.survived > 0 ? 'warn' : 'ok'} silent />
          {name ? <ViewLink patch={select.node(d.callee)} className="truncate hover:underline" title={name}>{name}</ViewLink> : <span className="truncate">{d.callee}</span>}
        </span>
      </th>
      <td className={cell} title={count(d.requests)}>{compact(d.requests)}</td>
      <td className={cell}><Example n={d.fatal} trace={d.fatalTrace} what={`failed with ${name ?? d.callee}`} bad /></td>
      <td className={cell}><Example n={d.survived} trace={d.survivedTrace} what={`survived ${name ?? d.callee}`} /></td>
      <td className={cell} title={d.calls > 0 ? `${count(d.attempts)} attempts for ${count(d.calls)} calls` : undefined}>{compact(Math.max(0, retries))}</td>
      <td className={cell} title={count(d.timedOut)}>{compact(d.timedOut)}</td>
    </tr>
  )
}

/** A count that leads to an example of what it counts, when one is kept. */
function Example({ n, trace, what, bad }: { n: number; trace: string | null; what: string; bad?: boolean }) {
  const text = <span className={bad && n > 0 ? 'text-bad font-medium' : undefined} title={count(n)}>{compact(n)}</span>
  return trace && n > 0 ? <TraceLink id={trace} className="link" aria-label={`${count(n)} ${what}: an example trace`}>{text}</TraceLink> : text
}

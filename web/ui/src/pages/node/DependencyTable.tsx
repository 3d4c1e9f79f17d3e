import type { NodeDetail } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { TypeTile } from '../../components/icons'
import { Probability, VerdictBadge } from '../../components/Verdict'
import { EdgePageLink, NodePageLink, TraceLink, ViewLink } from '../../components/ViewLink'
import { count, duration, rate, share } from '../../format/format'
import { facetsOf } from '../../graph/criticality'
import { healthOf, perSecond, seconds } from '../../graph/red'
import { useDependencies } from '../../hooks/queries'
import { neighboursOf, type Neighbour } from './dependencies'

const head = 'border-line pb-1.5 text-xs font-normal text-ink-3 border-b'
const cell = 'border-line border-b py-2 align-top group-last:border-b-0'

/** The dependencies of a node, or those who depend on it, with the verdict on each and what it rests on. */
export function DependencyTable({ detail, end }: { detail: NodeDetail; end: 'caller' | 'callee' }) {
  const { data } = useDependencies(detail.node.id)
  const rows = neighboursOf(detail, data, end)
  const length = seconds(detail.window)
  if (rows.length === 0) {
    return end === 'caller'
      ? <p className="text-ink-3">Nothing calls it in this window.</p>
      : <p className="text-ink-3">It calls nothing in this window. Is a dependency missing? <ViewLink to="/pipeline" patch={{}} className="link">The graph doctor</ViewLink> says what hides edges.</p>
  }
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label={end === 'callee' ? 'Table of dependencies' : 'Table of dependents'}>
      <table className="num w-full min-w-[60rem]" aria-label={end === 'callee' ? 'Dependencies' : 'Dependents'}>
        <thead>
          <tr>
            <th scope="col" className={`${head} text-left`}>{end === 'callee' ? 'Dependency' : 'Dependent'}</th>
            <th scope="col" className={`${head} pl-4 text-left`}>Verdict</th>
            <th scope="col" className={`${head} pl-4 text-left`} title="Probability that a request fails with it, 90 % interval">Fails with it</th>
            <th scope="col" className={`${head} pl-4 text-left`}>Evidence</th>
            <th scope="col" className={`${head} pl-4 text-right`}>Rate</th>
            <th scope="col" className={`${head} pl-4 text-right`}>Errors</th>
            <th scope="col" className={`${head} pl-4 text-right`}>p95</th>
            <th scope="col" className={`${head} pl-4`}><span className="sr-only">Details</span></th>
          </tr>
        </thead>
        <tbody>{rows.map((r) => <Row key={r.id} row={r} from={detail.node.name} end={end} length={length} />)}</tbody>
      </table>
    </div>
  )
}

function Row({ row: r, from, end, length }: { row: Neighbour; from: string; end: 'caller' | 'callee'; length: number }) {
  const [caller, callee] = end === 'callee' ? [from, r.name] : [r.name, from]
  const protocols = [...new Set(r.edges.map((e) => (e.mode === 'async' ? `${e.protocol}, async` : e.protocol)))].join(', ')
  return (
    <tr className="group" data-neighbour={r.name} data-verdict={r.verdict?.verdict}>
      <th scope="row" className={`${cell} max-w-64 text-left font-normal`}>
        <span className="flex items-center gap-2">
          <HealthMark health={healthOf(r.red)} />
          {r.node && <TypeTile type={r.node.type} size={24} />}
          <span className="min-w-0">
            <NodePageLink id={r.id} className="block truncate font-medium hover:underline" title={r.name}>{r.name}</NodePageLink>
            <span className="text-ink-3 block truncate text-xs">{protocols}</span>
          </span>
        </span>
      </th>
      <td className={`${cell} pl-4`}>
        {r.verdict ? <VerdictBadge of={r.verdict} /> : <span className="text-ink-3 text-xs">no outcome known yet</span>}
        <span className="text-ink-3 block max-w-64 text-xs">{facetsOf(r.sites).join(' · ')}</span>
      </td>
      <td className={`${cell} pt-2.5 pl-4`}>{r.verdict && <Probability of={r.verdict} />}</td>
      <td className={`${cell} pl-4`}><Evidence row={r} /></td>
      <td className={`${cell} pl-4 text-right whitespace-nowrap`}>{rate(perSecond(r.red, length))}</td>
      <td className={`${cell} pl-4 text-right whitespace-nowrap`}>{share(r.red.failed, r.red.calls)}</td>
      <td className={`${cell} pl-4 text-right whitespace-nowrap`}>{duration(r.red.p95_ms)}</td>
      <td className={`${cell} pl-4 text-right whitespace-nowrap`}>
        <EdgePageLink id={r.edges[0]!.id} className="link" aria-label={`${caller} calls ${callee}: details`}>Details</EdgePageLink>
      </td>
    </tr>
  )
}

/** The failures that the verdict rests on, with an example of each outcome. */
function Evidence({ row: { verdict, sites } }: { row: Neighbour }) {
  if (!verdict) return null
  const { total_fatal: fatal, total_survived: survived, partial_fatal, partial_survived, contested_fatal, contested_survived } = verdict.evidence
  const others = partial_fatal + partial_survived + contested_fatal + contested_survived
  const example = (of: 'fatal_trace' | 'survived_trace') => sites.map((s) => s[of]).find((t) => t !== null)
  if (fatal + survived + others === 0) return <span className="text-ink-3 text-xs">none in {count(verdict.evidence.requests)} requests</span>
  return (
    <span className="text-xs">
      <span className="block whitespace-nowrap"><Example n={fatal} trace={example('fatal_trace')} what="failed with it" />, <Example n={survived} trace={example('survived_trace')} what="survived it" /></span>
      {others > 0 && <span className="text-ink-3 block">{count(others)} in part or beside others</span>}
    </span>
  )
}

function Example({ n, trace, what }: { n: number; trace: string | undefined; what: string }) {
  const text = `${count(n)} ${what}`
  return trace && n > 0 ? <TraceLink id={trace} className="link" aria-label={`${text}: an example trace`}>{text}</TraceLink> : <>{text}</>
}

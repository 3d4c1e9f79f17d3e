import type { ChangeItem } from '../../api/model'
import { count, duration, plural, share } from '../../format/format'

/** What has changed, in a sentence. */
export function titleOf(i: ChangeItem): string {
  const node = i.node_name || i.node
  const callee = i.callee_name || i.callee || ''
  const what = i.callee ? `Calls of ${node} to ${callee}` : `Requests for ${i.operation} of ${node}`
  const more = i.after.value > i.before.value
  switch (i.kind) {
    case 'node_new':
      return `${node} is new`
    case 'node_lost':
      return `${node} is gone`
    case 'edge_new':
      return `${node} began to call ${callee}${i.crosses_to && ` in another environment, ${i.crosses_to}`}`
    case 'edge_lost':
      return `${node} no longer calls ${callee}`
    case 'operation_new':
      return `${node} has a new operation, ${i.operation}`
    case 'operation_lost':
      return `${node} has no more requests for ${i.operation}`
    case 'rate':
      return `${node} calls ${callee} ${more ? 'more' : 'less'} often for each request`
    case 'errors':
      return `${what} fail ${more ? 'more' : 'less'} often`
    case 'latency':
      return `${what} got ${more ? 'slower' : 'faster'}`
    case 'retries':
      return `${node} tries failed calls to ${callee} again ${more ? 'more' : 'less'} often`
    case 'amplification':
      return `${node} makes ${more ? 'more' : 'fewer'} attempts for each call to ${callee}`
    case 'criticality':
      return `${callee} became a ${i.to} dependency of ${node} in ${i.operation}`
    case 'cycle_new':
      return `${[...i.cycle, ...i.cycle.slice(0, 1)].map((n) => n.node_name || n.node).join(' → ')}: they now wait for each other`
    case 'hard_dependency_new':
      return `${i.entries.map((e) => e.node_name || e.node).join(', ')} now fail${i.entries.length === 1 ? 's' : ''} when ${callee} does`
  }
}

/** From what to what, with what it was counted from. */
export function measureOf(i: ChangeItem): string {
  const { before: b, after: a } = i
  switch (i.kind) {
    case 'rate':
      return `${perRequest(b.value)} → ${perRequest(a.value)} for each request`
    case 'errors':
      return `${share(b.value, 1)} → ${share(a.value, 1)} (${count(b.count)} of ${count(b.of)}, ${count(a.count)} of ${count(a.of)})`
    case 'latency':
      return `p95 ${duration(b.value)} → ${duration(a.value)}`
    case 'retries':
      return `${share(b.value, 1)} → ${share(a.value, 1)} of failed attempts (${count(b.of)}, ${count(a.of)})`
    case 'amplification':
      return `${b.value.toFixed(2)} → ${a.value.toFixed(2)} attempts`
    case 'criticality':
      return `${i.from} → ${i.to}`
    case 'node_lost':
    case 'edge_lost':
    case 'operation_lost':
      return `${plural(b.value, 'call')} before; about ${count(a.of)} expected, none seen`
    default:
      return a.value > 0 ? plural(a.value, 'call') : ''
  }
}

/** Few significant digits, however small. */
function perRequest(n: number): string {
  return n === 0 ? '0' : String(Number(n.toPrecision(2)))
}

/** How likely a difference is by chance; nothing where that was not tested. */
export function chanceOf({ chance }: ChangeItem): string {
  if (chance === null) return ''
  return `by chance ${chance < 0.0001 ? '<0.01 %' : share(chance, 1)}`
}

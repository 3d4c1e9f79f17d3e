import { useId, useState } from 'react'
import type { GraphEdge, GraphNode, WhatIfAction } from '../../api/model'
import { DEFAULTS, withAction } from '../../graph/whatif'
import { useView } from '../../hooks/useView'

const KINDS = [
  ['down', 'is down'], ['errors', 'fails some requests'], ['slow', 'gets slow'], ['group', 'and all of its namespace are down'], ['cut', 'cannot be called by'], ['soften', 'is made soft for'],
] as const
type Kind = (typeof KINDS)[number][0]

/** Puts one more thing into the question: a node by name, what happens to it and, for an edge, its caller. */
export function Add({ nodes, edges }: { nodes: readonly GraphNode[]; edges: readonly GraphEdge[] }) {
  const [view, change] = useView()
  const [kind, setKind] = useState<Kind>('down')
  const [name, setName] = useState('')
  const [caller, setCaller] = useState('')
  const list = useId()
  const choices = nodes.filter((n) => n.type !== 'user' && n.type !== 'unknown').toSorted((a, b) => a.name.localeCompare(b.name))
  const node = choices.find((n) => labelOf(n) === name) ?? choices.find((n) => n.name === name.trim())
  const callers = node ? nodes.filter((n) => edges.some((e) => e.caller === n.id && e.callee === node.id)) : []
  const edge = kind === 'cut' || kind === 'soften'
  const ready = node !== undefined && (!edge || callers.some((c) => c.id === caller))
  const add = () => {
    if (!ready) return
    const group = kind === 'group' ? nodes.filter((n) => n.namespace === node.namespace && n.environment === node.environment && n.type === node.type) : [node]
    const act = group.reduce((acts, n) => withAction(acts, actionOf(kind, n.id, caller)), view.act)
    change({ act })
    setName('')
    setCaller('')
  }
  return (
    <form className="flex flex-wrap items-center gap-2" onSubmit={(e) => { e.preventDefault(); add() }}>
      <span className="text-ink-2">{view.act.length > 0 ? 'and if' : 'What if'}</span>
      <input className="field min-w-56 flex-1 sm:flex-none" list={list} aria-label="Node" placeholder="name of a node" autoComplete="off" value={name} onChange={(e) => { setName(e.target.value); setCaller('') }} />
      <datalist id={list}>{choices.map((n) => <option key={n.id} value={labelOf(n)} />)}</datalist>
      <select className="field" aria-label="What happens" value={kind} onChange={(e) => setKind(e.target.value as Kind)}>
        {KINDS.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
      </select>
      {edge && (
        <select className="field" aria-label="Caller" value={caller} disabled={!node} onChange={(e) => setCaller(e.target.value)}>
          <option value="">{node ? (callers.length > 0 ? 'choose its caller' : 'nobody calls it') : 'choose the node first'}</option>
          {callers.map((c) => <option key={c.id} value={c.id}>{c.name}</option>)}
        </select>
      )}
      <button type="submit" className="primary" disabled={!ready}>Add</button>
      {name.trim() !== '' && !node && <span className="text-ink-3 text-xs" role="status">No node of this window is called that.</span>}
    </form>
  )
}

function labelOf(n: GraphNode): string {
  return n.namespace ? `${n.name} (${n.namespace})` : n.name
}

function actionOf(kind: Kind, node: string, caller: string): WhatIfAction {
  switch (kind) {
    case 'errors': return { kind, node, share: DEFAULTS.errors / 100 }
    case 'slow': return { kind, node, delay_ms: DEFAULTS.slow }
    case 'cut':
    case 'soften': return { kind, node: caller, callee: node }
    default: return { kind: 'down', node }
  }
}

import { NODE_TYPES, type GraphNode } from '../api/model'

export type FacetName = 'environment' | 'namespace' | 'type'

export interface Choice {
  value: string
  label: string
  nodes: number
}

const NONE: Record<FacetName, string> = { environment: 'no environment', namespace: 'no namespace', type: 'no type' }

/**
 * The values that a filter can choose from, with the nodes behind each. Values that are chosen but no longer
 * seen stay, with zero nodes, so that they can be given up.
 */
export function choicesOf(nodes: readonly GraphNode[], facet: FacetName, chosen: readonly string[]): Choice[] {
  const found = new Map<string, number>(chosen.map((v) => [v, 0]))
  for (const n of nodes) found.set(n[facet], (found.get(n[facet]) ?? 0) + 1)
  // The API reads an empty environment as none given, so it cannot be chosen.
  if (facet === 'environment') found.delete('')
  return [...found]
    .map(([value, count]) => ({ value, label: value || NONE[facet], nodes: count }))
    .toSorted(facet === 'type' ? byTypeOrder : (a, b) => a.label.localeCompare(b.label))
}

function byTypeOrder(a: Choice, b: Choice): number {
  const order = NODE_TYPES as readonly string[]
  return order.indexOf(a.value) - order.indexOf(b.value)
}

import type { GraphNode } from '../api/model'

/**
 * The name of a node in two parts: what it is called, and where it is. Databases, caches and queues are named
 * like "orders @ orders-db:5432"; where space is short, "orders" is the part that counts.
 */
export function nameParts(node: Pick<GraphNode, 'name'>): { name: string; place: string } {
  const at = node.name.indexOf(' @ ')
  return at > 0 ? { name: node.name.slice(0, at), place: node.name.slice(at + 3) } : { name: node.name, place: '' }
}

/** A name with places at which it may break over lines: after punctuation, and where lower case turns to upper. */
export function breakable(name: string): string {
  return name.replace(/([.\-_/:@])(?=\w)|([a-z])(?=[A-Z])/g, '$1$2\u200b')
}

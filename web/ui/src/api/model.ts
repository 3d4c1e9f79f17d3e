import type { components, operations } from './schema'

type Schemas = components['schemas']

export type Red = Schemas['Red']
export type GraphNode = Schemas['Node']
export type GraphEdge = Schemas['Edge']
export type Graph = Schemas['Graph']
export type Window = Schemas['Window']
export type NodeType = Schemas['NodeType']
export type Mode = Schemas['Mode']
export type NodeDetail = Schemas['NodeDetail']
export type EdgeDetail = Schemas['EdgeDetail']
export type Operation = Schemas['Operation']
export type Operations = Schemas['Operations']
export type CallSite = Schemas['CallSite']
export type Series = Schemas['Series']
export type Point = Schemas['Point']
export type ProblemDocument = Schemas['Problem']

export type GraphQuery = NonNullable<operations['getGraph']['parameters']['query']>
export type SeriesQuery = NonNullable<operations['getSeries']['parameters']['query']>

/** Every type of a node, in the order of legends and filters. */
export const NODE_TYPES: readonly NodeType[] = [
  'service', 'database', 'cache', 'queue', 'function', 'external', 'user', 'unknown',
]

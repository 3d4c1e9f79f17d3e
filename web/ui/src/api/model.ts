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
export type NodeIdentity = Schemas['NodeIdentity']
export type Outcomes = Schemas['Outcomes']
export type CallOutcomes = Schemas['CallOutcomes']
export type Criticality = Schemas['Criticality']
export type DependencySite = Schemas['DependencySite']
export type Traces = Schemas['Traces']
export type TraceSummary = Schemas['TraceSummary']
export type Trace = Schemas['Trace']
export type TraceSpan = Schemas['TraceSpan']
export type SpanOutcome = Schemas['SpanOutcome']
export type Why = Schemas['Why']
export type Pipeline = Schemas['Pipeline']
export type Replica = Schemas['Replica']
export type Measure = Schemas['Measure']
export type Measures = Schemas['Measures']
export type Fates = Schemas['Fates']
export type Doctor = Schemas['Doctor']
export type DoctorService = Schemas['DoctorService']
export type DoctorSide = Schemas['DoctorSide']
export type DoctorFinding = Schemas['DoctorFinding']
export type Severity = Schemas['Severity']
export type Hotspot = Schemas['Hotspot']
export type HotspotPart = Schemas['HotspotPart']
export type WhatIfAction = Schemas['WhatIfAction']
export type WhatIfAnswer = Schemas['WhatIfAnswer']
export type Incident = Schemas['Incident']
export type Candidate = Schemas['Candidate']
export type IncidentMember = Schemas['IncidentMember']
export type Sign = Schemas['Sign']
export type Finding = Schemas['Finding']
export type FindingSeverity = Schemas['FindingSeverity']
export type FindingEvent = Schemas['FindingEvent']
export type Fact = Schemas['Fact']
export type NewMark = Schemas['NewMark']
export type ProblemDocument = Schemas['Problem']

export type GraphQuery = NonNullable<operations['getGraph']['parameters']['query']>
export type TracesQuery = NonNullable<operations['listTraces']['parameters']['query']>
export type FindingsQuery = NonNullable<operations['listFindings']['parameters']['query']>
export type SeriesQuery = NonNullable<operations['getSeries']['parameters']['query']>

/** Every type of a node, in the order of legends and filters. */
export const NODE_TYPES: readonly NodeType[] = [
  'service', 'database', 'cache', 'queue', 'function', 'external', 'user', 'unknown',
]

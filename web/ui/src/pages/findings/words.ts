import type { Fact, Finding, FindingSeverity } from '../../api/model'
import { count, duration, rate, share } from '../../format/format'
import type { Health } from '../../graph/red'

/** The shape that stands for a severity; the word stands beside it. */
export const SEVERITY_MARK: Record<FindingSeverity, Health> = { critical: 'bad', warning: 'warn', info: 'unknown' }

export const SEVERITY_TEXT: Record<FindingSeverity, string> = { critical: 'Critical', warning: 'Warning', info: 'Worth knowing' }

export const SEVERITY_COLOUR: Record<FindingSeverity, string> = { critical: 'text-bad', warning: 'text-warn', info: 'text-ink-2' }

/** What a kind of finding is about, by the part of its name before the dot. */
export const TOPICS: Record<string, string> = {
  dependency: 'Criticality', hotspot: 'Fragility', incident: 'Incident', audit: 'Resilience practice', change: 'Change', anomaly: 'Early warning',
  policy: 'Policy', slo: 'Objective',
}

export function topicOf(kind: string): string {
  return TOPICS[kind.split('.')[0]!] ?? kind
}

/** The value of a fact as people read it. */
export function factText({ value, unit }: Fact): string {
  switch (unit) {
    case 'share':
      return share(value, 1)
    case 'ms':
      return duration(value)
    case 'per_s':
      return rate(value)
    case '':
      return Number.isInteger(value) ? count(value) : value.toFixed(2)
    default:
      return unit === 'text' ? '' : `${Number.isInteger(value) ? count(value) : value.toFixed(2)} ${unit}`
  }
}

/** How sure a finding is, in a word and a number; of an incident, how much of it its cause explains. */
export function confidenceText({ kind, confidence }: Finding): string {
  const percent = Math.round(confidence * 100)
  if (topicOf(kind) === TOPICS.incident) return `explains ${percent} % of it`
  if (percent >= 90) return `sure (${percent} %)`
  return percent >= 60 ? `likely (${percent} %)` : `possible (${percent} %)`
}

/** The nodes that findings are about, those with most findings first. */
export function subjectsOf(findings: readonly Finding[]): { id: string; name: string; findings: number }[] {
  const subjects = new Map<string, { id: string; name: string; findings: number }>()
  for (const f of findings) {
    for (const [id, name] of [[f.node, f.node_name], [f.callee, f.callee_name]] as const) {
      if (id === null) continue
      const s = subjects.get(id) ?? { id, name: name || id, findings: 0 }
      subjects.set(id, { ...s, findings: s.findings + 1 })
    }
  }
  return [...subjects.values()].toSorted((a, b) => b.findings - a.findings || a.name.localeCompare(b.name))
}

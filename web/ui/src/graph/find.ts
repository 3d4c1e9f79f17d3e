import type { GraphEdge, GraphNode, Red } from '../api/model'
import { errorShare, perSecond } from './red'

/**
 * An expression says what to look for: `cart`, `err > 1%`, `type = database p95 > 300ms`, `-env=staging`. Terms
 * are separated by spaces and all must hold; `-` in front negates one; a word alone is looked for in the name.
 */
export type Query = readonly Term[]

interface Term {
  negated: boolean
  test: (s: Subject) => boolean
}

/** What an expression is asked of: a node, or an edge with the nodes at its ends. */
export interface Subject {
  red: Red
  windowSeconds: number
  texts: Record<TextField, readonly string[]>
}

export class QueryError extends Error {}

const TEXT_FIELDS = ['name', 'type', 'namespace', 'environment', 'system', 'protocol', 'mode'] as const
type TextField = (typeof TEXT_FIELDS)[number]

const NUMBER_FIELDS: Record<string, { of: (s: Subject) => number | null; units: Record<string, number> }> = {
  err: { of: (s) => errorShare(s.red), units: { '%': 0.01 } },
  rate: { of: (s) => perSecond(s.red, s.windowSeconds), units: { '': 1, '/s': 1, '/min': 1 / 60, '/h': 1 / 3600 } },
  calls: { of: (s) => s.red.calls, units: { '': 1, k: 1e3, m: 1e6 } },
  failed: { of: (s) => s.red.failed, units: { '': 1, k: 1e3, m: 1e6 } },
  p50: { of: (s) => s.red.p50_ms, units: { ms: 1, s: 1000, us: 1e-3, µs: 1e-3 } },
  p95: { of: (s) => s.red.p95_ms, units: { ms: 1, s: 1000, us: 1e-3, µs: 1e-3 } },
  p99: { of: (s) => s.red.p99_ms, units: { ms: 1, s: 1000, us: 1e-3, µs: 1e-3 } },
}

const ALIASES: Record<string, string> = { ns: 'namespace', env: 'environment', errors: 'err', error: 'err' }

const OPERATORS: Record<string, (a: number, b: number) => boolean> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '=': (a, b) => a === b,
  ':': (a, b) => a === b,
  '!=': (a, b) => a !== b,
}

const TERM = /(-)?(?:([a-zA-Z0-9]+)\s*(>=|<=|!=|=|>|<|:)\s*("[^"]*"|[^\s"]+)|("[^"]*"|[^\s"]+))(?=\s|$)/y

/** Reads an expression. It throws a QueryError that says what is wrong with it and what would be right. */
export function parseQuery(text: string): Query {
  const terms: Term[] = []
  let at = 0
  for (;;) {
    while (at < text.length && /\s/.test(text[at]!)) at++
    if (at === text.length) return terms
    TERM.lastIndex = at
    const m = TERM.exec(text)
    if (!m) throw new QueryError(`“${text.slice(at)}” is not a condition. Try err > 1% or "exact words".`)
    at = TERM.lastIndex
    const [, minus, field, operator, value, word] = m
    terms.push({
      negated: minus !== undefined,
      test: word === undefined ? comparison(field!, operator!, value!) : contains('name', unquote(word)),
    })
  }
}

/** Whether all terms hold. The empty expression holds for everything. */
export function matches(query: Query, subject: Subject): boolean {
  return query.every((t) => t.test(subject) !== t.negated)
}

export function nodeSubject(n: GraphNode, windowSeconds: number): Subject {
  return {
    red: n, windowSeconds,
    texts: {
      name: [n.name], type: [n.type], namespace: [n.namespace], environment: [n.environment],
      system: [n.system], protocol: [], mode: [],
    },
  }
}

export function edgeSubject(e: GraphEdge, ends: readonly GraphNode[], windowSeconds: number): Subject {
  return {
    red: e, windowSeconds,
    texts: {
      name: ends.map((n) => n.name), type: ends.map((n) => n.type), namespace: ends.map((n) => n.namespace),
      environment: ends.map((n) => n.environment), system: ends.map((n) => n.system),
      protocol: [e.protocol], mode: [e.mode],
    },
  }
}

function comparison(name: string, operator: string, raw: string): Term['test'] {
  const field = ALIASES[name.toLowerCase()] ?? name.toLowerCase()
  const value = unquote(raw)
  if (isTextField(field)) {
    switch (operator) {
      case ':': return contains(field, value)
      case '=': return equals(field, value)
      case '!=': return not(equals(field, value))
      default: throw new QueryError(`${name} is text: compare it with = or != or : instead of ${operator}.`)
    }
  }
  const number = Object.hasOwn(NUMBER_FIELDS, field) ? NUMBER_FIELDS[field] : undefined
  if (!number) {
    throw new QueryError(`There is no “${name}”. Known: ${[...TEXT_FIELDS, ...Object.keys(NUMBER_FIELDS)].join(', ')}.`)
  }
  const wanted = quantity(name, value, number.units)
  const compare = OPERATORS[operator]!
  return (s) => {
    const got = number.of(s)
    return got !== null && compare(got, wanted) // what was not reported is neither above nor below
  }
}

function quantity(name: string, text: string, units: Record<string, number>): number {
  const m = /^(\d+(?:\.\d+)?)(.*)$/.exec(text)
  const unit = m?.[2]?.toLowerCase()
  // A number alone is taken in the field's first unit.
  const factor = unit === '' ? Object.values(units)[0] : unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined
  if (!m || factor === undefined) {
    const example = `${name} > 1${Object.keys(units).find((u) => u !== '')}`
    throw new QueryError(`“${text}” is not a value of ${name}. Try ${example}.`)
  }
  return Number(m[1]) * factor
}

function contains(field: TextField, value: string): Term['test'] {
  const wanted = value.toLowerCase()
  return (s) => s.texts[field].some((t) => t.toLowerCase().includes(wanted))
}

function equals(field: TextField, value: string): Term['test'] {
  const wanted = value.toLowerCase()
  return (s) => s.texts[field].some((t) => t.toLowerCase() === wanted)
}

function not(test: Term['test']): Term['test'] {
  return (s) => !test(s)
}

function isTextField(field: string): field is TextField {
  return (TEXT_FIELDS as readonly string[]).includes(field)
}

function unquote(s: string): string {
  return s.startsWith('"') ? s.slice(1, -1) : s
}

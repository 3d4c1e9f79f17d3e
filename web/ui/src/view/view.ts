import { NODE_TYPES, type ChangesQuery, type GraphQuery, type NodeType } from '../api/model'
import { LENSES, type LensName } from '../graph/lens'
import { MAX_ACTIONS, parseAction } from '../graph/whatif'
import { DEFAULT_RANGE, parseRange, shiftBack, type Range } from './range'

/** View is everything that decides what is on the screen. It lives in the URL and nowhere else. */
export interface View extends Range {
  environment: string[]
  namespace: string[]
  type: NodeType[]
  /** Expression that marks what to look at; see graph/find. */
  q: string
  /** Node or edge shown in the side panel; at most one is set. */
  node?: string
  edge?: string
  /** Operation that narrows the charts of a node. */
  op?: string
  /** Node whose surroundings are shown instead of everything. */
  focus?: string
  /** Hops around `focus`. */
  depth: number
  queues: 'show' | 'collapse'
  /** Whether nodes are drawn by namespace: `auto` does so when there are too many to draw. */
  group: 'auto' | 'on' | 'off'
  /** Groups drawn as their members. */
  open: string[]
  /** What the map and the table are looked at through. */
  lens: LensName
  /** What the table lists. */
  rows: 'nodes' | 'edges'
  /** Column of the table, with `-` in front for descending. */
  sort: string
  live: boolean
  /** Which example traces of an edge are listed: of any outcome if they are the slowest. */
  outcome: 'failed' | 'slow' | 'ok'
  /** Which halves of calls the doctor speaks of. */
  side: 'any' | 'client' | 'server'
  /** Which findings are listed: those that hold, those that did, or both. */
  state: 'open' | 'resolved' | 'all'
  /** How severe the findings listed are at least. */
  severity: 'info' | 'warning' | 'critical'
  /** Kind of the findings listed, or the first part of it; and the node that they are about. */
  kind?: string
  about?: string
  /** Whether findings that somebody muted are listed too. */
  muted: boolean
  /** What is asked on the what-if page; see graph/whatif. */
  act: string[]
  /** Hotspot that is unfolded. */
  spot?: string
  /** Finding that is unfolded. */
  finding?: string
  /** What the window is compared with: the time before it, or the same time a day or a week ago. */
  base: 'before' | 'day' | 'week'
  /** Node whose versions are compared instead of windows, and which; all or none are set. */
  who?: string
  version?: string
  base_version?: string
  /** Whether what may be new or gone is listed too. */
  unsure: boolean
  /** Span of a trace whose details are shown; see pages/trace/waterfall. */
  span?: string
  /** Spans of a trace that are drawn without what is below them. */
  shut: string[]
}

export const DEFAULT_VIEW: View = {
  ...DEFAULT_RANGE,
  environment: [], namespace: [], type: [], q: '',
  depth: 1, queues: 'show', group: 'auto', open: [],
  lens: 'health', rows: 'nodes', sort: '-rate', live: true,
  outcome: 'failed', side: 'any', act: [], state: 'open', severity: 'info', muted: false, base: 'before', unsure: false, shut: [],
}

export const MAX_DEPTH = 5

/** Reads a query string. It never fails: what cannot be read is left at its default. */
export function parseView(search: string, now = Date.now()): View {
  const p = new URLSearchParams(search)
  const text = (key: string) => p.get(key) || undefined
  const texts = (key: string) => [...new Set(p.getAll(key))].filter((v) => v.length > 0)
  const node = text('node')
  const depth = Number(p.get('depth'))
  return {
    ...parseRange(text('from'), text('to'), now),
    environment: texts('environment'),
    // An empty namespace is a namespace: that of nodes which name none.
    namespace: [...new Set(p.getAll('namespace'))],
    type: texts('type').filter(isNodeType),
    q: p.get('q') ?? '',
    node,
    edge: node ? undefined : text('edge'),
    op: text('op'),
    focus: text('focus'),
    depth: Number.isInteger(depth) && depth >= 1 && depth <= MAX_DEPTH ? depth : DEFAULT_VIEW.depth,
    queues: oneOf(['show', 'collapse'], p.get('queues')),
    group: oneOf(['auto', 'on', 'off'], p.get('group')),
    open: texts('open'),
    lens: oneOf(LENSES, p.get('lens')),
    rows: oneOf(['nodes', 'edges'], p.get('rows')),
    sort: /^-?[a-z0-9_]{1,32}$/.test(p.get('sort') ?? '') ? p.get('sort')! : DEFAULT_VIEW.sort,
    live: p.get('live') !== 'off',
    outcome: oneOf(['failed', 'slow', 'ok'], p.get('outcome')),
    side: oneOf(['any', 'client', 'server'], p.get('side')),
    state: oneOf(['open', 'resolved', 'all'], p.get('state')),
    severity: oneOf(['info', 'warning', 'critical'], p.get('severity')),
    kind: text('kind'),
    about: text('about'),
    muted: p.get('muted') === 'true',
    act: texts('act').filter((a) => parseAction(a) !== undefined).slice(0, MAX_ACTIONS),
    spot: text('spot'),
    finding: text('finding'),
    base: oneOf(['before', 'day', 'week'], p.get('base')),
    ...(text('who') && text('version') && text('base_version') && { who: text('who'), version: text('version'), base_version: text('base_version') }),
    unsure: p.get('unsure') === 'true',
    span: text('span'),
    shut: texts('shut'),
  }
}

/** What a view may say; parseView leaves these three out unless it has them all. */
const PARAMETERS = new Set([...Object.keys(parseView('')), 'who', 'version', 'base_version'])

/** The parameters of a query string that parseView has no use for, as they stand there: misspelt, or of no known form. */
export function misread(search: string, now = Date.now()): string[] {
  const view = parseView(search, now)
  const isRead = ([name, value]: [string, string]) => {
    if (!PARAMETERS.has(name) || value === '') return PARAMETERS.has(name)
    const read = view[name as keyof View]
    if (Array.isArray(read)) return (read as string[]).includes(value)
    if (typeof read === 'boolean') return (name === 'live' ? ['on', 'off'] : ['true', 'false']).includes(value)
    return read?.toString() === value
  }
  return [...new URLSearchParams(search)].filter((p) => !isRead(p)).map(([name, value]) => `${name}=${value}`)
}

/** Writes the query string of a view, `?` included; what is at its default is left out. */
export function formatView(view: Partial<View>): string {
  const p = new URLSearchParams()
  for (const [key, value] of Object.entries(view)) {
    if (Array.isArray(value)) {
      for (const v of value) p.append(key, v)
    } else if (key === 'live') {
      if (value === false) p.set('live', 'off')
    } else if (value !== undefined && value !== '' && value !== DEFAULT_VIEW[key as keyof View]) {
      p.set(key, String(value))
    }
  }
  if (!view.focus) p.delete('depth')
  const search = p.toString()
  return search ? `?${search}` : ''
}

/** Nodes asked for at once. The API says what it left out, and the page shows that. */
export const GRAPH_LIMIT = 5000

/** The request for the graph that a view shows. */
export function graphQuery(v: View): GraphQuery {
  return {
    from: v.from, to: v.to, limit: GRAPH_LIMIT,
    ...(v.environment.length > 0 && { environment: v.environment }),
    ...(v.namespace.length > 0 && { namespace: v.namespace }),
    ...(v.type.length > 0 && { type: v.type }),
    ...(v.focus && { focus: v.focus, depth: v.depth }),
    ...(v.queues === 'collapse' && { queues: v.queues }),
  }
}

const DAY_MS = 86_400_000

/** The request for what differs in the view's window. */
export function changesQuery(v: View): ChangesQuery {
  const query = { from: v.from, to: v.to }
  if (v.who && v.version && v.base_version) return { ...query, node: v.who, version: v.version, base_version: v.base_version }
  if (v.base === 'before') return query
  const base = shiftBack(v, v.base === 'day' ? DAY_MS : 7 * DAY_MS)
  return { ...query, base_from: base.from, base_to: base.to }
}

/** Whether the view leaves something out by choice, so that an empty answer may be the choice's doing. */
export function isFiltered(v: View): boolean {
  return v.environment.length + v.namespace.length + v.type.length > 0 || v.focus !== undefined
}

export const CLEAR_FILTERS = { environment: [], namespace: [], type: [], focus: undefined, q: '' } satisfies Partial<View>

function isNodeType(s: string): s is NodeType {
  return (NODE_TYPES as readonly string[]).includes(s)
}

/** The choice named by value; the first one when it names none. */
function oneOf<const T extends readonly [string, ...string[]]>(choices: T, value: string | null): T[number] {
  return choices.find((c) => c === value) ?? choices[0]
}

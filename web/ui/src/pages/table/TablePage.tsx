import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef } from 'react'
import type { GraphEdge, GraphNode } from '../../api/model'
import { LensPicker } from '../../components/LensPicker'
import { plural } from '../../format/format'
import { LENS_TEXT } from '../../graph/lens'
import { withGone } from '../../graph/change'
import { seconds } from '../../graph/red'
import { useGraph } from '../../hooks/queries'
import { useFound } from '../../hooks/useFound'
import { useLens } from '../../hooks/useLens'
import { select, useView } from '../../hooks/useView'
import { edgeColumns, nodeColumns, sorted, type Column } from './columns'

/** The graph as a table: the same nodes, edges and numbers as on the map. */
export function TablePage() {
  const [view, change] = useView()
  const { data } = useGraph()
  const { lens, loading, problem, gone } = useLens()
  const graph = useMemo(() => withGone(data!.graph, gone), [data, gone]) // the frame shows pages only when there is a graph
  const found = useFound(graph, view.q)
  const length = seconds(graph.window)
  const nodes = useMemo(() => graph.nodes.filter((n) => !found.nodes || found.nodes.has(n.id)), [graph, found])
  const edges = useMemo(() => graph.edges.filter((e) => !found.edges || found.edges.has(e.id)), [graph, found])
  const names = useMemo(() => new Map(graph.nodes.map((n) => [n.id, n])), [graph])
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-2 px-4 py-2" role="group" aria-label="What to list">
        <button type="button" className="control" data-active={view.rows === 'nodes'} aria-pressed={view.rows === 'nodes'} onClick={() => change({ rows: 'nodes', sort: '-rate' })}>Nodes</button>
        <button type="button" className="control" data-active={view.rows === 'edges'} aria-pressed={view.rows === 'edges'} onClick={() => change({ rows: 'edges', sort: '-rate' })}>Edges</button>
        <span className="text-ink-3 num ml-2" aria-live="polite">{view.rows === 'nodes' ? plural(nodes.length, 'node') : plural(edges.length, 'edge')}</span>
        <span className="ml-auto max-w-full"><LensPicker /></span>
        {loading && <span className="text-ink-3" role="status">Loading {LENS_TEXT[view.lens].title.toLowerCase()}…</span>}
        {problem && <span role="alert" className="text-bad">{problem.message}</span>}
        {found.error && <span role="alert" className="text-bad">{found.error}</span>}
      </div>
      {view.rows === 'nodes'
        ? <Grid<GraphNode> label="Nodes" rows={nodes} columns={nodeColumns(length, lens)} isSelected={(n) => n.id === view.node} onOpen={(n) => change(select.node(n.id))} />
        : <Grid<GraphEdge> label="Edges" rows={edges} columns={edgeColumns(length, names, lens)} isSelected={(e) => e.id === view.edge} onOpen={(e) => change(select.edge(e.id))} />}
    </div>
  )
}

interface GridProps<T> {
  label: string
  rows: T[]
  columns: Column<T>[]
  isSelected: (row: T) => boolean
  onOpen: (row: T) => void
}

const ROW = 36

/** A sortable table that draws only the rows in sight. */
function Grid<T extends { id: string }>({ label, rows, columns, isSelected, onOpen }: GridProps<T>) {
  const [view, change] = useView()
  const scroll = useRef<HTMLDivElement>(null)
  const ordered = useMemo(() => sorted(rows, columns, view.sort), [rows, columns, view.sort])
  const virtual = useVirtualizer({ count: ordered.length, getScrollElement: () => scroll.current, estimateSize: () => ROW, overscan: 12, initialRect: { width: 1000, height: 800 } })
  const items = virtual.getVirtualItems()
  const above = items[0]?.start ?? 0
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0)
  return (
    <div ref={scroll} className="min-h-0 flex-1 overflow-auto px-4 pb-4" tabIndex={0} role="region" aria-label={label}>
      <table className="num w-full" aria-label={label} aria-rowcount={ordered.length + 1}>
        <thead className="bg-canvas sticky top-0 z-10">
          <tr>
            {columns.map((c) => {
              const active = view.sort.replace(/^-/, '') === c.key
              const down = view.sort.startsWith('-')
              return (
                <th key={c.key} scope="col" aria-sort={active ? (down ? 'descending' : 'ascending') : 'none'}
                  className={`border-line border-b py-1.5 text-xs font-medium whitespace-nowrap ${c.right ? 'pl-3 text-right' : 'pr-3 text-left'}`}>
                  <button type="button" className={active ? 'text-ink' : 'text-ink-3 hover:text-ink'}
                    onClick={() => change({ sort: active ? (down ? c.key : `-${c.key}`) : c.right ? `-${c.key}` : c.key }, { replace: true })}>
                    {c.title} <span aria-hidden="true">{active ? (down ? '↓' : '↑') : ''}</span>
                  </button>
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <tr aria-hidden="true"><td colSpan={columns.length} style={{ height: above }} /></tr>}
          {items.map((item) => {
            const row = ordered[item.index]!
            return (
              <tr key={row.id} data-id={row.id} aria-rowindex={item.index + 2} style={{ height: ROW }} data-selected={isSelected(row)}
                className="hover:bg-sunken data-[selected=true]:bg-accent-soft cursor-pointer" onClick={() => onOpen(row)}>
                {columns.map((c) => (
                  <td key={c.key} data-column={c.key} className={`border-line max-w-80 truncate border-b ${c.right ? 'pl-3 text-right whitespace-nowrap' : 'pr-3'}`}>{c.cell(row)}</td>
                ))}
              </tr>
            )
          })}
          {below > 0 && <tr aria-hidden="true"><td colSpan={columns.length} style={{ height: below }} /></tr>}
        </tbody>
      </table>
      {ordered.length === 0 && <p className="text-ink-3 py-6">Nothing matches.</p>}
    </div>
  )
}

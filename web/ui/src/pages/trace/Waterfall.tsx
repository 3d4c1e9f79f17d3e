import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, type CSSProperties, type KeyboardEvent } from 'react'
import { HealthMark } from '../../components/HealthMark'
import { ChevronIcon } from '../../components/icons'
import { duration } from '../../format/format'
import { useView } from '../../hooks/useView'
import './trace.css'
import { hasFailed, inSight, moveBy, ticks, type SpanRow } from './waterfall'
import { endOf } from './words'

const ROW = 34

/**
 * The spans as a tree whose bars share one time axis. It is one tab stop: arrows walk the tree, right opens and
 * left shuts. Only the rows in sight are drawn.
 */
export function Waterfall({ rows, durationMs }: { rows: SpanRow[]; durationMs: number }) {
  const [view, change] = useView()
  const scroll = useRef<HTMLDivElement>(null)
  const shut = useMemo(() => new Set(view.shut), [view.shut])
  const shown = useMemo(() => inSight(rows, shut), [rows, shut])
  const virtual = useVirtualizer({
    count: shown.length, getScrollElement: () => scroll.current, estimateSize: () => ROW, overscan: 16,
    initialRect: { width: 1000, height: 800 }, scrollPaddingEnd: ROW, // the head lies over as much
  })
  const at = shown.findIndex((r) => r.key === view.span)
  const marks = ticks(durationMs)

  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at)
  }, [at, virtual])

  const set = (row: SpanRow, isShut: boolean) =>
    change({ shut: isShut ? [...view.shut, row.key] : view.shut.filter((k) => k !== row.key) }, { replace: true })
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    if ((e.key === 'Enter' || e.key === ' ') && shown[at] && shown[at].below > 0) {
      e.preventDefault()
      set(shown[at], !shut.has(shown[at].key))
      return
    }
    const move = moveBy(e.key, rows, shut, view.span)
    if (!move) return
    e.preventDefault()
    if ('select' in move) change({ span: move.select }, { replace: true })
    else if ('open' in move) change({ shut: view.shut.filter((k) => k !== move.open) }, { replace: true })
    else change({ shut: [...view.shut, move.shut] }, { replace: true })
  }
  return (
    <div ref={scroll} className="waterfall min-h-48 min-w-0 flex-1 overflow-auto" role="treegrid" aria-label="Spans" tabIndex={0}
      aria-rowcount={shown.length + 1} aria-activedescendant={at >= 0 ? rowId(shown[at]!) : undefined} onKeyDown={onKeyDown}>
      <div role="rowgroup" className="bg-canvas sticky top-0 z-10">
        <div role="row" className="waterfall-row border-line text-ink-3 border-b text-xs" aria-rowindex={1} style={{ height: ROW }}>
          <span role="columnheader" className="pl-4">Service and operation</span>
          <span role="columnheader" className="text-right">Duration</span>
          <span role="columnheader" className="waterfall-axis num" aria-label="Time">
            {marks.map((t) => (
              <span key={t} className="waterfall-tick" style={{ '--at': durationMs > 0 ? t / durationMs : 0 } as CSSProperties}>{duration(t)}</span>
            ))}
          </span>
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = shown[item.index]!
          return (
            <Row key={row.key} row={row} rowIndex={item.index + 2} top={item.start} shut={shut.has(row.key)} selected={row.key === view.span}
              marks={marks} durationMs={durationMs} onSelect={() => change({ span: row.key }, { replace: true })} onToggle={() => set(row, !shut.has(row.key))} />
          )
        })}
      </div>
    </div>
  )
}

function rowId(row: SpanRow): string {
  return `span-${row.index}`
}

interface RowProps {
  row: SpanRow
  rowIndex: number
  top: number
  shut: boolean
  selected: boolean
  marks: number[]
  durationMs: number
  onSelect: () => void
  onToggle: () => void
}

/** Deeper rows than this are not indented any further. */
const DEEPEST = 24

function Row({ row, rowIndex, top, shut, selected, marks, durationMs, onSelect, onToggle }: RowProps) {
  const { span } = row
  const failed = hasFailed(span)
  const end = endOf(span)
  const inside = shut && row.failedBelow > 0
  return (
    // The keyboard walks the rows through the grid, which is the one that has the focus.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div role="row" id={rowId(row)} data-span={row.key} aria-level={span.depth + 1} aria-posinset={row.position} aria-setsize={row.siblings}
      aria-rowindex={rowIndex} aria-selected={selected} aria-expanded={row.below > 0 ? !shut : undefined}
      className="waterfall-row absolute inset-x-0" style={{ height: ROW, top }} onClick={onSelect}>
      <span role="gridcell" className="flex min-w-0 items-center gap-1.5 pl-2" style={{ paddingInlineStart: 8 + 14 * Math.min(span.depth, DEEPEST) }}>
        {row.below > 0
          ? (
            <button type="button" tabIndex={-1} className="text-ink-3 hover:text-ink grid size-5 shrink-0 place-items-center rounded" aria-label={shut ? `Show the ${row.below} below` : `Hide the ${row.below} below`}
              onClick={(e) => { e.stopPropagation(); onToggle() }}>
              <ChevronIcon size={14} className={shut ? '-rotate-90' : ''} />
            </button>
          )
          : <span className="size-5 shrink-0" />}
        <span className="w-3 shrink-0">{failed && <HealthMark health="bad" silent />}</span>
        <span className="truncate" title={`${span.service || span.node} ${span.operation}`}>
          <span className="text-ink-2">{span.service || span.node}</span> <b className="font-medium">{span.operation}</b>
        </span>
        {shut && <span className="text-ink-3 num shrink-0 text-xs">+{row.below}</span>}
        {inside && <span className="text-bad num flex shrink-0 items-center gap-1 text-xs"><HealthMark health="bad" size={10} silent /> {row.failedBelow} failed inside</span>}
      </span>
      <span role="gridcell" className="num pr-1 text-right whitespace-nowrap">{duration(span.duration_ms)}</span>
      <span role="gridcell" className="waterfall-axis">
        {marks.map((t) => <span key={t} className="waterfall-line" aria-hidden="true" style={{ '--at': durationMs > 0 ? t / durationMs : 0 } as CSSProperties} />)}
        <span className="waterfall-bar" data-outgoing={span.kind === 'client' || span.kind === 'producer'} data-failed={failed}
          style={{ '--left': row.left, '--width': row.width } as CSSProperties} />
        <span className="waterfall-word text-xs" data-side={row.left + row.width > 0.7 ? (row.left > 0.25 ? 'before' : 'inside') : 'after'}
          style={{ '--left': row.left, '--width': row.width } as CSSProperties}>
          <span className="sr-only">from {duration(span.start_ms)}</span>
          {end && <span className={failed ? 'text-bad font-medium' : 'text-warn'}>{end}</span>}
        </span>
      </span>
    </div>
  )
}

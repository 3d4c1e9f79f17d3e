import { Background, BackgroundVariant, ReactFlow, useReactFlow, useStore, type NodeTypes, type EdgeTypes } from '@xyflow/react'
import { useMemo, useState, type RefObject } from 'react'
import { LensPicker } from '../../components/LensPicker'
import type { Drawing } from '../../graph/collapse'
import type { Found } from '../../hooks/useFound'
import type { Looking } from '../../hooks/useLens'
import { select, useView } from '../../hooks/useView'
import { arrowsOf, boxesOf, type Marks } from './boxes'
import { ArrowHeads, EdgeArrow } from './EdgeArrow'
import { HoverContext } from './hover'
import { Legend } from './Legend'
import { MapControls } from './MapControls'
import { Notices } from './Notices'
import { boxDomId, NodeBox } from './NodeBox'
import type { LaidOut } from './useLayout'
import { useViewport } from './useViewport'
import { useWalk } from './useWalk'

const nodeTypes: NodeTypes = { box: NodeBox }
const edgeTypes: EdgeTypes = { arrow: EdgeArrow }

interface Props {
  drawing: Drawing
  laidOut: LaidOut
  found: Found
  looking: Looking
  windowSeconds: number
  /** Set as soon as the reader moves the map; from then on it only moves when told to. */
  touched: RefObject<boolean>
  ill: ReadonlyMap<string, string>
}

/** Draws the map and turns what the reader does on it into changes of the view. */
export function MapCanvas({ drawing, laidOut, found, looking, windowSeconds, touched, ill }: Props) {
  const [view, change] = useView()
  const [hovered, setHovered] = useState<string>()
  const flow = useReactFlow()
  const zoom = useStore((s) => zoomLevel(s.transform[2]))
  const viewport = useViewport(laidOut, touched, view.node)

  const open = (id: string) => {
    const box = drawing.nodes.find((n) => n.id === id)
    if (box?.group) change({ open: [...view.open, box.group.key], group: 'on' })
    else if (box) change(select.node(id))
  }
  const openArrow = (id: string) => {
    const arrow = drawing.edges.find((e) => e.id === id)
    if (arrow?.edges.length === 1) change(select.edge(arrow.edges[0]!.id))
    else if (arrow) open(arrow.callee)
  }
  const walk = useWalk({
    drawing, layout: laidOut.layout, selected: view.node, onMove: viewport.show, onOpen: open,
    onFocus: (id) => drawing.nodes.some((n) => n.id === id && n.node) && change({ focus: id, depth: 1 }),
    onZoom: (by) => {
      touched.current = true
      void (by > 0 ? flow.zoomIn() : flow.zoomOut())
    },
    onFit: viewport.fit,
  })

  const marks: Marks = useMemo(
    () => ({ node: view.node, edge: view.edge, active: walk.active, found: { nodes: found.nodes, edges: found.edges }, lens: looking.lens, ill }),
    [view.node, view.edge, walk.active, found, looking.lens, ill],
  )
  const nodes = useMemo(() => boxesOf(drawing, laidOut.layout, marks, windowSeconds), [drawing, laidOut.layout, marks, windowSeconds])
  const edges = useMemo(() => arrowsOf(drawing, laidOut.layout, marks, windowSeconds), [drawing, laidOut.layout, marks, windowSeconds])

  return (
    <section aria-label="Map" className="map relative min-h-0 flex-1" data-zoom={zoom} data-lens={looking.lens?.name ?? 'health'} data-generation={laidOut.generation}>
      <h1 className="sr-only">Service map</h1>
      <HoverContext value={hovered}>
        <ReactFlow
          nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes}
          tabIndex={0} aria-activedescendant={walk.active && boxDomId(walk.active)}
          aria-label="Service map. Right arrow follows calls to the callee, left goes back to the caller, up and down go through what lies beside. Enter opens, F focuses."
          onKeyDown={walk.onKeyDown} onFocus={walk.onFocus} onBlur={walk.onBlur}
          nodesDraggable={false} nodesConnectable={false} nodesFocusable={false} edgesFocusable={false}
          elementsSelectable={false} disableKeyboardA11y deleteKeyCode={null} selectionKeyCode={null} multiSelectionKeyCode={null}
          zoomActivationKeyCode={null} panActivationKeyCode={null} zoomOnDoubleClick={false} minZoom={0.08} maxZoom={1.8}
          onlyRenderVisibleElements={drawing.nodes.length > 150}
          onNodeClick={(_, n) => open(n.id)}
          onEdgeClick={(_, e) => openArrow(e.id)}
          onPaneClick={() => (view.node || view.edge) && change(select.none)}
          onNodeMouseEnter={(_, n) => setHovered(n.id)} onNodeMouseLeave={() => setHovered(undefined)}
          onEdgeMouseEnter={(_, e) => setHovered(e.id)} onEdgeMouseLeave={() => setHovered(undefined)}
          onMoveStart={(event) => { if (event) touched.current = true }}
        >
          <Background variant={BackgroundVariant.Dots} gap={26} size={1.4} color="var(--grid)" />
        </ReactFlow>
      </HoverContext>
      <ArrowHeads />
      <div className="absolute top-3 left-3 max-w-[calc(100%-1.5rem)]"><LensPicker /></div>
      <Notices drawing={drawing} laidOut={laidOut} found={found} looking={looking} />
      <Legend drawing={drawing} lens={looking.lens?.name ?? 'health'} />
      <MapControls drawing={drawing} onFit={viewport.fit} onTouch={() => { touched.current = true }} />
    </section>
  )
}

/** What a box shows at a zoom: a dot, its name alone, its name and type, or its numbers as well. */
function zoomLevel(zoom: number): 'dot' | 'small' | 'name' | 'full' {
  if (zoom < 0.2) return 'dot'
  if (zoom < 0.4) return 'small'
  return zoom < 0.55 ? 'name' : 'full'
}

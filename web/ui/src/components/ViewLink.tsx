import { Link } from '@tanstack/react-router'
import type { ComponentProps } from 'react'
import { LEAVING, select } from '../hooks/useView'
import type { View } from '../view/view'

type Props = Omit<ComponentProps<'a'>, 'href'> & {
  /** What the link changes in the view. */
  patch: Partial<View>
  to?: '/map' | '/table' | '/incidents' | '/findings' | '/changes' | '/hotspots' | '/whatif' | '/objectives' | '/pipeline' | '.'
}

/** A link to the same view with something changed: it can be copied and opened in another tab. */
export function ViewLink({ patch, to = '.', ...rest }: Props) {
  return <Link to={to} search={(old) => ({ ...old, ...patch }) as View} activeProps={{}} {...rest} />
}

type PageProps = Omit<ComponentProps<'a'>, 'href' | 'id'> & {
  /** What the link changes in the view, such as its window. */
  patch?: Partial<View>
}

/** The view when a page about one subject is opened: the panel and what other pages keep in the URL stay behind. */
const leave = (patch?: Partial<View>) => (old: unknown) => ({ ...(old as View), ...select.none, ...LEAVING, finding: undefined, spot: undefined, ...patch }) as View

/** A link to the page of a node. */
export function NodePageLink({ id, patch, ...rest }: PageProps & { id: string }) {
  return <Link to="/nodes/$id" params={{ id }} search={leave(patch)} activeProps={{}} {...rest} />
}

/** A link to the page of an edge: by its id, or by its two ends, `<caller>-<callee>`. */
export function EdgePageLink({ id, patch, ...rest }: PageProps & { id: string }) {
  return <Link to="/edges/$id" params={{ id }} search={leave(patch)} activeProps={{}} {...rest} />
}

/** A link to the page of an incident. */
export function IncidentLink({ id, patch, ...rest }: PageProps & { id: string }) {
  return <Link to="/incidents/$id" params={{ id }} search={leave(patch)} activeProps={{}} {...rest} />
}

/** A link to a trace. It leaves the panel behind; going back opens it again. */
export function TraceLink({ id, ...rest }: Omit<ComponentProps<'a'>, 'href' | 'id'> & { id: string }) {
  return <Link to="/traces/$id" params={{ id }} search={(old) => ({ ...old, ...select.none, ...LEAVING }) as View} activeProps={{}} {...rest} />
}

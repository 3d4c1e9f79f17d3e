import { Link } from '@tanstack/react-router'
import type { ComponentProps } from 'react'
import { NO_SPAN, select } from '../hooks/useView'
import type { View } from '../view/view'

type Props = Omit<ComponentProps<'a'>, 'href'> & {
  /** What the link changes in the view. */
  patch: Partial<View>
  to?: '/map' | '/table' | '/incidents' | '/findings' | '/hotspots' | '/whatif' | '/objectives' | '/pipeline' | '.'
}

/** A link to the same view with something changed: it can be copied and opened in another tab. */
export function ViewLink({ patch, to = '.', ...rest }: Props) {
  return <Link to={to} search={(old) => ({ ...old, ...patch }) as View} activeProps={{}} {...rest} />
}

/** A link to a trace. It leaves the panel behind; going back opens it again. */
export function TraceLink({ id, ...rest }: Omit<ComponentProps<'a'>, 'href' | 'id'> & { id: string }) {
  return <Link to="/traces/$id" params={{ id }} search={(old) => ({ ...old, ...select.none, ...NO_SPAN }) as View} activeProps={{}} {...rest} />
}

import { Link } from '@tanstack/react-router'
import type { ComponentProps } from 'react'
import type { View } from '../view/view'

type Props = Omit<ComponentProps<'a'>, 'href'> & {
  /** What the link changes in the view. */
  patch: Partial<View>
  to?: '/map' | '/table' | '.'
}

/** A link to the same view with something changed: it can be copied and opened in another tab. */
export function ViewLink({ patch, to = '.', ...rest }: Props) {
  return <Link to={to} search={(old) => ({ ...old, ...patch }) as View} activeProps={{}} {...rest} />
}

import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { View } from '../view/view'

interface ChangeOptions {
  /** Do not add a step to the browser's history: for changes that one would not go back over. */
  replace?: boolean
}

export type ChangeView = (patch: Partial<View>, options?: ChangeOptions) => void

/** The view in the URL, and how to change it. */
export function useView(): [View, ChangeView] {
  const view = useSearch({ from: '__root__' })
  const navigate = useNavigate()
  const change = useCallback<ChangeView>((patch, options) => {
    void navigate({ to: '.', search: (old) => ({ ...old, ...patch }) as View, replace: options?.replace })
  }, [navigate])
  return [view, change]
}

/** What the pages of a trace and of a node keep in the URL stays behind with them. */
export const LEAVING = { span: undefined, shut: [], op: undefined } satisfies Partial<View>

/** What opens the panel of a node or an edge, and closes that of anything else. */
export const select = {
  node: (node: string): Partial<View> => ({ node, edge: undefined, op: undefined }),
  edge: (edge: string): Partial<View> => ({ edge, node: undefined, op: undefined }),
  none: { node: undefined, edge: undefined, op: undefined } satisfies Partial<View>,
}

import type { WhatIfAction } from '../api/model'
import { DEFAULTS, parseAction, withAction } from '../graph/whatif'
import { useView } from '../hooks/useView'
import { ViewLink } from './ViewLink'

/** Adds what could happen to the thing shown to the question of the what-if page. */
export function AddToWhatIf({ of }: { of: { node: string } | { caller: string; callee: string } }) {
  const [view, change] = useView()
  const offers: { label: string; action: WhatIfAction }[] = 'node' in of
    ? [
        { label: 'down', action: { kind: 'down', node: of.node } },
        { label: `fails ${DEFAULTS.errors} %`, action: { kind: 'errors', node: of.node, share: DEFAULTS.errors / 100 } },
        { label: `+ ${DEFAULTS.slow} ms`, action: { kind: 'slow', node: of.node, delay_ms: DEFAULTS.slow } },
      ]
    : [
        { label: 'calls fail', action: { kind: 'cut', node: of.caller, callee: of.callee } },
        { label: 'made soft', action: { kind: 'soften', node: of.caller, callee: of.callee } },
      ]
  const chosen = view.act.map(parseAction)
  return (
    <div className="flex flex-wrap items-center gap-2" role="group" aria-label="Add to the what-if">
      {offers.map(({ label, action }) => (
        <button key={label} type="button" className="control h-7 px-2 text-xs"
          data-active={chosen.some((c) => c?.kind === action.kind && c.node === action.node && c.callee === action.callee)}
          onClick={() => change({ act: withAction(view.act, action) }, { replace: true })}>{label}</button>
      ))}
      {view.act.length > 0 && <ViewLink to="/whatif" patch={{ node: undefined, edge: undefined }} className="link text-xs">See what would happen</ViewLink>}
    </div>
  )
}

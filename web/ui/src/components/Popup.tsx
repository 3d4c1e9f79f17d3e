import { lazy, Suspense, useRef, useState, type ReactNode } from 'react'

const load = () => import('./PopupPanel')
const PopupPanel = lazy(load)

interface Props {
  /** Names what opens, for those who do not see where it belongs. */
  label: string
  /** Names the button where its content does not. */
  buttonLabel?: string
  className: string
  panelClassName: string
  /** Whether the button is marked as having something chosen. */
  active?: boolean
  align?: 'start' | 'end'
  side?: 'top' | 'bottom'
  button: ReactNode
  onOpen?: () => void
  children: (close: () => void) => ReactNode
}

/** A button that opens a panel beside it. What places the panel is fetched when it is first about to be needed. */
export function Popup({ label, buttonLabel, className, panelClassName, active, align = 'end', side = 'bottom', button, onOpen, children }: Props) {
  const [open, setOpen] = useState(false)
  const anchor = useRef<HTMLButtonElement>(null)
  const close = () => setOpen(false)
  return (
    <>
      <button ref={anchor} type="button" className={className} data-active={active} aria-label={buttonLabel} aria-haspopup="dialog" aria-expanded={open}
        onPointerEnter={() => void load()} onFocus={() => void load()}
        onClick={() => {
          if (!open) onOpen?.()
          setOpen(!open)
        }}>
        {button}
      </button>
      {open && (
        <Suspense fallback={null}>
          <PopupPanel anchor={anchor} label={label} className={panelClassName} align={align} side={side} onClose={close}>{children(close)}</PopupPanel>
        </Suspense>
      )}
    </>
  )
}

import { Popover } from 'radix-ui'
import type { ReactNode, RefObject } from 'react'

interface Props {
  anchor: RefObject<HTMLButtonElement | null>
  label: string
  className: string
  align: 'start' | 'end'
  side: 'top' | 'bottom'
  onClose: () => void
  children: ReactNode
}

/** The panel of a Popup: takes the focus, gives it back, closes on Escape and on a click elsewhere. */
export default function PopupPanel({ anchor, label, className, align, side, onClose, children }: Props) {
  return (
    <Popover.Root open onOpenChange={(open) => !open && onClose()}>
      <Popover.Anchor virtualRef={anchor as RefObject<HTMLButtonElement>} />
      <Popover.Portal>
        <Popover.Content className={`pop ${className}`} aria-label={label} align={align} side={side} sideOffset={6} collisionPadding={8}
          onCloseAutoFocus={(e) => {
            e.preventDefault()
            anchor.current?.focus()
          }}
          // The button closes the panel itself; closing it here as well would open it again.
          onInteractOutside={(e) => anchor.current?.contains(e.target as globalThis.Node) && e.preventDefault()}
          // Escape closes the panel and nothing behind it.
          onEscapeKeyDown={(e) => e.stopPropagation()}>
          {children}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

import type { ReactNode, SVGProps } from 'react'
import type { NodeType } from '../api/model'

type Props = SVGProps<SVGSVGElement> & { size?: number }

/** Drawn on a 16 × 16 grid with a 1.5 stroke. Icons are decoration: the words beside them carry the meaning. */
function icon(shape: ReactNode) {
  return function Icon({ size = 16, ...rest }: Props) {
    return (
      <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5"
        strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false" {...rest}>{shape}</svg>
    )
  }
}

export const SearchIcon = icon(<><circle cx="7" cy="7" r="4.25" /><path d="m10.5 10.5 3 3" /></>)
export const ChevronIcon = icon(<path d="m4.5 6.5 3.5 3.5 3.5-3.5" />)
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />)
export const ArrowIcon = icon(<path d="M3 8h10m-4-4 4 4-4 4" />)
export const PlusIcon = icon(<path d="M8 3.5v9M3.5 8h9" />)
export const MinusIcon = icon(<path d="M3.5 8h9" />)
export const FitIcon = icon(<path d="M2.5 6V3.5a1 1 0 0 1 1-1H6m4 0h2.5a1 1 0 0 1 1 1V6m0 4v2.5a1 1 0 0 1-1 1H10m-4 0H3.5a1 1 0 0 1-1-1V10" />)
export const RefreshIcon = icon(<path d="M13 8a5 5 0 1 1-1.5-3.55M13 2.5v2.7h-2.7" />)
export const ClockIcon = icon(<><circle cx="8" cy="8" r="5.5" /><path d="M8 5v3.2l2.2 1.3" /></>)
export const TargetIcon = icon(<><circle cx="8" cy="8" r="2" /><path d="M8 1.75v2M8 12.25v2M1.75 8h2M12.25 8h2" /><circle cx="8" cy="8" r="4.75" /></>)
export const LinkIcon = icon(<path d="M6.8 9.2a2.4 2.4 0 0 0 3.4 0l2-2a2.4 2.4 0 0 0-3.4-3.4l-.6.6M9.2 6.8a2.4 2.4 0 0 0-3.4 0l-2 2a2.4 2.4 0 0 0 3.4 3.4l.6-.6" />)
export const CopyIcon = icon(<><rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" /></>)
export const CheckIcon = icon(<path d="m3.5 8.5 3 3 6-7" />)
export const SunIcon = icon(<><circle cx="8" cy="8" r="2.75" /><path d="M8 1.5v1.2m0 10.6v1.2M1.5 8h1.2m10.6 0h1.2M3.4 3.4l.85.85m7.5 7.5.85.85m0-9.2-.85.85m-7.5 7.5-.85.85" /></>)
export const MoonIcon = icon(<path d="M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z" />)
export const SystemIcon = icon(<><rect x="2" y="3" width="12" height="8" rx="1.25" /><path d="M6 13.5h4" /></>)
export const SlidersIcon = icon(<><path d="M2.5 5h5m4 0h2M2.5 11h2m4 0h5" /><circle cx="9.5" cy="5" r="1.75" /><circle cx="6.5" cy="11" r="1.75" /></>)
export const StackIcon = icon(<><path d="m8 2.5 5.5 2.75L8 8 2.5 5.25 8 2.5Z" /><path d="M2.5 8 8 10.75 13.5 8M2.5 10.75 8 13.5l5.5-2.75" /></>)
export const PauseIcon = icon(<path d="M5.5 4v8m5-8v8" />)

const TYPE_SHAPES: Record<NodeType, ReactNode> = {
  service: <><path d="M8 1.9 13.3 5v6L8 14.1 2.7 11V5L8 1.9Z" /><path d="M2.9 5.1 8 8l5.1-2.9M8 8v6" /></>,
  database: <><ellipse cx="8" cy="3.9" rx="5" ry="2" /><path d="M3 3.9v8.2c0 1.1 2.2 2 5 2s5-.9 5-2V3.9M3 8c0 1.1 2.2 2 5 2s5-.9 5-2" /></>,
  cache: <><rect x="2.5" y="2.5" width="11" height="11" rx="2.5" /><path d="M8.7 4.8 6 8.5h4L7.3 11.2" /></>,
  queue: <><rect x="1.8" y="4.5" width="3" height="7" rx="1" /><rect x="6.5" y="4.5" width="3" height="7" rx="1" /><path d="M12 5.2 14.4 8 12 10.8" /></>,
  function: <path d="M4 3h1.3c.6 0 1 .3 1.3.9L11 13h1.5M7.3 6.5 4 13" />,
  external: <><circle cx="8" cy="8" r="5.75" /><path d="M2.25 8h11.5M8 2.25c1.7 1.6 2.5 3.5 2.5 5.75S9.7 12.15 8 13.75C6.3 12.15 5.5 10.25 5.5 8S6.3 3.85 8 2.25Z" /></>,
  user: <><circle cx="8" cy="5.2" r="2.7" /><path d="M2.8 13.6c.5-2.7 2.5-4.2 5.2-4.2s4.7 1.5 5.2 4.2" /></>,
  unknown: <><circle cx="8" cy="8" r="5.75" strokeDasharray="2.4 2.2" /><path d="M6.3 6.4a1.75 1.75 0 1 1 2.5 1.6c-.5.25-.8.6-.8 1.1M8 11.2v.05" /></>,
}

const typeIcons = Object.fromEntries(
  Object.entries(TYPE_SHAPES).map(([type, shape]) => [type, icon(shape)]),
) as Record<NodeType, ReturnType<typeof icon>>

/** The sign of a node type on its tile. */
export function TypeTile({ type, size = 28 }: { type: NodeType; size?: number }) {
  const Shape = typeIcons[type]
  return (
    <span className="inline-grid shrink-0 place-items-center rounded-lg" data-type={type}
      style={{
        width: size, height: size, color: `var(--type-${type})`,
        background: `color-mix(in oklab, var(--type-${type}) 13%, transparent)`,
      }}>
      <Shape size={Math.round(size * 0.58)} />
    </span>
  )
}

/** The sign of a group of nodes on its tile. */
export function GroupTile({ size = 28 }: { size?: number }) {
  return (
    <span className="bg-sunken text-ink-2 inline-grid shrink-0 place-items-center rounded-lg" style={{ width: size, height: size }}>
      <StackIcon size={Math.round(size * 0.58)} />
    </span>
  )
}

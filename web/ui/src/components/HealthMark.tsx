import type { Health } from '../graph/red'
import { HEALTH_TEXT } from '../graph/red'

/**
 * The state of a node or an edge as a shape: disc, triangle, diamond, open ring. The shapes differ without
 * colour, and screen readers hear the word.
 */
export function HealthMark({ health, size = 12, silent = false }: { health: Health; size?: number; silent?: boolean }) {
  return (
    <svg width={size} height={size} viewBox="0 0 12 12" className="shrink-0" data-health={health}
      {...(silent ? { 'aria-hidden': true } : { role: 'img', 'aria-label': HEALTH_TEXT[health] })}>
      <HealthShape health={health} />
    </svg>
  )
}

/** The shape alone, centred at (6, 6), for use inside another drawing. */
export function HealthShape({ health }: { health: Health }) {
  switch (health) {
    case 'bad':
      return <path d="M6 .4 11.6 6 6 11.6.4 6Z" fill="var(--bad-line)" />
    case 'warn':
      return <path d="M6 1 11.6 11H.4Z" fill="var(--warn-line)" />
    case 'ok':
      return <circle cx="6" cy="6" r="4" fill="var(--ok)" />
    case 'unknown':
      return <circle cx="6" cy="6" r="4" fill="none" stroke="var(--ink-3)" strokeWidth="1.5" strokeDasharray="2.2 1.6" />
  }
}

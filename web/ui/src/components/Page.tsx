import type { ReactNode } from 'react'

interface Props {
  title: string
  /** What the page is about, beside its title. */
  note?: ReactNode
  children: ReactNode
}

/** A page with a title: what is on it scrolls under the header. */
export function Page({ title, note, children }: Props) {
  return (
    <PageFrame label={title}>
      <header className="flex flex-wrap items-baseline gap-x-3">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {note && <p className="text-ink-2">{note}</p>}
      </header>
      {children}
    </PageFrame>
  )
}

/** The scrolling part of a page that brings a heading of its own. */
export function PageFrame({ label, wide, children }: { label: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className="min-h-0 flex-1 overflow-y-auto [scrollbar-gutter:stable]" tabIndex={0} role="region" aria-label={label}>
      <div className={`mx-auto flex w-full ${wide ? 'max-w-[84rem]' : 'max-w-5xl'} flex-col gap-4 p-4 pb-12 sm:p-6`}>{children}</div>
    </div>
  )
}

/** A titled part of a page. */
export function Card({ title, note, action, className = '', children }: { title: string; note?: ReactNode; action?: ReactNode; className?: string; children: ReactNode }) {
  return (
    <section aria-label={title} className={`card min-w-0 p-4 sm:p-5 ${className}`}>
      <div className="flex flex-wrap items-baseline gap-x-2.5 gap-y-1">
        <h2 className="text-base font-semibold">{title}</h2>
        {note && <span className="text-ink-3 text-xs">{note}</span>}
        {action && <span className="ml-auto">{action}</span>}
      </div>
      <div className="mt-3">{children}</div>
    </section>
  )
}

/** The numbers that one looks for first. */
export function Tiles({ children }: { children: ReactNode }) {
  return <dl className="card grid grid-cols-2 gap-4 p-4 sm:grid-cols-3 sm:p-5 lg:grid-cols-6" aria-label="In short">{children}</dl>
}

export function Tile({ term, note, children }: { term: string; note: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-ink-3 text-xs">{term}</dt>
      <dd className="num mt-0.5 truncate text-lg font-semibold">{children}</dd>
      <dd className="num text-ink-3 text-xs">{note}</dd>
    </div>
  )
}

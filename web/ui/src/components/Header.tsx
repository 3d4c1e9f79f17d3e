import { useLocation } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import type { LiveState } from '../api/live'
import { LEAVING, select, useView } from '../hooks/useView'
import { DEFAULT_VIEW } from '../view/view'
import { LiveToggle } from './LiveToggle'
import { RangePicker } from './RangePicker'
import { SearchBox } from './SearchBox'
import { ThemeToggle } from './ThemeToggle'
import { ViewLink } from './ViewLink'

/** The product's name, the pages, and what selects the data that every page shows. */
export function Header({ live }: { live: LiveState }) {
  return (
    <header className="border-line bg-surface relative z-30 flex flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2">
      <ViewLink to="/map" patch={{ ...select.none, ...LEAVING, focus: undefined }} className="mr-1 flex items-center gap-2 rounded-md" aria-label="Faultline, to the whole map">
        <Mark />
        <span className="text-[15px] font-semibold tracking-[-0.015em]">Faultline</span>
      </ViewLink>
      <PageTabs />
      <SearchBox />
      <div className="ml-auto flex flex-wrap items-center gap-2">
        <RangePicker />
        <LiveToggle state={live} />
        <ThemeToggle />
      </div>
    </header>
  )
}

/** An hour is enough to compare; fifteen minutes, the default elsewhere, seldom are. */
const COMPARED = { ...LEAVING, from: 'now-1h' }

function PageTabs() {
  const { pathname } = useLocation()
  const [{ from, to: until }] = useView()
  const usual = from === DEFAULT_VIEW.from && until === DEFAULT_VIEW.to
  const nav = useRef<HTMLElement>(null)
  // Where there is not room for all, the page that is open is among those in sight.
  useEffect(() => nav.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'center' }), [pathname])
  return (
    <nav ref={nav} aria-label="Pages" className="scrolling-row rounded-lg p-0.5 [--row:var(--sunken)]">
      {([['/map', 'Map'], ['/table', 'Table'], ['/incidents', 'Incidents'], ['/findings', 'Findings'], ['/changes', 'Changes'], ['/hotspots', 'Hotspots'], ['/whatif', 'What if'], ['/objectives', 'Objectives'], ['/pipeline', 'Pipeline']] as const).map(([to, label]) => (
        <ViewLink key={to} to={to} patch={to === '/changes' && usual && pathname !== to ? COMPARED : LEAVING} aria-current={pathname === to || pathname.startsWith(`${to}/`) ? 'page' : undefined}
          className="text-ink-2 hover:text-ink aria-[current=page]:bg-surface aria-[current=page]:text-ink aria-[current=page]:shadow-card rounded-md px-2 py-1 text-sm font-medium whitespace-nowrap">
          {label}
        </ViewLink>
      ))}
    </nav>
  )
}

/** Two strata that have slipped along a fault. */
function Mark() {
  return (
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8.5" fill="var(--accent)" />
      <path d="M7 12h6.5l4 8H25" fill="none" stroke="var(--on-accent)" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round" />
      <circle cx="7.5" cy="12" r="2.7" fill="var(--on-accent)" />
      <circle cx="24.5" cy="20" r="2.7" fill="var(--on-accent)" />
    </svg>
  )
}

import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'faultline.theme'
const listeners = new Set<() => void>()
const systemDark = matchMedia('(prefers-color-scheme: dark)')
systemDark.addEventListener('change', apply)

let chosen: Theme = read()

/** The chosen theme, the one in effect, and how to choose another. The choice is kept in the browser. */
export function useTheme() {
  const theme = useSyncExternalStore(subscribe, () => chosen)
  const effective = useSyncExternalStore(subscribe, inEffect)
  return { theme, effective, setTheme }
}

function setTheme(theme: Theme): void {
  chosen = theme
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // No storage: the choice lasts for this visit.
  }
  apply()
}

function inEffect(): 'light' | 'dark' {
  if (chosen !== 'system') return chosen
  return systemDark.matches ? 'dark' : 'light'
}

function apply(): void {
  document.documentElement.dataset.theme = inEffect()
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function read(): Theme {
  try {
    const saved = localStorage.getItem(KEY)
    return saved === 'light' || saved === 'dark' ? saved : 'system'
  } catch {
    return 'system'
  }
}

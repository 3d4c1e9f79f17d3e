import { useTheme, type Theme } from '../hooks/useTheme'
import { MoonIcon, SunIcon, SystemIcon } from './icons'

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' }
const ICONS = { system: SystemIcon, light: SunIcon, dark: MoonIcon }

/** One button that goes through the three choices and says which one is in effect. */
export function ThemeToggle() {
  const { theme, setTheme } = useTheme()
  const Icon = ICONS[theme]
  const label = `Theme: ${theme}. Change to ${NEXT[theme]}.`
  return (
    <button type="button" className="control w-8 justify-center px-0" aria-label={label} title={label} onClick={() => setTheme(NEXT[theme])}>
      <Icon />
    </button>
  )
}

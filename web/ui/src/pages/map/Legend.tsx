import { useState } from 'react'
import { NODE_TYPES, type ChangeRating } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { ChevronIcon, TypeTile } from '../../components/icons'
import { LevelBars } from '../../components/LevelBars'
import { RATING_MARK, RATING_TEXT, RATINGS } from '../../components/rating'
import { VerdictLine } from '../../components/Verdict'
import { duration } from '../../format/format'
import type { Drawing } from '../../graph/collapse'
import { LENS_TEXT, STEPS, type LensName, type Level } from '../../graph/lens'
import { THRESHOLDS } from '../../graph/red'

const percent = (share: number) => `${+(share * 100).toPrecision(3)} %`

const HEALTHS = [
  ['bad', `failing: ${percent(THRESHOLDS.bad)} of calls or more`],
  ['warn', `degraded: ${percent(THRESHOLDS.warn)} or more`],
  ['ok', `healthy: below ${percent(THRESHOLDS.warn)}`],
  ['unknown', 'no calls reported'],
] as const

const VERDICTS = [
  ['hard', 'hard: the caller fails with the callee'], ['partial', 'partial: it fails sometimes'], ['mixed', 'mixed: it depends on the operation'],
  ['soft', 'soft: it does not fail'], ['unknown', 'unknown: too few failures seen'],
] as const

/** What the levels of a lens mean, from 0 to 4. */
const LEVELS: Partial<Record<LensName, string[]>> = {
  errors: ['no failures', ...ranges(STEPS.errors, (v, first) => (first ? 'any' : percent(v)))],
  whatif: ['nothing, or not called by users', ...ranges(STEPS.errors, (v, first) => (first ? 'any' : percent(v)))],
  latency: [`below ${duration(STEPS.latency[0])}`, ...ranges(STEPS.latency, duration)],
  fragility: [`below ${STEPS.fragility[0]} of 100`, ...ranges(STEPS.fragility, String)],
}

function ranges(steps: readonly number[], text: (value: number, first: boolean) => string): string[] {
  return steps.map((s, i) => `${text(s, i === 0)} ${i < steps.length - 1 ? `to ${text(steps[i + 1]!, false)}` : 'or more'}`)
}

/** What the signs of the map mean. It lists only the types that are drawn. */
export function Legend({ drawing, lens }: { drawing: Drawing; lens: LensName }) {
  const [open, setOpen] = useState(false)
  const types = NODE_TYPES.filter((t) => drawing.nodes.some((n) => n.node?.type === t))
  return (
    <div className="absolute bottom-3 left-3 flex flex-col items-start gap-2">
      <div id="legend" hidden={!open} className="pop text-ink-2 w-72 p-3.5 text-xs">
        <p className="text-ink mb-2 font-medium">{LENS_TEXT[lens].title}: <span className="text-ink-2 font-normal">{LENS_TEXT[lens].about}</span></p>
        <ul className="grid gap-1.5">
          {lens === 'health' && HEALTHS.map(([health, text]) => <li key={health} className="flex items-center gap-2.5"><HealthMark health={health} silent />{text}</li>)}
          {lens === 'criticality' && VERDICTS.map(([verdict, text]) => <li key={verdict} className="flex items-center gap-2.5"><VerdictLine verdict={verdict} />{text}</li>)}
          {lens === 'change' && RATINGS.map((rating) => <li key={rating} className="flex items-center gap-2.5"><HealthMark health={RATING_MARK[rating]} silent /><Line width={2.5} rating={rating} />{RATING_TEXT[rating].toLowerCase()}</li>)}
          {lens === 'change' && <li className="flex items-center gap-2.5"><LevelBars level={0} />as before</li>}
          {LEVELS[lens]?.map((text, level) => <li key={text} className="flex items-center gap-2.5"><LevelBars level={level as Level} />{text}</li>)}
          {lens !== 'health' && lens !== 'criticality' && <li className="flex items-center gap-2.5"><LevelBars level={null} />not known</li>}
        </ul>
        <ul className="border-line mt-3 grid gap-1.5 border-t pt-3">
          {lens !== 'criticality' && <li className="flex items-center gap-2.5"><Line width={1.5} /><Line width={5} />width: calls per second</li>}
          {lens === 'change' && <li className="flex items-center gap-2.5"><Line width={2} dash="1.5 4" />dotted: gone, as it was before</li>}
          {lens !== 'criticality' && <li className="flex items-center gap-2.5"><Line width={2} dash="6 4" />dashed: the caller does not wait</li>}
          {lens === 'criticality' && <li className="flex items-center gap-2.5"><LevelBars level={4} />on a node: for how many of its callers it is hard</li>}
        </ul>
        <ul className="border-line mt-3 grid grid-cols-2 gap-x-2 gap-y-1.5 border-t pt-3">
          {types.map((t) => <li key={t} className="flex items-center gap-2"><TypeTile type={t} size={20} />{t}</li>)}
        </ul>
      </div>
      <button type="button" className="control shadow-card" aria-expanded={open} aria-controls="legend" onClick={() => setOpen(!open)}>
        Legend <ChevronIcon className={open ? '' : 'rotate-180'} />
      </button>
    </div>
  )
}

function Line({ width, dash, rating }: { width: number; dash?: string; rating?: ChangeRating }) {
  return (
    <svg width="26" height="8" aria-hidden="true" className="shrink-0" data-rating={rating}>
      <path d="M1 4h24" stroke={rating ? 'var(--tone)' : 'var(--edge)'} strokeWidth={width} strokeDasharray={dash} />
    </svg>
  )
}

import { useState } from 'react'
import type { Finding, NewMark } from '../../api/model'
import { problemFrom } from '../../api/problem'
import { dateTime } from '../../format/format'
import { useMarkFinding } from '../../hooks/queries'

const MUTES = [['1', 'for an hour'], ['24', 'for a day'], ['168', 'for a week'], ['', 'for good']] as const

/** Says that somebody takes care of a finding, or that it is not to be shown for a while, and why. */
export function MarkForm({ finding }: { finding: Finding }) {
  const mark = useMarkFinding(finding.id)
  const [by, setBy] = useState(() => localStorage.getItem(NAME) ?? '')
  const [reason, setReason] = useState('')
  const [hours, setHours] = useState<string>('24')
  const say = (body: NewMark) => {
    localStorage.setItem(NAME, by)
    mark.mutate({ ...body, by, reason })
  }
  if (finding.mark) {
    const { what, by: whose, reason: why, until } = finding.mark
    return (
      <section aria-label="What was said about it">
        <h3 className="eyebrow">{what === 'muted' ? 'Muted' : 'Acknowledged'}</h3>
        <p className="mt-1">{[whose && `by ${whose}`, until && `until ${dateTime(new Date(until))}`].filter(Boolean).join(', ')}</p>
        {why && <p className="text-ink-2">{why}</p>}
        <button type="button" className="control mt-2" disabled={mark.isPending} onClick={() => say({ what: 'none' })}>Take that back</button>
        <Failure error={mark.error} />
      </section>
    )
  }
  return (
    <section aria-label="Take care of it">
      <h3 className="eyebrow">Take care of it</h3>
      <div className="mt-1 flex flex-col gap-2">
        <input className="field" aria-label="Your name" placeholder="Your name" maxLength={200} value={by} onChange={(e) => setBy(e.target.value)} />
        <input className="field" aria-label="Reason" placeholder="Reason, needed to mute" maxLength={2000} value={reason} onChange={(e) => setReason(e.target.value)} />
        <div className="flex flex-wrap gap-2">
          <button type="button" className="primary" disabled={mark.isPending} onClick={() => say({ what: 'acknowledged' })}>Acknowledge</button>
          <button type="button" className="control" disabled={mark.isPending || reason.trim() === ''}
            onClick={() => say({ what: 'muted', ...(hours && { until: new Date(Date.now() + Number(hours) * 3600_000).toISOString() }) })}>Mute</button>
          <select className="field" aria-label="How long to mute" value={hours} onChange={(e) => setHours(e.target.value)}>
            {MUTES.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </select>
        </div>
        <Failure error={mark.error} />
      </div>
    </section>
  )
}

/** Where the browser keeps the reader's name. */
const NAME = 'faultline.name'

function Failure({ error }: { error: unknown }) {
  if (!error) return null
  return <p role="alert" className="text-bad">{problemFrom(error).message}</p>
}

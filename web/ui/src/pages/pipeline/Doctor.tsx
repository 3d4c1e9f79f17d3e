import type { Doctor as DoctorAnswer, DoctorFinding, DoctorService, DoctorSide, NodeIdentity } from '../../api/model'
import { HealthMark } from '../../components/HealthMark'
import { TypeTile } from '../../components/icons'
import { ViewLink } from '../../components/ViewLink'
import { count, plural, share } from '../../format/format'
import { select, useView } from '../../hooks/useView'
import { CLEAR_FILTERS } from '../../view/view'
import { FATES, healthOf, REASON_TEXT, SEVERITY_TEXT, worstFirst, type SideChoice } from './doctor'

const SIDES: readonly { side: SideChoice; label: string }[] = [
  { side: 'any', label: 'Both sides' }, { side: 'client', label: 'Outgoing (client)' }, { side: 'server', label: 'Incoming (server)' },
]

/** Which half calls of which service could not be joined into an edge, why most likely, and what to do about it. */
export function Doctor({ doctor }: { doctor: DoctorAnswer }) {
  const [view, change] = useView()
  const services = worstFirst(doctor.services, view)
  const filtered = view.environment.length + view.namespace.length > 0
  const ill = services.filter((s) => s.findings.length > 0)
  const well = services.filter((s) => s.findings.length === 0)
  return (
    <section aria-label="Graph doctor" className="border-line bg-surface shadow-card rounded-xl border p-4 sm:p-5">
      <div className="flex flex-wrap items-baseline gap-x-4 gap-y-2">
        <h2 className="text-base font-semibold">Graph doctor</h2>
        <p className="text-ink-3">which instrumentation hides which edge, and how to mend it</p>
        <div className="ml-auto flex flex-wrap gap-2" role="group" aria-label="Side of the calls">
          {SIDES.map(({ side, label }) => (
            <button key={side} type="button" className="control" data-active={view.side === side} aria-pressed={view.side === side} onClick={() => change({ side }, { replace: true })}>{label}</button>
          ))}
        </div>
      </div>
      {doctor.halves === 0 && doctor.services.length === 0 ? <NothingCounted /> : (
        <>
          <Check doctor={doctor} />
          {doctor.truncated_by && <p role="note" className="text-warn mt-2">The worst {count(doctor.services.length)} of {count(doctor.total_services)} services are listed.</p>}
          {ill.length > 0 && <ul className="mt-4 flex flex-col" aria-label="Services with findings">{ill.map((s) => <Service key={s.node.id} service={s} />)}</ul>}
          {ill.length === 0 && services.length > 0 && (
            <p className="mt-4 flex items-center gap-1.5"><HealthMark health="ok" silent /> Nothing to mend: every half call of these services became part of an edge.</p>
          )}
          {services.length === 0 && (
            <p className="text-ink-2 mt-4">No service is left by {filtered ? 'the filters and this side' : 'this side'}. <button type="button" className="link" onClick={() => change({ ...CLEAR_FILTERS, side: 'any' })}>Show all</button></p>
          )}
          {well.length > 0 && (
            <>
              <h3 className="eyebrow mt-6">Nothing amiss with {plural(well.length, 'service')}</h3>
              <ul className="mt-1 flex flex-col" aria-label="Services without findings">{well.map((s) => <Service key={s.node.id} service={s} />)}</ul>
            </>
          )}
        </>
      )}
    </section>
  )
}

/** The sum that must come out even: every half call has exactly one fate. */
function Check({ doctor }: { doctor: DoctorAnswer }) {
  const even = doctor.unaccounted === 0
  return (
    <p className="num bg-sunken mt-3 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-lg px-3 py-2" data-check={even ? 'even' : 'uneven'}>
      <span><b className="font-semibold">{count(doctor.halves)}</b> half calls = <b className="font-semibold">{count(doctor.paired)}</b> paired + <b className="font-semibold">{count(doctor.other)}</b> with another fate
        {!even && <> + <b className="text-bad font-semibold">{count(doctor.unaccounted)}</b> unaccounted for</>}</span>
      <span className={`flex items-center gap-1.5 ${even ? 'text-ink-2' : 'text-bad font-medium'}`}>
        <HealthMark health={even ? 'ok' : 'bad'} silent /> {even ? 'every half is accounted for' : 'this is a defect of Faultline, please report it'}
      </span>
      <span className="text-ink-3 w-full text-xs">{FATES.filter((f) => doctor.fates[f.fate] > 0).map((f) => `${count(doctor.fates[f.fate])} ${f.label}`).join(' · ')}</span>
    </p>
  )
}

function Service({ service: { node, sides, findings } }: { service: DoctorService }) {
  return (
    <li className="border-line border-t py-3" data-service={node.name}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <HealthMark health={healthOf(findings[0]?.severity)} silent />
        <TypeTile type={node.type} size={24} />
        <NodeName node={node} strong />
        <span className="text-ink-3">{[node.environment, node.namespace].filter(Boolean).join(' / ')}</span>
        <span className="flex w-full flex-wrap gap-x-6 gap-y-1 sm:ml-auto sm:w-auto">{sides.map((s) => <Side key={s.side} side={s} />)}</span>
      </div>
      {findings.length > 0 && <ul className="mt-2 flex flex-col gap-3 pl-6">{findings.map((f) => <Finding key={`${f.reason} ${f.side}`} finding={f} />)}</ul>}
    </li>
  )
}

const SIDE_TEXT = { client: 'outgoing', server: 'incoming' }
const KIND_COLOUR = { edge: 'var(--ok)', open: 'var(--ink-3)', lost: 'var(--bad-line)' }

/** What became of the halves of one side, as a bar and in words. */
function Side({ side: { side, halves, fates } }: { side: DoctorSide }) {
  const met = FATES.filter((f) => fates[f.fate] > 0)
  return (
    <span className="num w-full text-xs sm:w-60">
      <span className="bg-sunken mb-1 flex h-1.5 w-full min-w-40 overflow-hidden rounded-full" aria-hidden="true">
        {met.map((f) => <span key={f.fate} style={{ width: `${(fates[f.fate] / halves) * 100}%`, background: KIND_COLOUR[f.kind] }} />)}
      </span>
      <span className="text-ink-2">{SIDE_TEXT[side]}: </span>
      <span className="text-ink-3">{met.map((f) => `${count(fates[f.fate])} ${f.label}`).join(' · ')}</span>
    </span>
  )
}

function Finding({ finding: f }: { finding: DoctorFinding }) {
  const colour = f.severity === 'bad' ? 'text-bad' : f.severity === 'warn' ? 'text-warn' : 'text-ink-2'
  return (
    <li className="flex gap-2.5" data-reason={f.reason} data-severity={f.severity}>
      <span className="pt-1"><HealthMark health={healthOf(f.severity)} silent /></span>
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <b className={`font-semibold ${colour}`}>{REASON_TEXT[f.reason]}</b>
          <span className="num text-ink-2">
            {f.halves > 0 && `${count(f.halves)} ${f.side === 'both' ? '' : `${SIDE_TEXT[f.side]} `}half calls, ${share(f.share, 1)}`}
            <span className="text-ink-3">{f.halves > 0 && ' · '}{SEVERITY_TEXT[f.severity]}</span>
          </span>
        </p>
        <div className="mt-1 grid gap-x-8 gap-y-1 lg:grid-cols-2">
          <p className="max-w-prose">{f.cause}</p>
          <p className="text-ink-2 max-w-prose"><b className="text-ink font-medium">Mend it: </b>{f.repair}</p>
        </div>
        {f.beside.length > 0 && (
          <p className="mt-1 flex flex-wrap gap-x-3"><span className="text-ink-3">See</span>{f.beside.map((n) => <NodeName key={n.id} node={n} />)}</p>
        )}
      </div>
    </li>
  )
}

/** A node by name, as a link to its panel if the graph has it. */
function NodeName({ node, strong }: { node: NodeIdentity; strong?: boolean }) {
  if (!node.name) return <code className="text-ink-2 font-mono text-xs" title="The graph of this window does not have it">{node.id}</code>
  return <ViewLink patch={select.node(node.id)} className={strong ? 'font-semibold hover:underline' : 'link'}>{node.name}</ViewLink>
}

function NothingCounted() {
  return (
    <div className="text-ink-2 mt-3 max-w-prose">
      <p>
        No half call was counted in this window. Every CLIENT, SERVER, PRODUCER and CONSUMER span is one half of a call; once some arrive,
        this list says for every service how many of them found their other half, and what hides the edges of those that did not.
      </p>
      <p className="mt-2"><ViewLink to="/map" patch={{}} className="link">How to send traces</ViewLink></p>
    </div>
  )
}

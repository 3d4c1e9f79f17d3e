import type { SpanOutcome, TraceSpan, Why } from '../../api/model'

export const OUTCOME_TEXT: Record<SpanOutcome, string> = {
  failed: 'failed', throttled: 'throttled', client_error: 'client error (4xx)', timed_out: 'timed out',
  cancelled: 'cancelled', resent: 'repeats an earlier call', receive: 'poll for messages', synthetic: 'made by a bot or a test',
}

export const WHY_TEXT: Record<Why, string> = {
  error: 'kept because something in it failed', slow: 'kept because its request was among the slowest',
  baseline: 'kept as an example of how things usually go', all: 'kept as every trace is',
}

export const KIND_TEXT: Record<TraceSpan['kind'], string> = {
  server: 'serves a request', client: 'calls another service', producer: 'sends a message', consumer: 'handles a message',
  internal: 'work inside the service', unspecified: 'kind not reported',
}

/** How a span ended, in words; what is no worse than usual has none. */
export function endOf(span: TraceSpan): string {
  const said = (['failed', 'timed_out', 'throttled', 'client_error', 'cancelled'] as const).filter((o) => span.outcomes.includes(o))
  return said.map((o) => OUTCOME_TEXT[o]).join(', ')
}

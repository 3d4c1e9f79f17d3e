import type { ProblemDocument } from './model'

/** Problem is why a request was not answered, in words for the person at the screen. */
export class Problem extends Error {
  readonly title: string
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number

  constructor(title: string, detail: string, status: number) {
    super(detail)
    this.name = 'Problem'
    this.title = title
    this.status = status
  }
}

/** Reads the body of an answer that is not a success; any body at all gives a usable problem. */
export function problemOf(body: unknown, status: number): Problem {
  if (isDocument(body)) return new Problem(body.title, body.detail, status)
  return new Problem(`HTTP ${status}`, 'The server answered with an error and gave no reason.', status)
}

/** Makes a problem of whatever a failed fetch threw. */
export function problemFrom(err: unknown): Problem {
  if (err instanceof Problem) return err
  return new Problem('No answer from the server', 'The request did not get through. Check that Faultline is running and reachable.', 0)
}

function isDocument(body: unknown): body is ProblemDocument {
  return typeof body === 'object' && body !== null && 'title' in body && 'detail' in body &&
    typeof body.title === 'string' && typeof body.detail === 'string'
}

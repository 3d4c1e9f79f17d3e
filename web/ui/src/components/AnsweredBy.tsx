import { useNode } from '../hooks/queries'
import { NodePageLink } from './ViewLink'

/** Says of calls to an address that nobody answered whose address it is, as their callers' other calls to it tell. */
export function AnsweredBy({ service }: { service: string }) {
  const name = useNode(service).data?.node.name ?? 'a service'
  return (
    <p className="text-ink-2 mt-1">
      Nobody answered these calls. Other calls of the same callers to this address are answered by <NodePageLink id={service} className="link">{name}</NodePageLink>:
      it was down or out of reach then.
    </p>
  )
}

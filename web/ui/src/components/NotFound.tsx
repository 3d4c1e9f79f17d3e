import { ViewLink } from './ViewLink'

export function NotFound() {
  return (
    <div className="grid flex-1 place-items-center p-6">
      <section className="max-w-md">
        <p className="eyebrow">Not found</p>
        <h1 className="mt-1 text-lg font-semibold">There is no page at this address</h1>
        <p className="mt-3"><ViewLink to="/map" patch={{}} className="link">To the map</ViewLink></p>
      </section>
    </div>
  )
}

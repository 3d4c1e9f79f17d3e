/** The parts of a name between which a line may end, with what separates them. */
export function partsOf(name: string): string[] {
  return name.match(/[^ ./:@_-]*[ ./:@_-]+|[^ ./:@_-]+/g) ?? [name]
}

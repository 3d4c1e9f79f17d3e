const BOXES = [[4, 38], [27, 20], [27, 56], [52, 12], [52, 38], [52, 66], [77, 24], [77, 54]] as const

/** The outline of a map while the first graph is under way. */
export function LoadingMap() {
  return (
    <div className="relative flex-1 overflow-hidden" role="status" aria-label="Loading the graph">
      {BOXES.map(([x, y], i) => (
        <div key={`${x} ${y}`} className="border-line bg-surface absolute h-[9%] min-h-14 w-[16%] animate-pulse rounded-xl border p-3"
          style={{ left: `${x}%`, top: `${y}%`, animationDelay: `${i * 90}ms` }}>
          <div className="bg-sunken h-3 w-2/3 rounded" />
          <div className="bg-sunken mt-2.5 h-2 w-11/12 rounded" />
        </div>
      ))}
    </div>
  )
}

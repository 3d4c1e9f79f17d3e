package graph

// Halves tells how much of an edge was seen from both of its ends.
type Halves struct {
	Both       int64 // calls of which the caller's half and the callee's came
	CallerOnly int64 // only the caller's: the callee sends no spans, or lost or sampled away those
	CalleeOnly int64 // only the callee's: likewise the caller
}

// Halves returns of how many calls of the edge which halves came. Each half brings its own measurement of the
// call, so the counts are as exact as the edge itself: they follow late halves and corrections. ok is false
// for an asynchronous edge, where the caller's half measures the handing over and says nothing of the edge.
func (e *Edge) Halves() (h Halves, ok bool) {
	if e.Mode == Async {
		return Halves{}, false
	}
	callers, callees := e.Client.Count(), e.Server.Count()
	h.Both = max(callers+callees-e.Calls, 0)
	h.CallerOnly, h.CalleeOnly = callers-h.Both, callees-h.Both
	return h, true
}

// Package cascade finds incidents and what caused them: it notices that operations fail or slow down, follows
// the blame along the calls to where it comes from, and says how the failure spread and whom it hit.
//
// Blame flows from callers to callees by local facts (analysis specification, E.2). A request that failed
// although all its calls succeeded blames its own service; one whose call failed blames the callee, unless a
// failed request of the callee's own explains it and carries the blame further. Time works alike: what an
// operation takes longer by itself blames its service, and what a call takes longer on the way, between the clocks
// of its two ends, blames the end that most of such calls have in common. A service that is dead emits nothing
// and still collects the blame of those who call it.
//
// The package is pure: no clock, no I/O.
package cascade

import (
	"math"

	"faultline/graph"
)

// operation is an operation of a node.
type operation struct {
	node graph.NodeID
	name string
}

// call is a pair of operations, one of which calls the other.
type call struct {
	caller, callee operation
}

// group is all calls of the requests of an operation to one callee; callee 0 stands for the requests.
type group struct {
	operation
	callee graph.NodeID
}

// timing sums durations in µs, each at most a minute, so that a few very long ones do not hide the rest.
type timing struct{ n, sum, squares float64 }

const longest = 60e6 // µs

func (t *timing) addHistogram(h graph.Histogram) {
	for _, b := range h {
		d := min(math.Exp2((float64(b.Index)-0.5)/16), longest)
		n := float64(b.N)
		t.n += n
		t.sum += n * d
		t.squares += n * d * d
	}
}

func (t *timing) add(o timing, weight float64) {
	t.n += o.n * weight
	t.sum += o.sum * weight
	t.squares += o.squares * weight
}

func (t *timing) mean() float64 {
	if t.n <= 0 {
		return 0
	}
	return t.sum / t.n
}

// errorOfMean is the variance of the mean.
func (t *timing) errorOfMean() float64 {
	if t.n <= 1 {
		return math.Inf(1)
	}
	return max(t.squares/t.n-t.mean()*t.mean(), 0) / t.n
}

type operationSum struct {
	requests, failed float64
	time             timing
	times            graph.Histogram
}

type callSum struct {
	calls, failed  float64
	client, server timing // of calls that both ends measured, or else of those that the client did
	async          bool
}

type groupSum struct {
	requests, failed, clean, cleanFailed, blamed, unexplained, survived float64
	fatalTrace, survivedTrace                                           graph.TraceID
}

// Sample sums what was seen of a system in some stretch of time.
type Sample struct {
	operations map[operation]*operationSum
	calls      map[call]*callSum
	groups     map[group]*groupSum
}

// NewSample returns an empty Sample.
func NewSample() *Sample {
	return &Sample{operations: map[operation]*operationSum{}, calls: map[call]*callSum{}, groups: map[group]*groupSum{}}
}

// Empty reports whether nothing was seen.
func (s *Sample) Empty() bool { return len(s.operations) == 0 && len(s.calls) == 0 }

func at[K comparable, V any](m map[K]*V, k K) *V {
	v := m[k]
	if v == nil {
		v = new(V)
		m[k] = v
	}
	return v
}

// AddOperation takes in the requests of an operation.
func (s *Sample) AddOperation(r *graph.OperationRow) {
	o := at(s.operations, operation{r.Node, r.Operation})
	o.requests += float64(r.Calls)
	o.failed += float64(r.Failed)
	o.time.addHistogram(r.Server)
	o.times.Merge(r.Server)
}

// AddCall takes in the calls between two operations. The view of a queue from producer to consumer is left out.
func (s *Sample) AddCall(r *graph.CallSiteRow) {
	if r.Via != 0 {
		return
	}
	c := at(s.calls, call{operation{r.Caller, r.CallerOperation}, operation{r.Callee, r.CalleeOperation}})
	c.calls += float64(r.Calls)
	c.failed += float64(r.Failed)
	c.client.addHistogram(r.Client)
	c.server.addHistogram(r.Server)
	c.async = c.async || r.Mode == graph.Async
}

// AddOutcome takes in how requests fared with their calls.
func (s *Sample) AddOutcome(r *graph.OutcomeRow) {
	g := at(s.groups, group{operation{r.Caller, r.Operation}, r.Callee})
	g.requests += float64(r.Requests)
	g.failed += float64(r.Failed)
	g.clean += float64(r.Clean)
	g.cleanFailed += float64(r.CleanFailed)
	g.blamed += float64(r.Blamed)
	g.unexplained += float64(r.Unexplained)
	g.survived += float64(r.TotalSurvived + r.PartialSurvived + r.ContestedSurvived)
	g.fatalTrace = graph.LeastTrace(g.fatalTrace, r.FatalTrace)
	g.survivedTrace = graph.LeastTrace(g.survivedTrace, r.SurvivedTrace)
}

// Add adds o, each count of which counts weight times.
func (s *Sample) Add(o *Sample, weight float64) {
	for k, x := range o.operations {
		y := at(s.operations, k)
		y.requests += x.requests * weight
		y.failed += x.failed * weight
		y.time.add(x.time, weight)
		for _, b := range x.times {
			y.times.AddAt(b.Index, int64(math.Round(float64(b.N)*weight)))
		}
	}
	for k, x := range o.calls {
		y := at(s.calls, k)
		y.calls += x.calls * weight
		y.failed += x.failed * weight
		y.client.add(x.client, weight)
		y.server.add(x.server, weight)
		y.async = y.async || x.async
	}
	for k, x := range o.groups {
		y := at(s.groups, k)
		y.requests += x.requests * weight
		y.failed += x.failed * weight
		y.clean += x.clean * weight
		y.cleanFailed += x.cleanFailed * weight
		y.blamed += x.blamed * weight
		y.unexplained += x.unexplained * weight
		y.survived += x.survived * weight
	}
}

// fade makes everything count less, and forgets what hardly counts any more.
func (s *Sample) fade(by float64) {
	for k, x := range s.operations {
		if x.requests *= by; x.requests < forgotten {
			delete(s.operations, k)
			continue
		}
		x.failed *= by
		x.time = timing{x.time.n * by, x.time.sum * by, x.time.squares * by}
		kept := x.times[:0]
		for _, b := range x.times {
			if b.N = int64(math.Round(float64(b.N) * by)); b.N > 0 {
				kept = append(kept, b)
			}
		}
		x.times = kept
	}
	for k, x := range s.calls {
		if x.calls *= by; x.calls < forgotten {
			delete(s.calls, k)
			continue
		}
		x.failed *= by
		x.client = timing{x.client.n * by, x.client.sum * by, x.client.squares * by}
		x.server = timing{x.server.n * by, x.server.sum * by, x.server.squares * by}
	}
	for k, x := range s.groups {
		if x.requests *= by; x.requests < forgotten {
			delete(s.groups, k)
			continue
		}
		for _, f := range []*float64{&x.failed, &x.clean, &x.cleanFailed, &x.blamed, &x.unexplained, &x.survived} {
			*f *= by
		}
	}
}

// forgotten is the count below which a faded sum is as good as nothing.
const forgotten = 0.05

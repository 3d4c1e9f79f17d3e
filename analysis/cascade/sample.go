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
	"bytes"
	"maps"
	"math"
	"slices"
	"time"

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

// timing sums durations in µs, each at most a minute, so that a few very long ones do not hide the rest, and their
// logarithms, bucket by bucket: requests of one bucket have much in common, so buckets differ by more than
// their requests do.
type timing struct {
	n, sum, squares  float64
	logs, logSquares float64
	buckets          float64
	between          float64 // for each bucket, the square of the sum of its logarithms by their number
}

const longest = 60e6 // µs

// durations and logarithms stand for the buckets of a histogram.
var durations, logarithms = func() (d, l [graph.MaxIndex + 1]float64) {
	for i := range d {
		d[i] = min(math.Exp2((float64(i)-0.5)/16), longest)
		l[i] = math.Log(d[i])
	}
	return d, l
}()

// addHistogram takes in durations of the bucket under way.
func (t *timing) addHistogram(h graph.Histogram) {
	for _, b := range h {
		d, l, n := durations[b.Index], logarithms[b.Index], float64(b.N)
		t.n += n
		t.sum += n * d
		t.squares += n * d * d
		t.logs += n * l
		t.logSquares += n * l * l
	}
}

func (t *timing) add(o *timing) {
	t.n += o.n
	t.sum += o.sum
	t.squares += o.squares
	t.logs += o.logs
	t.logSquares += o.logSquares
	t.buckets += o.buckets
	t.between += o.between
}

func (t timing) with(o *timing) timing {
	t.add(o)
	return t
}

func (t *timing) fade(by float64) {
	t.n *= by
	t.sum *= by
	t.squares *= by
	t.logs *= by
	t.logSquares *= by
	t.buckets *= by
	t.between *= by
}

// closeBucket says that all of a bucket is in t, and nothing else.
func (t *timing) closeBucket() {
	if t.n > 0 {
		t.buckets, t.between = 1, t.logs*t.logs/t.n
	}
}

func (t *timing) mean() float64 {
	if t.n <= 0 {
		return 0
	}
	return t.sum / t.n
}

// answers are how many calls were answered and how long that took in µs.
type answers struct{ n, sum float64 }

func (a *answers) add(o answers) { *a = answers{a.n + o.n, a.sum + o.sum} }

func (a answers) mean() float64 {
	if a.n <= 0 {
		return 0
	}
	return a.sum / a.n
}

// durationCounts is a histogram whose counts fade. Whole numbers would not: of a hundred, a thousandth is rounded away.
type durationCounts []durationCount // ascending, at most one for each bucket

type durationCount struct {
	index uint16 // of a bucket of graph.Histogram
	n     float32
}

func (d *durationCounts) addHistogram(h graph.Histogram) {
	if len(*d) == 0 {
		*d = make(durationCounts, 0, len(h))
	}
	at := 0
	for _, b := range h {
		at = d.addAt(at, b.Index, float32(b.N))
	}
}

func (d *durationCounts) add(o durationCounts) {
	if len(*d) == 0 {
		*d = slices.Clone(o)
		return
	}
	at := 0
	for _, c := range o {
		at = d.addAt(at, c.index, c.n)
	}
}

// addAt adds n to the bucket of an index, which is not before a place, and returns its place.
func (d *durationCounts) addAt(place int, index uint16, n float32) int {
	counts := *d
	for place < len(counts) && counts[place].index < index {
		place++
	}
	if place < len(counts) && counts[place].index == index {
		counts[place].n += n
	} else {
		*d = slices.Insert(counts, place, durationCount{index, n})
	}
	return place
}

// fade leaves out what hardly counts any more, so that what was seen once does not take room for ever.
func (d *durationCounts) fade(by float64) {
	kept := (*d)[:0]
	for _, c := range *d {
		if c.n *= float32(by); c.n >= forgotten {
			kept = append(kept, c)
		}
	}
	*d = kept
}

// above is how many are above a bucket.
func (d durationCounts) above(limit uint16) (count float64) {
	for _, c := range d {
		if c.index > limit {
			count += float64(c.n)
		}
	}
	return count
}

// ninth is the duration that nine of ten are not above, and false if there are none.
func (d durationCounts) ninth() (time.Duration, bool) {
	all := 0.0
	for _, c := range d {
		all += float64(c.n)
	}
	sum := 0.0
	for _, c := range d {
		if sum += float64(c.n); sum >= 0.9*all {
			return time.Duration(math.Exp2((float64(c.index)-0.5)/16) * float64(time.Microsecond)), true
		}
	}
	return 0, false
}

type operationSum struct {
	requests, failed float64
	time             timing
	times            durationCounts
}

func (o *operationSum) addRow(r *graph.OperationRow) {
	o.requests += float64(r.Calls)
	o.failed += float64(r.Failed)
	o.time.addHistogram(r.Server)
	o.times.addHistogram(r.Server)
}

func (o *operationSum) add(x *operationSum) {
	o.requests += x.requests
	o.failed += x.failed
	o.time.add(&x.time)
	o.times.add(x.times)
}

func (o *operationSum) fade(by float64) {
	o.requests *= by
	o.failed *= by
	o.time.fade(by)
	o.times.fade(by)
}

type callSum struct {
	calls, failed float64
	client        timing  // of calls that both ends measured, or else of those that the client did
	server        answers // likewise
	waves         float64 // for each bucket, the square of the number of calls by that of the requests that made them
}

func (c *callSum) addRow(r *graph.CallSiteRow) {
	c.calls += float64(r.Calls)
	c.failed += float64(r.Failed)
	c.client.addHistogram(r.Client)
	for _, b := range r.Server {
		c.server.add(answers{float64(b.N), float64(b.N) * durations[b.Index]})
	}
}

func (c *callSum) add(x *callSum) {
	c.calls += x.calls
	c.failed += x.failed
	c.client.add(&x.client)
	c.server.add(x.server)
	c.waves += x.waves
}

func (c *callSum) fade(by float64) {
	c.calls *= by
	c.failed *= by
	c.client.fade(by)
	c.server = answers{c.server.n * by, c.server.sum * by}
	c.waves *= by
}

type groupSum struct {
	groupCounts
	fatalTraces, survivedTraces traces
}

type groupCounts struct{ requests, calls, failed, cleanFailed, unexplained, survived float64 }

func (g *groupCounts) addCounts(r *graph.OutcomeRow) {
	g.requests += float64(r.Requests)
	g.calls += float64(r.Calls)
	g.failed += float64(r.Failed)
	g.cleanFailed += float64(r.CleanFailed)
	g.unexplained += float64(r.Unexplained)
	g.survived += float64(r.TotalSurvived + r.PartialSurvived + r.ContestedSurvived)
}

func (g *groupCounts) add(x *groupCounts) {
	g.requests += x.requests
	g.calls += x.calls
	g.failed += x.failed
	g.cleanFailed += x.cleanFailed
	g.unexplained += x.unexplained
	g.survived += x.survived
}

func (g *groupSum) addRow(r *graph.OutcomeRow) {
	g.addCounts(r)
	g.fatalTraces.add(r.FatalTrace)
	g.survivedTraces.add(r.SurvivedTrace)
}

func (g *groupSum) add(x *groupSum) {
	g.groupCounts.add(&x.groupCounts)
	g.fatalTraces.addAll(x.fatalTraces)
	g.survivedTraces.addAll(x.survivedTraces)
}

func (g *groupSum) fade(by float64) {
	for _, f := range []*float64{&g.requests, &g.calls, &g.failed, &g.cleanFailed, &g.unexplained, &g.survived} {
		*f *= by
	}
	g.fatalTraces, g.survivedTraces = nil, nil
}

// traces are ids of examples, the least ones, so that the choice does not depend on the order.
type traces []graph.TraceID

const mostTraces = 5

func (t *traces) add(id graph.TraceID) {
	if id == (graph.TraceID{}) {
		return
	}
	i, known := slices.BinarySearchFunc(*t, id, func(a, b graph.TraceID) int { return bytes.Compare(a[:], b[:]) })
	if known || i == mostTraces {
		return
	}
	*t = slices.Insert(slices.Clone(*t), i, id)
	*t = (*t)[:min(len(*t), mostTraces)]
}

func (t *traces) addAll(ids traces) {
	for _, id := range ids {
		t.add(id)
	}
}

// Sample sums what was seen of a system in some stretch of time.
type Sample struct {
	operations map[operation]*operationSum
	calls      map[call]*callSum
	groups     map[group]*groupSum
	uncounted  map[call]*uncounted // of the latest time, where not all calls are counted yet

	callOrder []call // of calls, if there are as many
}

// eachCall yields the calls in a fixed order: sums of them must not depend on that of a map.
func (s *Sample) eachCall(yield func(call, *callSum) bool) {
	if len(s.callOrder) != len(s.calls) {
		s.callOrder = slices.SortedFunc(maps.Keys(s.calls), compareCalls)
	}
	for _, k := range s.callOrder {
		if !yield(k, s.calls[k]) {
			return
		}
	}
}

// NewSample returns an empty Sample.
func NewSample() *Sample {
	return &Sample{operations: map[operation]*operationSum{}, calls: map[call]*callSum{}, groups: map[group]*groupSum{}, uncounted: map[call]*uncounted{}}
}

// uncounted are requests of which not all calls of a kind are counted yet, and those calls that are.
type uncounted struct{ requests, calls float64 }

func (u *uncounted) add(x uncounted) { u.requests, u.calls = u.requests+x.requests, u.calls+x.calls }

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
	at(s.operations, operation{r.Node, r.Operation}).addRow(r)
}

// AddCall takes in the calls between two operations that the caller waits for. The view of a queue from producer
// to consumer is left out.
func (s *Sample) AddCall(r *graph.CallSiteRow) {
	if k, waited := callOf(r); waited {
		at(s.calls, k).addRow(r)
	}
}

// callOf says what a row is about, and whether the caller waits for it.
func callOf(r *graph.CallSiteRow) (call, bool) {
	return call{operation{r.Caller, r.CallerOperation}, operation{r.Callee, r.CalleeOperation}}, r.Via == 0 && r.Mode != graph.Async
}

// AddOutcome takes in how requests fared with their calls.
func (s *Sample) AddOutcome(r *graph.OutcomeRow) { at(s.groups, groupOf(r)).addRow(r) }

func groupOf(r *graph.OutcomeRow) group { return group{operation{r.Caller, r.Operation}, r.Callee} }

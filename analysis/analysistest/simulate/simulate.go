// Package simulate makes telemetry of systems whose couplings are known, to hold against them what the product
// says. A World is a system of services, stores, queues and outsiders that call each other: some calls are
// essential and some are not, some are repeated, bounded by deadlines, cut off by circuit breakers, or replaced by
// others when they fail. Requests are played one by one over hours of simulated time in which nodes and whole
// zones fail in many ways, and come out as the export requests that collectors would send.
//
// Equal seeds and settings make equal worlds.
package simulate

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"faultline/analysis/analysistest"
)

// Settings say what is simulated.
type Settings struct {
	Services int
	Start    time.Time // a whole minute
	Length   time.Duration
	Spans    int // about so many are made

	Environment string // of all nodes

	Calm     bool    // nothing ever fails
	Steady   bool    // no step waits longer than usual: no node is slow or hangs
	Lost     float64 // share of spans that never arrive
	Head     float64 // share of traces that are kept; 0: all
	Tail     float64 // share of the traces kept whose root did not fail; 0: all
	AnyError bool    // with Tail: traces in which anything failed are kept as well
	Changes  bool    // at half time a new version of some callers changes a coupling
}

// Site is a call site by the names of its ends.
type Site struct{ Caller, Operation, Callee string }

// Truth is what is so about a call site.
type Truth struct {
	Hardness float64 // probability that a total failure of the callee fails the request
	Async    bool    // nobody waits for the calls
	Waits    bool    // the time that the callee takes is added to the request's
	Fallback string  // who is called instead when the callee has failed; "": nobody
	Instead  bool    // the callee is such a fallback, and its failures are never isolated
	Changed  bool    // at half time Hardness became 1-Hardness
	Blind    bool    // the caller has no client spans: a callee that does not answer leaves no sign
	Loops    bool    // of several calls one may follow a failed one, and look like a repetition of it
	InDoubt  bool    // by count: some of its calls were cut off half-way

	// What happened, in requests that were sampled. Since and Changed are those from half time on.
	Requests        int
	Fatal, Survived int // isolated total failures
	Late            int // isolated total failures that cost so much time that the caller's caller had given up
	SinceFatal      int
	SinceSurvived   int
	Slow            int // requests while the callee was slow
	Rescued, Failed int // logical calls that failed first and then not, and that failed finally
	Touched         int // requests in which an attempt failed
	TouchedFatal    int // of these, requests that failed
}

// Isolated is the number of isolated total failures.
func (t *Truth) Isolated() int { return t.Fatal + t.Survived + t.Late }

// Effective is the probability that a total failure of the callee fails the request for its caller, be it for the
// time that it takes.
func (t *Truth) Effective() float64 {
	if t.Survived+t.Late == 0 {
		return t.Hardness
	}
	return t.Hardness + (1-t.Hardness)*float64(t.Late)/float64(t.Survived+t.Late)
}

// World is a simulated system.
type World struct {
	Truths map[Site]*Truth

	set        Settings
	r          *rand.Rand
	nodes      []node
	ops        []operation
	entries    []entry
	pending    map[int64][]span // by the slice in which they end
	trace      []span
	minute     int
	sampled    bool
	anyError   bool
	delivering bool
	counts     []count // what the trace says, if it is kept
}

// slice is how long a collector gathers spans.
const slice = 5 * time.Second

// New makes up a world.
func New(seed uint64, set Settings) *World {
	w := &World{Truths: map[Site]*Truth{}, set: set, r: rand.New(rand.NewPCG(seed, 77)), pending: map[int64][]span{}}
	w.build()
	if !set.Calm {
		w.plague()
	}
	return w
}

// Services is the number of services that send spans.
func (w *World) Services() (n int) {
	for i := range w.nodes {
		if w.nodes[i].kind == service && !w.nodes[i].silent {
			n++
		}
	}
	return n
}

// Requests plays everything and yields what is exported, in the order of arrival. It can be used once.
func (w *World) Requests() iter.Seq[analysistest.Request] {
	return func(yield func(analysistest.Request) bool) {
		slices := int64(w.set.Length / slice)
		for at := range slices {
			w.play(at)
			if !w.export(at, yield) {
				return
			}
		}
		for len(w.pending) > 0 {
			if slices++; !w.export(slices-1, yield) {
				return
			}
		}
	}
}

// play plays the requests that come in one slice.
func (w *World) play(at int64) {
	begin := w.set.Start.Add(time.Duration(at) * slice)
	w.minute = int(time.Duration(at) * slice / time.Minute)
	for i := range w.entries {
		e := &w.entries[i]
		for range w.poisson(e.rate * slice.Seconds()) {
			start := begin.Add(time.Duration(w.r.Float64() * float64(slice))).UnixNano()
			w.trace, w.anyError, w.counts = w.trace[:0], false, w.counts[:0]
			w.sampled = w.set.Head == 0 || w.chance(w.set.Head)
			a := w.serve(e.op, -1, start, false)
			if w.set.Tail > 0 && !a.failed && (!w.set.AnyError || !w.anyError) && !w.chance(w.set.Tail) || !w.sampled {
				continue
			}
			for i := range w.counts {
				w.add(&w.counts[i])
			}
			w.keep()
		}
	}
}

// keep puts the spans of a trace where they wait for their export.
func (w *World) keep() {
	var trace [2]uint64
	trace[0], trace[1] = w.r.Uint64(), w.r.Uint64()|1
	for i := range w.trace {
		w.trace[i].id = w.r.Uint64() | 1
	}
	for i := range w.trace {
		s := &w.trace[i]
		s.trace = trace
		if s.parent >= 0 {
			s.parentID = w.trace[s.parent].id
		}
		if s.linked >= 0 {
			s.linkID = w.trace[s.linked].id
		}
		if s.gone || w.set.Lost > 0 && w.chance(w.set.Lost) {
			continue
		}
		at := int64(time.Unix(0, s.end).Sub(w.set.Start) / slice)
		w.pending[at] = append(w.pending[at], *s)
	}
}

func (w *World) chance(p float64) bool { return w.r.Float64() < p }

// about draws from a log-normal distribution with the given median.
func (w *World) about(median time.Duration) int64 {
	return int64(float64(median) * math.Exp(0.3*w.r.NormFloat64()))
}

func (w *World) between(low, high float64) float64 { return low + (high-low)*w.r.Float64() }

func (w *World) logBetween(low, high float64) float64 {
	return low * math.Pow(high/low, w.r.Float64())
}

func (w *World) poisson(mean float64) (n int) {
	for p := w.r.ExpFloat64(); p < mean; p += w.r.ExpFloat64() {
		n++
	}
	return n
}

func (w *World) truth(o *operation, s *step) *Truth {
	at := Site{w.nodes[o.node].name, o.name, w.nodes[s.node].name}
	t := w.Truths[at]
	if t == nil {
		t = &Truth{}
		w.Truths[at] = t
	}
	return t
}

func (w *World) String() string {
	return fmt.Sprintf("%d nodes, %d operations, %d entries, %d call sites", len(w.nodes), len(w.ops), len(w.entries), len(w.Truths))
}

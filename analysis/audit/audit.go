// Package audit looks for resilience practices in how calls were made: whether they are bounded by a timeout,
// how they are retried, whether requests survive their failure, what callers and callees do while something is
// ill (analysis specification, H). Every check has a state of its own for too little evidence, and silence is
// never praise.
//
// Two kinds of evidence come together. Outcomes of requests, by minute, tell how a caller goes about single
// failures. Calls and requests, bucket by bucket, tell what happens to load and latency while a dependency is
// ill: breakers, bulkheads, shedding and storms. Of these nothing shorter than a bucket is seen but by its share
// of it.
//
// The package is pure: no clock, no I/O.
package audit

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"faultline/graph"
)

// Practice names what is looked for.
type Practice string

// The practices at a call site.
const (
	Timeout      Practice = "timeout"         // calls end in bounded time
	TimeoutOrder Practice = "timeout_order"   // before the caller's own caller gives up
	Deadline     Practice = "deadline"        // and the callee stops when its caller has given up
	Retries      Practice = "retries"         // few repetitions
	Backoff      Practice = "backoff"         // with growing pauses between them
	Jitter       Practice = "jitter"          // that are not the same for everybody
	Refusals     Practice = "refusals"        // not of what is refused for good
	Idempotency  Practice = "idempotency"     // not of writes that may have been done
	Budget       Practice = "retry_budget"    // a small share of the calls while many fail
	Layers       Practice = "retry_layers"    // at one layer only
	Breaker      Practice = "circuit_breaker" // calls stop while the callee is down
	Fallback     Practice = "fallback"        // requests survive the failure
	Chattiness   Practice = "chattiness"      // few calls for each request
)

// The practices of a service as a whole.
const (
	Shedding        Practice = "load_shedding"   // it turns requests away quickly when there are too many
	Bulkhead        Practice = "bulkhead"        // a slow dependency slows only what needs it
	Depth           Practice = "depth"           // few calls wait for each other
	Cycles          Practice = "cycles"          // it does not call itself by way of others
	Storm           Practice = "retry_storm"     // callers do not multiply their calls when it fails
	Recovery        Practice = "recovery"        // overload ends with what caused it
	HealthCheck     Practice = "health_check"    // it says how it is, and how its dependencies are
	Instrumentation Practice = "instrumentation" // what it calls can be seen into
)

// SitePractices and ServicePractices are all practices, in the order in which they are shown.
var (
	SitePractices = []Practice{
		Timeout, TimeoutOrder, Deadline, Retries, Backoff, Jitter, Refusals, Idempotency, Budget, Layers, Breaker, Fallback, Chattiness,
	}
	ServicePractices = []Practice{Shedding, Bulkhead, Depth, Cycles, Storm, Recovery, HealthCheck, Instrumentation}
)

// State is what the evidence says about a practice.
type State string

// The states.
const (
	Pass    State = "pass"
	Risk    State = "risk"
	Unknown State = "unknown" // not enough evidence
)

// Check is the state of one practice at a call site or of a service. Practices that do not apply have none:
// a call that is never repeated has no pauses.
type Check struct {
	Practice Practice
	State    State
	Value    float64        // what was measured; the catalogue says in which unit
	Bound    float64        // what it is compared with, where that is not the same everywhere
	Evidence int64          // how many observations it rests on
	Nodes    []graph.NodeID // whom else it is about
}

// Site is a call site.
type Site struct {
	Caller    graph.NodeID
	Operation string
	Callee    graph.NodeID
}

// SiteReport is what is known of a call site.
type SiteReport struct {
	Site
	Waits  bool    // the caller waits for the answer
	Share  float64 // of the requests to the caller's service, those that make this call
	Checks []Check

	FatalTrace, PatienceTrace, RetryTrace graph.TraceID // examples; zero: none
}

// Trace is an example of what a practice is judged by; zero: none.
func (r *SiteReport) Trace(p Practice) graph.TraceID {
	switch p {
	case Timeout, TimeoutOrder, Deadline:
		return r.PatienceTrace
	case Retries, Backoff, Jitter, Refusals, Idempotency, Budget, Layers:
		if r.RetryTrace != (graph.TraceID{}) {
			return r.RetryTrace
		}
	}
	return r.FatalTrace
}

// Check returns the check of a practice, if there is one.
func (r *SiteReport) Check(p Practice) (Check, bool) { return find(r.Checks, p) }

func find(checks []Check, p Practice) (Check, bool) {
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Practice == p })
	if i < 0 {
		return Check{}, false
	}
	return checks[i], true
}

// Report is what is known of a system.
type Report struct {
	Sites    []SiteReport    // by caller, operation, callee
	Services []ServiceReport // by node
}

// Knowledge is what is known besides calls. The functions must not block.
type Knowledge struct {
	NodeType func(graph.NodeID) graph.NodeType
	Hard     func(Site) bool              // the caller fails when the callee does
	Aliases  map[graph.Alias]graph.NodeID // services behind addresses at which nobody answered
}

// Config bounds an Auditor.
type Config struct {
	Sites    int           `yaml:"sites"`     // call sites known at once; further ones are left out
	HalfLife time.Duration `yaml:"half_life"` // age at which evidence counts half
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return Config{Sites: 100_000, HalfLife: 7 * 24 * time.Hour} }

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	if c.Sites <= 0 || c.HalfLife < time.Hour {
		return errors.New("audit.sites must be positive and audit.half_life at least 1h")
	}
	return nil
}

// Auditor collects evidence. It is for one tenant and not safe for concurrent use.
type Auditor struct {
	cfg        Config
	sites      map[Site]*site
	operations map[operationKey]*operation
	nodes      map[graph.NodeID]*node
	pools      map[poolKey]*pool
	swaps      map[swapKey]*swap
	ill        map[*site]bool // sites that calls fail at, or were not made at since
	aged       time.Time
	tick       int64 // of the bucket at hand
}

type operationKey struct {
	node graph.NodeID
	name string
}

// site is what is known of a call site.
type site struct {
	Site
	stats  graph.OutcomeStats
	budget budget
	usual  usual // durations of calls, and calls for each request
	long   graph.Histogram
	to     targets
	sync   float64 // calls that the caller waits for
	async  float64
	alone  float64 // requests that made the call in minutes without a failure
	now    bucket
	open   breaker
}

// targets are the operations of a callee that a site calls, by name. They are few.
type targets []target

type target struct {
	operation string
	calls     float64
}

func (t *targets) add(operation string, calls float64) {
	i, known := slices.BinarySearchFunc(*t, operation, func(x target, operation string) int { return cmp.Compare(x.operation, operation) })
	if !known {
		*t = slices.Insert(*t, i, target{operation: operation})
	}
	(*t)[i].calls += calls
}

// operation is what is known of the requests to an operation.
type operation struct {
	operationKey
	sites    []*site
	requests float64
	calm     float64 // requests in minutes without a failure of a callee
	usual    usual
	now      bucket
	shed     shedder
}

// New returns an Auditor that knows nothing yet.
func New(cfg Config) *Auditor {
	return &Auditor{
		cfg: cfg, sites: map[Site]*site{}, operations: map[operationKey]*operation{}, nodes: map[graph.NodeID]*node{},
		pools: map[poolKey]*pool{}, swaps: map[swapKey]*swap{}, ill: map[*site]bool{},
	}
}

// site returns what is known of a call site, or nil if there is no room for another.
func (a *Auditor) site(k Site) *site {
	s := a.sites[k]
	if s == nil && len(a.sites) < a.cfg.Sites {
		s = &site{Site: k}
		a.sites[k] = s
		if o := a.operation(k.Caller, k.Operation); o != nil {
			o.sites = append(o.sites, s)
		}
	}
	return s
}

func (a *Auditor) operation(n graph.NodeID, name string) *operation {
	k := operationKey{n, name}
	o := a.operations[k]
	if o == nil && len(a.operations) < a.cfg.Sites {
		o = &operation{operationKey: k}
		a.operations[k] = o
		on := a.node(n)
		on.operations = append(on.operations, o)
	}
	return o
}

func (a *Auditor) node(id graph.NodeID) *node {
	n := a.nodes[id]
	if n == nil {
		n = &node{}
		a.nodes[id] = n
	}
	return n
}

// Add takes in how the requests of a minute fared that does not change any more. Minutes come once each, the
// oldest first.
func (a *Auditor) Add(minute []graph.OutcomeRow) {
	if len(minute) == 0 {
		return
	}
	a.age(minute[0].Bucket)
	byOperation := map[operationKey][]*graph.OutcomeRow{}
	for i := range minute {
		r := &minute[i]
		k := operationKey{r.Caller, r.Operation}
		byOperation[k] = append(byOperation[k], r)
		if r.Callee == 0 {
			continue
		}
		if s := a.site(Site{r.Caller, r.Operation, r.Callee}); s != nil {
			s.stats.Add(&r.OutcomeStats)
			s.budget.add(r)
		}
	}
	for k, rows := range byOperation {
		a.swap(k, rows)
	}
}

// age halves all evidence once in a half-life: counts stay whole, and what is left of one is as good as none.
func (a *Auditor) age(now time.Time) {
	if a.aged.IsZero() {
		a.aged = now
	}
	for now.Sub(a.aged) >= a.cfg.HalfLife {
		a.aged = a.aged.Add(a.cfg.HalfLife)
		for k, s := range a.sites {
			for _, c := range s.stats.Counters() {
				*c /= 2
			}
			for _, h := range s.stats.Histograms() {
				*h = halved(*h)
			}
			s.long = halved(s.long)
			s.alone /= 2
			s.open.stopped, s.open.went, s.open.opened = s.open.stopped/2, s.open.went/2, s.open.opened/2
			s.budget.stressed, s.budget.longest = s.budget.stressed/2, s.budget.longest/2
			s.sync, s.async = s.sync/2, s.async/2
			for i := range s.to {
				s.to[i].calls /= 2
			}
			if s.stats.Requests == 0 && s.sync+s.async < 1 {
				a.forget(k, s)
			}
		}
		for k, o := range a.operations {
			o.requests, o.calm = o.requests/2, o.calm/2
			o.shed.shed, o.shed.suffered = o.shed.shed/2, o.shed.suffered/2
			if o.requests < 1 && len(o.sites) == 0 {
				delete(a.operations, k)
				on := a.node(k.node)
				on.operations = slices.DeleteFunc(on.operations, func(x *operation) bool { return x == o })
			}
		}
		for _, n := range a.nodes {
			n.contained, n.storms, n.ended, n.persisted = n.contained/2, n.storms/2, n.ended/2, n.persisted/2
		}
		for _, p := range a.pools {
			p.shared, p.isolated = p.shared/2, p.isolated/2
		}
		for k, w := range a.swaps {
			if w.halve(); w.failures < 1 {
				delete(a.swaps, k)
			}
		}
	}
}

func (a *Auditor) forget(k Site, s *site) {
	delete(a.sites, k)
	delete(a.ill, s)
	if o := a.operations[operationKey{k.Caller, k.Operation}]; o != nil {
		o.sites = slices.DeleteFunc(o.sites, func(x *site) bool { return x == s })
	}
}

func halved(h graph.Histogram) graph.Histogram {
	kept := h[:0]
	for _, b := range h {
		if b.N /= 2; b.N > 0 {
			kept = append(kept, b)
		}
	}
	return kept
}

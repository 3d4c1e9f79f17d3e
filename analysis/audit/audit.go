// Package audit looks for resilience practices in how calls were made: whether they are bounded by a timeout,
// how they are retried, whether requests survive their failure (analysis specification, H). Every check has a
// state of its own for too little evidence, and silence is never praise.
//
// The package is pure.
package audit

import (
	"cmp"
	"errors"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"faultline/graph"
)

// Practice names what is looked for.
type Practice string

// The practices.
const (
	Timeout     Practice = "timeout"     // calls end in bounded time
	Retries     Practice = "retries"     // few repetitions
	Backoff     Practice = "backoff"     // with growing pauses between them
	Jitter      Practice = "jitter"      // that are not the same for everybody
	Degradation Practice = "degradation" // requests survive the failure
	Chattiness  Practice = "chattiness"  // few calls for each request
)

// State is what the evidence says about a practice.
type State string

// The states.
const (
	Pass    State = "pass"
	Risk    State = "risk"
	Unknown State = "unknown"
)

// Check is the state of one practice at a call site.
type Check struct {
	Practice Practice
	State    State
	Value    float64 // ms of a timeout or a pause, attempts of a call, growth of pauses, spread of pauses, calls of a request
	Evidence int64   // how many observations it rests on
}

// Site is a call site.
type Site struct {
	Caller    graph.NodeID
	Operation string
	Callee    graph.NodeID
}

// Report is what is known of a call site.
type Report struct {
	Site
	Checks []Check // in the order of the practices above
	Trace  graph.TraceID
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
	cfg   Config
	sites map[Site]*graph.OutcomeStats
	aged  time.Time
}

// New returns an Auditor that knows nothing yet.
func New(cfg Config) *Auditor { return &Auditor{cfg: cfg, sites: map[Site]*graph.OutcomeStats{}} }

// Add takes in how requests fared in a minute that does not change any more, once.
func (a *Auditor) Add(r *graph.OutcomeRow) {
	if r.Callee == 0 {
		return
	}
	a.age(r.Bucket)
	k := Site{r.Caller, r.Operation, r.Callee}
	s := a.sites[k]
	if s == nil {
		if len(a.sites) >= a.cfg.Sites {
			return
		}
		s = &graph.OutcomeStats{}
		a.sites[k] = s
	}
	s.Add(&r.OutcomeStats)
}

// age halves all evidence once in a half-life: counts stay whole, and what is left of one is as good as none.
func (a *Auditor) age(now time.Time) {
	if a.aged.IsZero() {
		a.aged = now
	}
	for now.Sub(a.aged) >= a.cfg.HalfLife {
		a.aged = a.aged.Add(a.cfg.HalfLife)
		for k, s := range a.sites {
			for _, c := range s.Counters() {
				*c /= 2
			}
			for _, h := range []*graph.Histogram{&s.FailedTimes, &s.Gaps, &s.GapRatios, &s.Tries} {
				*h = halved(*h)
			}
			if s.Requests == 0 {
				delete(a.sites, k)
			}
		}
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

// Reports yields what is known, by caller, operation and callee.
func (a *Auditor) Reports() iter.Seq[Report] {
	keys := slices.SortedFunc(maps.Keys(a.sites), func(x, y Site) int {
		return cmp.Or(cmp.Compare(x.Caller, y.Caller), cmp.Compare(x.Operation, y.Operation), cmp.Compare(x.Callee, y.Callee))
	})
	return func(yield func(Report) bool) {
		for _, k := range keys {
			if !yield(reportOf(k, a.sites[k])) {
				return
			}
		}
	}
}

func reportOf(k Site, s *graph.OutcomeStats) Report {
	r := Report{Site: k, Trace: cmp.Or(s.FatalTrace, s.SurvivedTrace)}
	for _, check := range []func(*graph.OutcomeStats) Check{timeout, retries, backoff, jitter, degradation, chattiness} {
		r.Checks = append(r.Checks, check(s))
	}
	return r
}

const (
	leastSpike    = 5                // attempts that ended after the same time
	leastFailures = 5                // calls that failed finally
	leastGaps     = 20               // pauses
	leastRatios   = 10               // pauses with one after them
	unbounded     = 30 * time.Second // that no call should take
	short         = 50 * time.Millisecond
	mostTries     = 4 // attempts of a call: three retries
	noPause       = 2 * time.Millisecond
	growth        = 1.5
	spread        = 0.15 // interquartile range of pauses by their median
	noSpread      = 0.1
	chatty        = 20
)

// timeout looks for failed attempts that ended after the same time, the longest: somebody's patience.
func timeout(s *graph.OutcomeStats) Check {
	c := Check{Practice: Timeout, State: Unknown}
	if len(s.FailedTimes) == 0 {
		return c
	}
	// Durations that end together fill a bucket, or two if they lie at its border.
	last := len(s.FailedTimes) - 1
	longest := s.FailedTimes[last]
	n, sum := longest.N, float64(longest.N)*float64(longest.Index)
	if last > 0 {
		if b := s.FailedTimes[last-1]; b.Index == longest.Index-1 {
			n += b.N
			sum += float64(b.N) * float64(b.Index)
		}
	}
	c.Evidence = n
	at := middle(sum / float64(n))
	switch {
	case at >= unbounded:
		c.State, c.Value = Risk, ms(at)
	case n >= leastSpike && s.TimedOut >= leastSpike && at >= short:
		c.State, c.Value = Pass, ms(at)
	}
	return c
}

// middle is the duration in the middle of a bucket; its number may lie between two.
func middle(index float64) time.Duration {
	return time.Duration(math.Exp2((index-0.5)/16) * float64(time.Microsecond))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// retries is how often a call is tried before it is given up, as most that failed finally were.
func retries(s *graph.OutcomeStats) Check {
	c := Check{Practice: Retries, State: Unknown, Evidence: s.Tries.Count()}
	if c.Evidence < leastFailures {
		return c
	}
	most := graph.Bin{}
	for _, b := range s.Tries {
		if b.N > most.N {
			most = b
		}
	}
	c.Value = attempts(most.Index)
	c.State = Pass
	if c.Value > mostTries {
		c.State = Risk
	}
	return c
}

// attempts turns a bucket back into the whole number that was counted in it: up to sixteen each has one of its own.
func attempts(index uint16) float64 {
	for n := range 64 {
		if i := graph.IndexOf(time.Duration(n+1) * time.Microsecond); i >= index {
			return float64(n + 1)
		}
	}
	return math.Exp2(float64(index) / 16)
}

// backoff is how much longer the second pause is than the first.
func backoff(s *graph.OutcomeStats) Check {
	c := Check{Practice: Backoff, State: Unknown, Evidence: s.Gaps.Count()}
	if c.Evidence < leastGaps {
		return c
	}
	pause, _ := s.Gaps.Quantile(0.5)
	if pause < noPause {
		c.State, c.Value = Risk, 0
		return c
	}
	if s.GapRatios.Count() < leastRatios {
		return c
	}
	ratio, _ := s.GapRatios.Quantile(0.5)
	c.Value = float64(ratio) / float64(time.Microsecond) / 1000
	c.State = Pass
	if c.Value < growth {
		c.Value = 1 // always the same: better than none, and bounded by the few retries
	}
	return c
}

// jitter is how much pauses differ.
func jitter(s *graph.OutcomeStats) Check {
	c := Check{Practice: Jitter, State: Unknown, Evidence: s.Gaps.Count()}
	if c.Evidence < leastGaps {
		return c
	}
	q := func(p float64) float64 { d, _ := s.Gaps.Quantile(p); return float64(d) }
	if q(0.5) < float64(noPause) {
		return c // without pauses there is nothing to spread
	}
	c.Value = (q(0.75) - q(0.25)) / q(0.5)
	switch {
	case c.Value >= spread:
		c.State = Pass
	case c.Value < noSpread:
		c.State = Risk
	}
	return c
}

// degradation is the share of failures that requests survive.
func degradation(s *graph.OutcomeStats) Check {
	c := Check{Practice: Degradation, State: Unknown, Evidence: s.TotalFatal + s.TotalSurvived}
	if c.Evidence < leastFailures {
		return c
	}
	c.Value = float64(s.TotalSurvived) / float64(c.Evidence)
	switch {
	case c.Value > 0.9:
		c.State = Pass
	case c.Value < 0.1:
		c.State = Risk
	}
	return c
}

// chattiness is how many calls a request makes.
func chattiness(s *graph.OutcomeStats) Check {
	c := Check{Practice: Chattiness, State: Unknown, Evidence: s.Requests}
	if s.Requests < leastGaps {
		return c
	}
	c.Value = float64(s.Calls) / float64(s.Requests)
	c.State = Pass
	if c.Value >= chatty {
		c.State = Risk
	}
	return c
}

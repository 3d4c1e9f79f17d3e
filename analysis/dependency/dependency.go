// Package dependency decides from evidence whether a dependency is hard, soft, partial or unknown: whether
// a caller fails when its callee does. The unit of a verdict is the call site, an operation of a caller and
// a callee; edges are made of call sites and may be mixed.
//
// The evidence are isolated failures: requests in which all calls to one callee failed finally and those to
// no other callee did. Each either took its request down or was survived. A verdict always carries the
// counts behind it, and unknown is a verdict.
//
// The package is pure: no clock, no I/O. Equal minutes give equal judgements, in whatever order they come.
package dependency

import (
	"errors"
	"fmt"
	"time"

	"faultline/graph"
)

// Site is a call site: the calls that one operation of a caller makes to one callee.
type Site struct {
	Caller    graph.NodeID
	Operation string // the caller's
	Callee    graph.NodeID
}

// Verdict is the criticality of a dependency.
type Verdict string

// The verdicts. Mixed is for edges only.
const (
	Hard    Verdict = "hard"    // the caller fails when the callee does
	Soft    Verdict = "soft"    // it does not
	Partial Verdict = "partial" // sometimes
	Unknown Verdict = "unknown" // too little seen
	Mixed   Verdict = "mixed"   // the call sites of the edge disagree
)

// Basis says where a verdict comes from.
type Basis string

// The bases of a verdict.
const (
	Inferred Basis = "inferred" // from evidence, or for lack of it
	Declared Basis = "declared" // a person said so
	Imported Basis = "imported" // another tool said so
)

// Declaration is a verdict that a person or another tool gave. It counts as much as DeclaredWeight
// failures, so evidence can overrule it.
type Declaration struct {
	Verdict Verdict // hard, soft or partial
	Basis   Basis   // declared or imported
	Comment string  // why
	By      string  // who
}

// Knowledge is what is known about call sites besides their outcomes. Every function may be nil, is called
// often and must not block.
type Knowledge struct {
	NodeType       func(graph.NodeID) graph.NodeType      // nil: all are services
	HealthCheck    func(caller, callee graph.NodeID) bool // the caller's deep health check names the callee and has gone down with it
	ProbeFlips     func(caller, callee graph.NodeID) int  // how often the caller's readiness flipped within 30 s after the callee's
	BiasedSampling func(caller graph.NodeID) bool         // the caller's traces are kept by the outcome of their root
	Declared       func(Site) (declaration Declaration, ok bool)
}

// Config bounds a Judge and sets how long it remembers.
type Config struct {
	Replaceable int           `yaml:"replaceable"` // latest minutes whose rows may still be replaced
	Rows        int           `yaml:"rows"`        // rows of these minutes kept at once; over it the oldest minutes become final early
	Sites       int           `yaml:"sites"`       // call sites known at once; rows of further ones are counted and dropped
	Forget      time.Duration `yaml:"forget"`      // call sites without traffic for so long are forgotten
	HalfLife    time.Duration `yaml:"half_life"`   // age at which evidence counts half; reckoned in whole days
	EpisodeCap  int           `yaml:"episode_cap"` // failures of a call site that count in one minute: an outage is one experiment
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Replaceable: 18, // spans come up to 15 minutes late
		Rows:        8_000_000,
		Sites:       2_000_000,
		Forget:      60 * 24 * time.Hour,
		HalfLife:    14 * 24 * time.Hour,
		EpisodeCap:  20,
	}
}

// Validate reports every mistake in c.
func (c Config) Validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"replaceable", c.Replaceable > 0},
		{"rows", c.Rows > 0},
		{"sites", c.Sites > 0},
		{"forget", c.Forget > 0},
		{"half_life", c.HalfLife > 0},
		{"episode_cap", c.EpisodeCap > 0},
	} {
		if !f.ok {
			errs = append(errs, fmt.Errorf("dependency.%s must be positive", f.name))
		}
	}
	return errors.Join(errs...)
}

// Judgement is what can be said about a call site, with the evidence for it.
type Judgement struct {
	Site
	Verdict  Verdict
	Basis    Basis
	Inferred Verdict // by evidence and structure alone, whatever was declared
	Assumed  Verdict // what to reckon with: Verdict, or hard or soft by Prior where that is unknown

	// Disagrees says that the evidence has a verdict, and not the declared one.
	Disagrees bool
	Declared  Declaration // zero: nothing was

	Probability float64 // that a total failure of the callee fails a request that had not failed anyway
	Low, High   float64 // its 90 % interval
	Leak        float64 // share of requests that fail with no callee failing, in the minutes of the evidence
	Prior       Prior
	Evidence    Evidence
	Needs       Needs
	Facets      Facets

	Since       time.Time // when Inferred became what it is; zero: unknown or soft by structure
	FirstSeen   time.Time
	LastSeen    time.Time // minute of the last traffic
	LastFailure time.Time // minute of the last isolated failure; zero: none

	FatalTrace    graph.TraceID // of the last minute that has one: a failure that took its request down; zero: none
	SurvivedTrace graph.TraceID // likewise one that was survived

	Versions []Version // of the caller, oldest first; the last few
	Changes  []Change  // of the coupling, oldest first; the last few
}

// Evidence counts failures at a call site. Raw counts are exact, since Since; the others fade with age.
type Evidence struct {
	TotalFatal        int64 // isolated total failures that took their request down
	TotalSurvived     int64 // isolated total failures that their request survived
	PartialFatal      int64
	PartialSurvived   int64
	ContestedFatal    int64 // failures beside those of other callees; used only where the request went on to call others
	ContestedSurvived int64

	Fatal    float64   // what counts towards hard: capped by minute, faded, partial failures half
	Survived float64   // what counts towards soft
	Since    time.Time // minute of the first failure counted; zero: none
	Requests float64   // requests that called the callee, faded
	Failed   float64   // of these, requests that failed for whatever reason, faded
}

// Isolated is the number of isolated total failures seen.
func (e *Evidence) Isolated() int64 { return e.TotalFatal + e.TotalSurvived }

// String says how many isolated failures took the caller down.
func (e *Evidence) String() string {
	return fmt.Sprintf("%d of %d isolated failures took the caller down", e.TotalFatal, e.Isolated())
}

// Prior is what is expected of a call site before any failure is seen: Mean, as if that had been the
// result of Weight failures.
type Prior struct {
	Mean   float64
	Weight float64
	Why    Why
}

// Why says what a Prior rests on.
type Why string

// The reasons for a prior.
const (
	BecauseSync     Why = "synchronous"
	BecauseAsync    Why = "asynchronous" // the caller does not wait, or is a queue
	BecauseCache    Why = "cache"
	BecauseHealth   Why = "health_check" // the caller's own health check depends on the callee
	BecauseDeclared Why = "declared"
)

// Facets are what else is known about a call site, beside its verdict.
type Facets struct {
	RetryMasked RetryMasked
	LatencyHard LatencyHard
	Async       Async
	OnPath      float64 // share of requests with a call on their critical path
	Conditional float64 // share of the operation's requests that call the callee at all
	ProbeFlips  int     // how often the caller's readiness fell with the callee's
	HardByProbe bool    // at least 3 times
	Biased      bool    // traces were kept by outcome: hard needs more evidence
}

// RetryMasked says how many failures retries absorb. A dependency may be hard and absorb most of them.
type RetryMasked struct {
	Share            float64 // of logical calls that failed at first; 0 if none did
	Rescued          float64 // logical calls that failed at first and succeeded later
	Exhausted        float64 // logical calls that failed finally
	Attempts         float64
	FailedAttempts   float64
	TimedOut, Hedged float64 // logical calls
	Cancelled        float64
}

// LatencyHard says whether time spent in the callee is time added to the request.
type LatencyHard struct {
	Is       bool
	Slope    float64 // time added to the request per time spent in the callee
	R2       float64 // share of the request's variance that it explains
	Requests float64 // faded
}

// Async says whether calls outlive the requests that made them.
type Async struct {
	Is       bool
	Share    float64 // of requests
	Requests float64 // with such a call, faded
}

// Version is a version of a caller.
type Version struct {
	Version     string
	First, Last time.Time // minutes
}

// Change is an event: how a caller depends on a callee has changed.
type Change struct {
	At            time.Time // minute in which enough evidence was there
	From, To      Verdict
	Evidence      Evidence // for To
	VersionBefore string   // the caller's, at the last failure that agreed with From
	VersionAfter  string   // the caller's, at At
}

// Needs says what it takes to change a verdict: so many further isolated failures, one in a minute, that
// all take the caller down, or that it all survives.
type Needs struct {
	Failures int // 0: more than maxNeeds
	Fatal    bool
	To       Verdict
}

// String says it in words.
func (n Needs) String() string {
	if n.Failures == 0 {
		return fmt.Sprintf("more than %d further isolated failures", maxNeeds)
	}
	s, what := "s", "that the caller survives"
	if n.Fatal {
		what = "that take the caller down"
	}
	if n.Failures == 1 {
		s, what = "", "that the caller survives"
		if n.Fatal {
			what = "that takes the caller down"
		}
	}
	return fmt.Sprintf("%d more isolated failure%s %s", n.Failures, s, what)
}

// String says the verdict with the counts it rests on.
func (j *Judgement) String() string {
	e := &j.Evidence
	switch {
	case j.Basis != Inferred:
		return fmt.Sprintf("%s (%s; %s)", j.Verdict, j.Basis, e)
	case e.Isolated() == 0 && e.Fatal == 0 && j.Verdict == Unknown:
		return fmt.Sprintf("unknown (assumed %s, no failure seen)", j.Assumed)
	case e.Isolated() == 0 && j.Prior.Why == BecauseAsync:
		return fmt.Sprintf("%s (%s, no failure seen)", j.Verdict, j.Prior.Why)
	}
	inPart := ""
	if e.PartialFatal > 0 {
		inPart = fmt.Sprintf(", %d of %d in part", e.PartialFatal, e.PartialFatal+e.PartialSurvived)
	}
	return fmt.Sprintf("%s, %.0f %% (%.0f–%.0f %%; %d of %d isolated failures took the caller down%s)",
		j.Verdict, 100*j.Probability, 100*j.Low, 100*j.High, e.TotalFatal, e.Isolated(), inPart)
}

// Package change says what is different: between two windows of time or two versions of a service (Compare),
// and now, against what is usual at this time (Watch).
//
// Compare names what is new, what is gone, and what behaves otherwise: calls for each request of their caller,
// failures, durations, retries, criticality, cycles. It is a description and not a verdict: a deploy changes
// things, and so it names the versions that came in between. What too little was seen of to say is told apart
// from what has not changed. Watch raises alarms on series of requests and calls, few enough that each can be
// looked at: how many are expected by chance is bounded.
//
// The package is pure: time is what its caller says it is. analysis-spec sections I and J are its formulas.
package change

import (
	"time"

	"faultline/graph"
)

// Kind names what is different.
type Kind string

// The kinds of differences.
const (
	NodeNew       Kind = "node_new"
	NodeLost      Kind = "node_lost"
	EdgeNew       Kind = "edge_new"
	EdgeLost      Kind = "edge_lost"
	OperationNew  Kind = "operation_new"
	OperationLost Kind = "operation_lost"
	Rate          Kind = "rate"                // calls for each request of the caller
	Errors        Kind = "errors"              // share of calls or requests that fail
	Latency       Kind = "latency"             // p95 of durations in ms
	Retries       Kind = "retries"             // share of failed attempts that are tried again
	Amplification Kind = "amplification"       // attempts for each call
	Criticality   Kind = "criticality"         // verdict on a dependency
	CycleNew      Kind = "cycle_new"           // services that wait for each other in a circle
	HardNew       Kind = "hard_dependency_new" // of what is called from outside
)

// Rating is how much a difference matters.
type Rating string

// The ratings, most important first.
const (
	Risk   Rating = "risk"   // worth acting on by itself
	Worse  Rating = "worse"  // it costs users something
	Notice Rating = "notice" // good to know
	Better Rating = "better"
)

var ratingOrder = map[Rating]int{Risk: 0, Worse: 1, Notice: 2, Better: 3}

// Measure is one number of a window with what it was counted from.
type Measure struct {
	Value float64 // in the unit of its kind; of what is new or lost, the calls seen
	Count float64 // events: calls, failures, tries
	Of    float64 // out of: requests of the caller, calls, failed attempts
}

// Item is one difference.
type Item struct {
	Kind          Kind
	Rating        Rating
	Node          graph.NodeID  // the caller, where it is about an edge
	Callee        graph.NodeID  // 0: it is about the node itself
	Operation     string        // the node's; "": all of it
	Edge          graph.EdgeKey // of most of the calls; zero: it is about no edge, or of a version, whose edges are not told apart
	Before, After Measure
	P             float64         // probability of at least such a difference by chance, corrected for how many were looked at; 0: not tested
	From, To      string          // verdicts, of Criticality
	At            time.Time       // when it changed, where that is known
	Versions      []VersionChange // of either end, between the windows
	Entries       []graph.NodeID  // called from outside, and down when the new dependency is; of HardNew
	Cycle         []graph.NodeID  // each calls the next, and the last the first; of CycleNew
	CrossesTo     string          // environment of the callee where it is another than the caller's; of EdgeNew
	Trace         graph.TraceID   // an example, where there is one
}

// VersionChange says that a node serves with a version that it did not have before.
type VersionChange struct {
	Node     graph.NodeID
	From, To string // the busiest version before; the busiest new one
}

// Report is what differs from one window to another.
type Report struct {
	Items     []Item          // the most important first
	Uncertain []Item          // seen in one window only, where too little was seen in the other to say that it is new or gone
	Versions  []VersionChange // all there are
	Requests  [2]float64      // from outside, or served by the version, before and after
	Compared  int             // edges and operations that both windows have
}

// What it takes to say that something is new, gone or different.
const (
	leastCalls    = 3    // of what is new
	leastRequests = 100  // of the caller before, for a call to be new, and in both windows for a rate
	lostChance    = 1e-4 // of seeing nothing although nothing has changed
	level         = 0.05 // of all differences of one kind, the share that may be chance
	smallestShift = 0.2  // of rates and durations
	ksCritical    = 1.63 // of Kolmogorov and Smirnov's statistic, at 1 %
	leastTimed    = 50   // durations in each window
	leastFailures = 20   // failed attempts in each window, to tell how they are retried
	errorGrowth   = 1.5  // by what a share of failures must grow or shrink
	errorShift    = 1e-3 // and by how much
)

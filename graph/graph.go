// Package graph is the vocabulary of Faultline: spans as the rest of the product sees them, the services
// and the calls seen between them, and the edges those calls add up to in a window of time. It is pure:
// no I/O, no clock, and no import from the rest of the project.
package graph

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotFound reports that a named node or edge is unknown in the window asked for. Storage wraps it; the
// API answers it with 404.
var ErrNotFound = errors.New("not found")

// Window is the half-open range of time [From, To) that a reader asks for.
type Window struct {
	From, To time.Time
}

// Duration is the length of the window.
func (w Window) Duration() time.Duration { return w.To.Sub(w.From) }

// Contains reports whether t is in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Validate reports what is wrong with the window, in words for the person who asked for it.
func (w Window) Validate() error {
	if !w.From.Before(w.To) {
		return fmt.Errorf("from (%s) must be before to (%s)", w.From.Format(time.RFC3339), w.To.Format(time.RFC3339))
	}
	return nil
}

// Stats are the counts and latency distributions of a set of calls (an edge) or requests (an operation).
//
// Every count is exact and signed: a row in storage may be a correction that takes a call back because its
// partner arrived after all, and only sums over a window have a meaning.
type Stats struct {
	Calls        int64 // calls, each counted once
	Failed       int64 // calls that failed (conventions: status ERROR not explained by a 4xx, HTTP >= 500, gRPC server faults)
	Throttled    int64 // answered with 429 or RESOURCE_EXHAUSTED
	ClientErrors int64 // answered with another 4xx; not failures
	Timeouts     int64 // given up by the caller because of a deadline
	Resends      int64 // calls that repeat an earlier one
	Sampled      int64 // calls whose sampling probability was known from tracestate

	Weight        float64 // Σ of sampling weights: the estimate of the calls before sampling
	WeightSquared float64 // Σ of squared sampling weights: the variance of that estimate

	Client Histogram // durations measured by the caller
	Server Histogram // durations measured by the callee
}

// Add adds o to s.
func (s *Stats) Add(o *Stats) {
	s.Calls += o.Calls
	s.Failed += o.Failed
	s.Throttled += o.Throttled
	s.ClientErrors += o.ClientErrors
	s.Timeouts += o.Timeouts
	s.Resends += o.Resends
	s.Sampled += o.Sampled
	s.Weight += o.Weight
	s.WeightSquared += o.WeightSquared
	s.Client.Merge(o.Client)
	s.Server.Merge(o.Server)
}

// Duration is the distribution to show for the calls: the caller's measurement where there is one, since
// it is what the caller lived through, else the callee's.
func (s *Stats) Duration() Histogram {
	if s.Client.Count() > 0 {
		return s.Client
	}
	return s.Server
}

// Mode says whether the caller waits for the callee.
type Mode string

// The modes of an edge.
const (
	Sync  Mode = "sync"
	Async Mode = "async"
)

// Basis is the set of witnesses for an edge, as bits.
type Basis uint8

// The witnesses of an edge.
const (
	ByKinds    Basis = 1 << iota // a client half and a server half, told by their span kinds
	ByBoundary                   // a child span whose parent lies in another service
	ByLink                       // a consumer linked to its producer
	ByVirtual                    // one half only: the other end was inferred from its attributes
)

// Names lists the witnesses by name, in a fixed order.
func (b Basis) Names() []string {
	names := []string{}
	for i, n := range []string{"kinds", "boundary", "link", "virtual"} {
		if b&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// EdgeKey identifies an edge: all calls caller → callee over one protocol and in one mode. Via is the
// queue between a producer and a consumer when the edge is the collapsed view of producer → queue →
// consumer, and zero otherwise; such an edge repeats calls that the two edges at the queue also count.
type EdgeKey struct {
	Caller, Callee NodeID
	Protocol       string // http, grpc, a database's or broker's system name, …; "unknown" if nothing says
	Mode           Mode
	Via            NodeID
}

// String is the edge's id in URLs and JSON; ParseEdgeKey reads it.
func (k EdgeKey) String() string {
	return fmt.Sprintf("%s-%s-%s-%s-%s", k.Caller, k.Callee, k.Via, k.Mode, k.Protocol)
}

// ParseEdgeKey reads an edge id as written by String.
func ParseEdgeKey(s string) (EdgeKey, error) {
	bad := fmt.Errorf("edge id %q is not of the form that /graph returns", s)
	if len(s) < 3*17+len("sync-") || s[16] != '-' || s[33] != '-' || s[50] != '-' {
		return EdgeKey{}, bad
	}
	var k EdgeKey
	var errs [3]error
	k.Caller, errs[0] = ParseNodeID(s[:16])
	k.Callee, errs[1] = ParseNodeID(s[17:33])
	k.Via, errs[2] = ParseNodeID(s[34:50])
	if errors.Join(errs[:]...) != nil {
		return EdgeKey{}, bad
	}
	for _, m := range []Mode{Sync, Async} {
		if rest := s[51:]; len(rest) > len(m)+1 && rest[:len(m)] == string(m) && rest[len(m)] == '-' {
			k.Mode, k.Protocol = m, rest[len(m)+1:]
			return k, nil
		}
	}
	return EdgeKey{}, bad
}

// Edge is one edge of a Graph with what was seen on it in the window.
type Edge struct {
	EdgeKey
	Basis      Basis
	LastSeen   time.Time // start of the last bucket with a call
	Aliased    int64     // calls that nobody answered, told to be of this edge by what their caller's half names
	AnsweredBy NodeID    // of calls to an address that nobody answered: the service that answers the caller's other calls to it
	Stats
}

// NodeStats is one node of a Graph with its own requests: what its SERVER and CONSUMER spans say for a
// service, what its callers measured for an inferred node.
type NodeStats struct {
	Node
	LastSeen time.Time // start of the last bucket with traffic from or to the node
	Stats
}

// Graph is the dependency map of one window. Nodes and edges are in a fixed order (busiest first, then by
// id), and every end of an edge is among the nodes.
type Graph struct {
	Window Window        // aligned to Step
	Since  time.Time     // from when on something can have been seen: the begin of the window, or the first calls of all
	Step   time.Duration // bucket length of the tier that answered
	Nodes  []NodeStats
	Edges  []Edge
}

// OperationStats is one operation of a node with the requests it served in a window.
type OperationStats struct {
	Operation string
	Version   string
	Stats
}

// CallSite is one pair of operations under an edge: the caller's operation that made the calls and the
// callee's operation that answered them. Either is "" when no span names it.
type CallSite struct {
	CallerOperation, CalleeOperation string
	Stats
}

// Point is one step of a series.
type Point struct {
	Time time.Time // start of the step
	Stats
}

// Package finding keeps what is worth acting on. Analyses claim, look after look, what holds; a Book makes
// findings of that, which have an identity, a state and a history, and which do not flap: a claim opens a
// finding once it was made in several looks, and its absence resolves it only after a while.
//
// The package is pure: time is what its caller says it is.
package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"faultline/graph"
)

// Severity is how much a finding matters, least first.
type Severity string

// The severities.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Rank orders severities; an unknown one is below all others.
func (s Severity) Rank() int {
	switch s {
	case Info:
		return 1
	case Warning:
		return 2
	case Critical:
		return 3
	}
	return 0
}

// State is where a finding is in its life.
type State string

// The states.
const (
	Open     State = "open"
	Resolved State = "resolved"
)

// Subject is what a claim is about: a node, an operation of one, or its dependency on a callee.
type Subject struct {
	Node      graph.NodeID
	Callee    graph.NodeID // 0: the claim is about the node itself
	Operation string       // the node's; "": all of it
}

// Fact is one piece of the evidence behind a claim.
type Fact struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // "": a count; share, ms, per_s, or what Text says
	Text  string  `json:"text,omitempty"`
}

// Claim is what an analysis says holds now.
type Claim struct {
	Kind       string // names the analysis and the rule: "hotspot", "audit.timeout"
	Subject    Subject
	Key        string // tells claims of one kind about one subject apart; usually ""
	Severity   Severity
	Confidence float64 // 0 to 1
	Title      string  // one sentence, with names
	Detail     string  // what it means and what to do about it
	Facts      []Fact
	Traces     []graph.TraceID // examples
	Since      time.Time       // from when on it holds, where the analysis knows
	Incident   string          // the incident it belongs to; "": none
	Sudden     bool            // certain at the first look: an event, or weighed by its analysis already
}

// ID is the identity of the finding that c makes: equal for claims of one kind, subject and key. An incident
// stays itself whoever is blamed for it.
func (c *Claim) ID() string {
	subject := c.Subject
	if c.Incident != "" && c.Key == c.Incident {
		subject = Subject{}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%s", c.Kind, subject.Node, subject.Callee, subject.Operation, c.Key))
	return hex.EncodeToString(sum[:8])
}

// Finding is one thing worth acting on. What it says is what was claimed last.
type Finding struct {
	Claim
	State    State
	First    time.Time // when it was claimed first
	Opened   time.Time // when it became a finding, this time
	Last     time.Time // when it was claimed last
	Changed  time.Time // when its state or severity changed last
	Openings int       // how often it was opened
}

// What happens to findings.
const (
	EventOpened    = "opened"
	EventReopened  = "reopened"
	EventEscalated = "escalated"
	EventEased     = "eased"
	EventResolved  = "resolved"
)

// Event is one change in the life of a finding.
type Event struct {
	At       time.Time
	ID       string
	What     string
	Severity Severity // after it
	Title    string
}

// Mark is what a person said about a finding. The latest one counts.
type Mark struct {
	ID     string // of the finding
	At     time.Time
	What   string    // one of the marks
	By     string    // who
	Reason string    // why
	Until  time.Time // of a mute; zero: for good
}

// The marks.
const (
	Acknowledged = "acknowledged" // somebody takes care of it
	Muted        = "muted"        // it is not to be shown for a while
	Unmarked     = "none"         // what was said before no longer holds
)

// Holds reports whether the mark still says something at a time.
func (m *Mark) Holds(at time.Time) bool {
	return m.What != "" && m.What != Unmarked && (m.Until.IsZero() || at.Before(m.Until))
}

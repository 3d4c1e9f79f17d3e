package change

import (
	"slices"
	"strings"
	"time"

	"faultline/graph"
)

// Seen is a call site with when it was seen first.
type Seen struct {
	Caller, Callee graph.NodeID
	First          time.Time
	Requests       float64 // that called the callee
	Sync           bool    // the caller waits for the callee
	Trace          graph.TraceID
}

const (
	newsFor     = 24 * time.Hour   // how long something new is news, and how long its caller must be known
	newsCalls   = 20               // requests that used it
	newsWindows = 10 * time.Minute // and how long it must have been there: a single burst is no dependency
)

// News says which dependencies came up in the last day, and what that means: the same as Compare says, of those
// whose caller was known before. A new system, and a new environment, has no news on its first day; what is not
// in production has none at all.
func News(at time.Time, seen []Seen, nodes map[graph.NodeID]graph.Node, known Knowledge) []Item {
	before := NewSnapshot(graph.Window{From: at.Add(-2 * newsFor), To: at.Add(-newsFor)})
	after := NewSnapshot(graph.Window{From: at.Add(-newsFor), To: at})
	settled := map[string]bool{} // environments that were there a day ago
	sums := map[pair]*Seen{}
	for i := range seen {
		s := &seen[i]
		if s.Caller == s.Callee {
			continue
		}
		if at.Sub(s.First) >= newsFor {
			settled[nodes[s.Caller].Environment] = true
		}
		sum := sums[pair{s.Caller, s.Callee}]
		if sum == nil {
			sum = &Seen{First: s.First}
			sums[pair{s.Caller, s.Callee}] = sum
		}
		if s.First.Before(sum.First) {
			sum.First = s.First
		}
		sum.Requests += s.Requests
		sum.Sync = sum.Sync || s.Sync
		sum.Trace = graph.LeastTrace(sum.Trace, s.Trace)
	}
	for k, s := range sums {
		environment := nodes[k.caller].Environment
		old := at.Sub(s.First) >= newsFor
		if !old && (!settled[environment] || !Production(environment) || s.Requests < newsCalls || at.Sub(s.First) < newsWindows) {
			continue
		}
		after.saw(k, s, nodes)
		if old {
			before.saw(k, s, nodes)
		}
	}
	return Compare(before, after, known).Items
}

// saw notes a dependency. It stands for as many requests as it takes to compare its caller.
func (s *Snapshot) saw(k pair, seen *Seen, nodes map[graph.NodeID]graph.Node) {
	e := s.edge(k.caller, k.callee)
	e.Calls, e.outcomes.FatalTrace = int64(max(seen.Requests, leastCalls)), seen.Trace
	e.key = graph.EdgeKey{Caller: k.caller, Callee: k.callee}
	if seen.Sync {
		e.sync = e.Calls
	}
	s.requests[k.caller] = leastRequests
	s.received[k.callee] += float64(e.Calls)
	s.nodes[k.caller], s.nodes[k.callee] = nodes[k.caller], nodes[k.callee]
}

// notProduction are words in the names of environments that are not for users.
var notProduction = []string{
	"dev", "develop", "development", "test", "tests", "testing", "loadtest", "stage", "staging", "qa", "uat", "sandbox", "local", "preview",
	"pre", "preprod", "preproduction", "nonprod", "ci",
}

// Production reports whether an environment is for users, as far as its name says.
func Production(environment string) bool {
	words := strings.FieldsFunc(strings.ToLower(environment), func(r rune) bool { return strings.ContainsRune("-_. /", r) })
	return !slices.ContainsFunc(words, func(word string) bool { return slices.Contains(notProduction, word) })
}

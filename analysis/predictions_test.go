package analysis

import (
	"math"
	"testing"
	"time"

	"faultline/analysis/cascade"
	"faultline/analysis/whatif"
	"faultline/graph"
	"faultline/graph/spread"
)

// What is predicted of an incident is what was known before it began, of every operation that users call but the cause's own.
func TestPredictions(t *testing.T) {
	const gateway, shop, pay, ads = graph.NodeID(1), graph.NodeID(2), graph.NodeID(3), graph.NodeID(4)
	site := func(caller, callee graph.NodeID, alpha, beta float64) whatif.Site {
		return whatif.Site{
			Site: spread.Site{Caller: caller, Operation: "op", Callee: callee, To: []spread.Share{{Operation: "op", Share: 1}}},
			Used: 1, Alpha: alpha, Beta: beta, Known: true, Waits: 1, Calls: 1,
		}
	}
	entry := func(n graph.NodeID) whatif.Entry {
		return whatif.Entry{Operation: spread.Operation{Node: n, Name: "op"}, PerSecond: 1, Weight: 0.3}
	}
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	k := &known{at, Structure{
		Sites:   []whatif.Site{site(gateway, pay, 1e6, 0.1), site(shop, pay, 0.1, 1e6)},
		Entries: []whatif.Entry{entry(gateway), entry(shop), entry(pay), entry(ads)},
	}}
	blame := func(node graph.NodeID, share float64) cascade.Candidate {
		return cascade.Candidate{Share: cascade.Share{Node: node, Share: share}}
	}
	i := cascade.Incident{
		ID: "i", Started: at.Add(time.Minute), Sign: cascade.Failing, Candidates: []cascade.Candidate{blame(pay, 0.9), blame(ads, 0.1)},
		Members: []cascade.Member{{Node: gateway, Callee: pay, Bad: 90, Requests: 100}, {Node: pay, Operation: "op", Bad: 40, Requests: 80}},
		Entries: []cascade.Impact{{Node: gateway, Operation: "op", Bad: 45, Requests: 100}, {Node: pay, Operation: "op", Bad: 40, Requests: 80}},
	}
	got := predictions(k, &i)
	if len(got) != 2 {
		t.Fatalf("%d predictions: %+v", len(got), got)
	}
	hard, soft := got[0], got[1]
	if hard.Node != gateway || math.Abs(hard.Predicted-0.5) > 0.1 || hard.Observed != 0.45 || hard.Severity != 0.5 || !hard.Made.Before(hard.Started) {
		t.Errorf("of the hard dependency %+v", hard)
	}
	if soft.Node != shop || soft.Predicted != 0 || soft.Observed != 0 || math.Abs(soft.Reference-0.5) > 0.1 {
		t.Errorf("of the soft one %+v", soft)
	}
	for name, change := range map[string]func(*cascade.Incident){
		"two causes":             func(i *cascade.Incident) { i.Candidates = []cascade.Candidate{blame(pay, 0.6), blame(ads, 0.4)} },
		"no clear cause":         func(i *cascade.Incident) { i.Candidates = []cascade.Candidate{blame(pay, 0.4)} },
		"nothing failed":         func(i *cascade.Incident) { i.Sign = cascade.Slow },
		"the cause says nothing": func(i *cascade.Incident) { i.Members = nil },
	} {
		other := i
		change(&other)
		if got := predictions(k, &other); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	silent := i
	silent.Members = i.Members[:1]
	if got := predictions(k, &silent); len(got) != 2 || got[0].Severity != 0.9 {
		t.Errorf("a silent cause: %+v", got)
	}
	f := forecast{known: []known{{at: at}, {at: at.Add(2 * time.Minute)}}}
	if k := f.at(at.Add(time.Minute)); k == nil || !k.at.Equal(at) || f.at(at.Add(-time.Second)) != nil {
		t.Error("what was known before an incident is not what is latest before it")
	}
}

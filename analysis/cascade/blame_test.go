package cascade

import (
	"testing"

	"faultline/graph"
)

// Requests of a few that leave a call out are different where each made it once, and perhaps by chance where they make
// several or none. What is only likely is told apart from that, and only of calls that are made once at the most.
func TestDifferent(t *testing.T) {
	const caller, callee = graph.NodeID(1), graph.NodeID(2)
	sample := func(requests, calling, calls int64) *Sample {
		s := NewSample()
		s.AddOperation(&graph.OperationRow{Node: caller, Operation: "order", Stats: graph.Stats{Calls: requests}})
		if calls > 0 {
			s.AddCall(&graph.CallSiteRow{
				EdgeKey: graph.EdgeKey{Caller: caller, Callee: callee}, CallerOperation: "order", CalleeOperation: "charge", Stats: graph.Stats{Calls: calls},
			})
			s.AddOutcome(&graph.OutcomeRow{Caller: caller, Operation: "order", Callee: callee, OutcomeStats: graph.OutcomeStats{Requests: calling, Calls: calls}})
		}
		return s
	}
	for name, tt := range map[string]struct {
		before, now   [3]int64 // requests, those that call, calls
		clear, likely bool
	}{
		"as before":                          {[3]int64{20, 20, 20}, [3]int64{20, 20, 20}, false, false},
		"one call each, then hardly any":     {[3]int64{9, 9, 9}, [3]int64{9, 1, 1}, true, true},
		"one call each, then fewer":          {[3]int64{11, 10, 10}, [3]int64{7, 3, 3}, false, true},
		"one call each, then somewhat fewer": {[3]int64{9, 9, 9}, [3]int64{9, 7, 7}, false, false},
		"half of them, as chance has it":     {[3]int64{20, 10, 10}, [3]int64{20, 14, 14}, false, false},
		"hardly any, then one call each":     {[3]int64{9, 1, 1}, [3]int64{9, 8, 8}, true, false},
		"the same with calls in bunches":     {[3]int64{9, 4, 9}, [3]int64{9, 1, 1}, false, false},
		"many in bunches":                    {[3]int64{90, 40, 90}, [3]int64{90, 10, 10}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			before, now := sample(tt.before[0], tt.before[1], tt.before[2]), sample(tt.now[0], tt.now[1], tt.now[2])
			blames := func(r Ranking) bool { return len(r.Shares) == 1 && r.Shares[0].Node == caller }
			if r := different(before, now); blames(r) != tt.clear {
				t.Errorf("different: %+v", r)
			}
			if r := omitting(before, now); blames(r) != tt.likely {
				t.Errorf("omitting: %+v", r)
			}
			if r := Rank(before, now); blames(r) != (tt.clear || tt.likely) {
				t.Errorf("all signs: %+v", r)
			}
		})
	}
}

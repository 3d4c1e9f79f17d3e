package analysis

import (
	"testing"

	"faultline/analysis/dependency"
	"faultline/analysis/slo"
	"faultline/graph"
)

// While a service is down its callers' failures are counted at an address: they are those of the service.
func TestObjectivesCountTheTimeInWhichADependencyWasDown(t *testing.T) {
	const web, cart, address = graph.NodeID(1), graph.NodeID(2), graph.NodeID(3)
	r := &Report{
		Nodes: map[graph.NodeID]graph.Node{
			web: {Type: graph.TypeService, Name: "web"}, cart: {Type: graph.TypeService, Name: "cart"},
			address: {Type: graph.TypeExternal, Name: "10.0.0.1:80"},
		},
		Aliases: map[graph.Alias]graph.NodeID{{Caller: web, Callee: address}: cart},
		Sites: []dependency.Judgement{{
			Site: dependency.Site{Caller: web, Operation: "GET /", Callee: cart}, Verdict: dependency.Hard, Assumed: dependency.Hard, Probability: 1,
		}},
	}
	s := r.promises([]graph.OutcomeRow{
		{Caller: web, Operation: "GET /", OutcomeStats: graph.OutcomeStats{Requests: 100_000, Failed: 5000, Clean: 95_000}},
		{Caller: web, Operation: "GET /", Callee: cart, OutcomeStats: graph.OutcomeStats{Requests: 95_000}},
		{Caller: web, Operation: "GET /", Callee: address, OutcomeStats: graph.OutcomeStats{Requests: 5000, Failed: 5000, TotalFatal: 5000}},
	})
	if n := len(s.Operations[0].Sites); n != 1 {
		t.Errorf("there are %d call sites, want the one to cart", n)
	}
	a := slo.Assess([]slo.Objective{{Service: "web", Target: 99}}, s)
	if len(a) != 1 || a[0].Verdict != slo.Infeasible || a[0].Measured.High != 0.05 {
		t.Errorf("web lost 5 %% of its requests to cart being down, with a target of 99 %%: %+v", a)
	}
}

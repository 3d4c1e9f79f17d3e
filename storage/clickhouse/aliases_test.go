package clickhouse

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

// TestAliases: calls that nobody answered are on the edge of the service that answered the others to that peer,
// in the graph, in its call sites and in its series, once it is sure enough who that is.
func TestAliases(t *testing.T) {
	external := func(name string) graph.Node { return graph.Node{Type: graph.TypeExternal, Name: name} }
	alias := func(at time.Time, peer, callee graph.Node, n int64) graph.AliasRow {
		return graph.AliasRow{Tenant: tenant, Bucket: at.Truncate(time.Hour), Caller: web.ID(), Peer: peer.ID(), Callee: callee.ID(), N: n}
	}
	sure, dead, few, shared, other := external("cart:8080"), external("mail:25"), external("few:1"), external("gateway:80"), external("api.example.com")
	mail := service("mail")
	s := open(t)
	write(t, s, graph.Block{
		Token: "1",
		Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart), nodeRow(mail), nodeRow(sure), nodeRow(dead), nodeRow(few), nodeRow(shared), nodeRow(other)},
		CallSites: []graph.CallSiteRow{
			callSite(t0, key(web, cart), calls(100, 1)), callSite(t0, key(web, sure), calls(7, 7)), callSite(t0, key(web, dead), calls(5, 5)),
			callSite(t0, key(web, few), calls(4, 4)), callSite(t0, key(web, shared), calls(3, 3)), callSite(t0, key(web, other), calls(2, 0)),
		},
		Aliases: []graph.AliasRow{
			alias(t0, sure, cart, 150), alias(t0, sure, mail, 1),
			alias(t0.Add(-20*time.Hour), dead, mail, 20), // answered yesterday, and never today
			alias(t0, few, cart, 19), alias(t0, shared, cart, 90), alias(t0, shared, mail, 10),
			alias(t0.Add(-60*time.Hour), other, mail, 1000), // too long ago
		},
	})
	write(t, s, graph.Block{Token: "2", Aliases: []graph.AliasRow{alias(t0, few, cart, 1), alias(t0, few, cart, -1)}})
	w := graph.Window{From: t0, To: t0.Add(time.Minute)}
	g := read(t, s, w.From, w.To)
	names := map[graph.NodeID]string{}
	for _, n := range g.Nodes {
		names[n.ID()] = n.Name
	}
	got := map[string][3]int64{}
	for _, e := range g.Edges {
		answers := ""
		if e.AnsweredBy != 0 {
			answers = names[e.AnsweredBy]
		}
		if want := map[string]string{"cart:8080": "cart"}[names[e.Callee]]; answers != want {
			t.Errorf("calls to %s are said to be answered by %q otherwise, want %q", names[e.Callee], answers, want)
		}
		got[names[e.Callee]] = [3]int64{e.Calls, e.Failed, e.Aliased}
	}
	want := map[string][3]int64{
		"cart": {100, 1, 0}, "cart:8080": {7, 7, 0}, "mail": {5, 5, 5}, "few:1": {4, 4, 0}, "gateway:80": {3, 3, 0}, "api.example.com": {2, 0, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls, failures and calls by alias of what web calls (-want +got):\n%s", diff)
	}
	sites, _, err := s.CallSites(t.Context(), tenant, w, key(web, cart))
	if err != nil || len(sites) != 1 || sites[0].Calls != 100 {
		t.Errorf("call sites %+v, %v", sites, err)
	}
	points, err := s.EdgeSeries(t.Context(), tenant, w, time.Minute, key(web, mail))
	if err != nil || len(points) != 1 || points[0].Calls != 5 {
		t.Errorf("series of an edge of nothing but unanswered calls: %+v, %v", points, err)
	}
}

package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"faultline/graph"
)

func service(name string) graph.Node {
	return graph.Node{Type: graph.TypeService, Name: name, Namespace: "shop", Environment: "prod"}
}

func external(name string) graph.Node {
	return graph.Node{Type: graph.TypeExternal, Name: name, Environment: "prod"}
}

// world is a graph of edges between nodes, and of nodes alone when the callee is zero.
func world(pairs ...graph.Node) *graph.Graph {
	g := &graph.Graph{}
	known := map[graph.NodeID]bool{}
	for i := 0; i < len(pairs); i += 2 {
		for _, n := range pairs[i : i+2] {
			if n.Name != "" && !known[n.ID()] {
				known[n.ID()] = true
				g.Nodes = append(g.Nodes, graph.NodeStats{Node: n})
			}
		}
		if pairs[i+1].Name != "" {
			g.Edges = append(g.Edges, graph.Edge{EdgeKey: graph.EdgeKey{Caller: pairs[i].ID(), Callee: pairs[i+1].ID()}})
		}
	}
	return g
}

func halves(n graph.Node, side graph.Side, counts Counts) (rows []graph.HalfRow) {
	for fate, c := range counts {
		rows = append(rows, graph.HalfRow{Node: n.ID(), Side: side, Fate: fate, N: c})
	}
	return rows
}

func TestEveryReason(t *testing.T) {
	cart, web, none := service("cart"), service("web"), graph.Node{}
	paired := halves(web, graph.ClientSide, Counts{graph.FatePaired: 10})
	tests := map[string]struct {
		graph  *graph.Graph
		halves []graph.HalfRow
		of     graph.Node
		want   string // reason, severity, side, halves; of each finding
		cause  string // part of the first one's
	}{
		"all is well": {
			world(web, cart), halves(cart, graph.ServerSide, Counts{graph.FatePaired: 90, graph.FateRoot: 10}), cart, "", "",
		},
		"an entry is all roots and nobody calls it": {
			world(cart, none), halves(cart, graph.ServerSide, Counts{graph.FateRoot: 10}), cart, "", "",
		},
		"no name": {
			world(service("unknown_service"), none), halves(service("unknown_service"), graph.ServerSide, Counts{graph.FateRoot: 3}),
			service("unknown_service"), "no_service_name bad  3", "no service.name",
		},
		"a name made up by the SDK": {
			world(service("unknown_service:java"), none), halves(service("unknown_service:java"), graph.ServerSide, Counts{graph.FateRoot: 3}),
			service("unknown_service:java"), "no_service_name bad  3", `"java"`,
		},
		"only internal spans": {
			world(web, cart), paired, cart, "internal_only warn  0", "SERVER",
		},
		"context lost on the way to its name": {
			world(cart, none, web, external("cart:8080"), service("ads"), external("cart:8080")), halves(cart, graph.ServerSide, Counts{graph.FateRoot: 96, graph.FatePaired: 4}),
			cart, "root_servers_only bad server 96", "web and one other service call it at cart:8080",
		},
		"context lost on the way to its cluster name": {
			world(cart, none, web, external("cart.shop.svc.cluster.local")), halves(cart, graph.ServerSide, Counts{graph.FateRoot: 1}),
			cart, "root_servers_only bad server 1", "web calls it at cart.shop.svc.cluster.local",
		},
		"another namespace's address": {
			world(cart, none, web, external("cart.games.svc"), graph.Node{Type: graph.TypeService, Name: "chess", Namespace: "games"}, none),
			halves(cart, graph.ServerSide, Counts{graph.FateRoot: 1}), cart, "", "",
		},
		"another environment's": {
			world(cart, none, web, graph.Node{Type: graph.TypeExternal, Name: "cart:8080", Environment: "test"}),
			halves(cart, graph.ServerSide, Counts{graph.FateRoot: 1}), cart, "", "",
		},
		"one in ten is not a root": {
			world(cart, none, web, external("cart:8080")), halves(cart, graph.ServerSide, Counts{graph.FateRoot: 90, graph.FatePaired: 10}), cart, "", "",
		},
		"clients that name nobody": {
			world(cart, none), halves(cart, graph.ClientSide, Counts{graph.FateNoPeer: 7}), cart, "client_without_peer bad client 7", "no callee continues",
		},
		"some clients name nobody": {
			world(cart, none), halves(cart, graph.ClientSide, Counts{graph.FateNoPeer: 5, graph.FatePaired: 95}), cart, "client_without_peer warn client 5", "Some of its",
		},
		"callers never seen": {
			world(cart, none), halves(cart, graph.ServerSide, Counts{graph.FateNoPartner: 7}), cart, "partner_not_seen bad server 7", "gateway",
		},
		"callers sampled away": {
			world(cart, none), halves(cart, graph.ServerSide, Counts{graph.FateNoPartner: 1, graph.FatePaired: 999}), cart, "partner_not_seen note server 1", "sampler",
		},
		"over a limit": {
			world(cart, none), halves(cart, graph.ServerSide, Counts{graph.FateLimit: 50, graph.FatePaired: 50}), cart, "over_limit bad server 50", "id inside",
		},
		"waiting": {
			world(cart, none), halves(cart, graph.ClientSide, Counts{graph.FateWaiting: 10, graph.FatePaired: 90}), cart, "waiting note client 10", "may still come",
		},
		"just sent": {
			world(cart, none), halves(cart, graph.ClientSide, Counts{graph.FateWaiting: 3, graph.FatePaired: 97}), cart, "", "",
		},
		"two sides, worst first": {
			world(cart, none), slices.Concat(
				halves(cart, graph.ClientSide, Counts{graph.FateNoPeer: 2, graph.FatePaired: 98}),
				halves(cart, graph.ServerSide, Counts{graph.FateNoPartner: 40, graph.FatePaired: 60})),
			cart, "partner_not_seen bad server 40, client_without_peer warn client 2", "Spans of some callers",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Diagnose(tt.graph, tt.halves)
			if r.Unaccounted != 0 {
				t.Errorf("%d halves are not accounted for", r.Unaccounted)
			}
			i := slices.IndexFunc(r.Services, func(s Service) bool { return s.ID == tt.of.ID() })
			if i < 0 {
				t.Fatalf("no word on %s", tt.of.Name)
			}
			var got []string
			for _, f := range r.Services[i].Findings {
				got = append(got, fmt.Sprintf("%s %s %s %d", f.Reason, f.Severity, f.Side, f.Halves))
				if f.Cause == "" || f.Repair == "" {
					t.Errorf("%s: nothing is said about it", f.Reason)
				}
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("findings %q, want %q", s, tt.want)
			}
			if tt.cause != "" && len(got) > 0 && !strings.Contains(r.Services[i].Findings[0].Cause, tt.cause) {
				t.Errorf("cause %q does not say %q", r.Services[i].Findings[0].Cause, tt.cause)
			}
		})
	}
}

func TestHalvesAddUp(t *testing.T) {
	cart := service("cart")
	r := Diagnose(world(cart, graph.Node{}), slices.Concat(
		halves(cart, graph.ServerSide, Counts{graph.FatePaired: 5, graph.FateRoot: 2, graph.FateNoPartner: 1}),
		halves(cart, graph.ServerSide, Counts{graph.FateNoPartner: -1, graph.FatePaired: 1}),
		halves(service("gone"), graph.ClientSide, Counts{graph.FateInner: 3})))
	if r.Halves != 11 || r.Fates[graph.FatePaired] != 6 || r.Fates[graph.FateNoPartner] != 0 || r.Unaccounted != 0 {
		t.Errorf("%+v", r)
	}
	if n := len(r.Services); n != 2 {
		t.Errorf("%d services, want the one in the graph and the one that is not", n)
	}

	bad := Diagnose(world(cart, graph.Node{}), slices.Concat(
		halves(cart, graph.ServerSide, Counts{graph.FatePaired: 5, "eaten": 2}),
		halves(cart, graph.ClientSide, Counts{graph.FatePaired: 4, graph.FateInner: -1})))
	if bad.Halves != 10 || bad.Fates.Sum() != 9 || bad.Unaccounted != 1 {
		t.Errorf("a fate that is none, and one taken back too often: %+v", bad)
	}
}

func TestNothingCountedSaysNothing(t *testing.T) {
	if r := Diagnose(world(service("cart"), service("web")), nil); len(r.Services) != 0 {
		t.Errorf("%+v", r.Services)
	}
}

func TestWorstServiceFirst(t *testing.T) {
	a, b, c, d := service("a"), service("b"), service("c"), service("d")
	r := Diagnose(world(a, b, c, d), slices.Concat(
		halves(a, graph.ServerSide, Counts{graph.FatePaired: 1000}),
		halves(b, graph.ServerSide, Counts{graph.FateNoPartner: 5}),
		halves(c, graph.ServerSide, Counts{graph.FateNoPartner: 500}),
		halves(d, graph.ServerSide, Counts{graph.FateNoPartner: 900, graph.FatePaired: 80_000})))
	var got string
	for _, s := range r.Services {
		got += s.Node.Name
	}
	if got != "cbda" {
		t.Errorf("order %q, want cbda", got)
	}
}

package graph

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAliases(t *testing.T) {
	shop := func(typ NodeType, name string) Node {
		return Node{Type: typ, Name: name, Namespace: "shop", Environment: "prod"}
	}
	at := func(name string) Node { return Node{Type: TypeExternal, Name: name, Environment: "prod"} }
	web, cart, other := shop(TypeService, "web"), shop(TypeService, "cart"), shop(TypeService, "other")
	test := Node{Type: TypeService, Name: "cart", Namespace: "shop", Environment: "test"}
	row := func(callee Node, name string, calls, failed int64) CallSiteRow {
		basis := ByKinds
		if callee.Type == TypeExternal {
			basis = ByVirtual
		}
		r := CallSiteRow{EdgeKey: EdgeKey{Caller: web.ID(), Callee: callee.ID()}, CalleeOperation: name, Basis: basis}
		r.Calls, r.Failed = calls, failed
		return r
	}
	tests := map[string]struct {
		nodes []Node
		rows  []CallSiteRow
		of    Node
		want  Node // zero: nobody
	}{
		"a host that is a service's name":              {[]Node{cart, at("cart:8080")}, []CallSiteRow{row(at("cart:8080"), "GET", 3, 3)}, at("cart:8080"), cart},
		"a host within the service's namespace":        {[]Node{cart, at("cart.shop.svc.cluster.local")}, []CallSiteRow{row(at("cart.shop.svc.cluster.local"), "GET", 3, 3)}, at("cart.shop.svc.cluster.local"), cart},
		"a host of the same name elsewhere":            {[]Node{cart, at("cart.example.com")}, []CallSiteRow{row(at("cart.example.com"), "GET", 3, 3)}, at("cart.example.com"), Node{}},
		"a service of another environment":             {[]Node{test, at("cart")}, []CallSiteRow{row(at("cart"), "GET", 3, 3)}, at("cart"), Node{}},
		"who answers to the name of the call":          {[]Node{cart, at("10.0.0.1:80")}, []CallSiteRow{row(cart, "GET /cart", 20, 0), row(at("10.0.0.1:80"), "GET /cart", 5, 5)}, at("10.0.0.1:80"), cart},
		"too few answers":                              {[]Node{cart, at("10.0.0.1:80")}, []CallSiteRow{row(cart, "GET /cart", 19, 0), row(at("10.0.0.1:80"), "GET /cart", 5, 5)}, at("10.0.0.1:80"), Node{}},
		"two answer to the name":                       {[]Node{cart, other, at("10.0.0.1:80")}, []CallSiteRow{row(cart, "GET /", 50, 0), row(other, "GET /", 1, 0), row(at("10.0.0.1:80"), "GET /", 5, 5)}, at("10.0.0.1:80"), Node{}},
		"an outsider that works has names of ours":     {[]Node{cart, at("api.example")}, []CallSiteRow{row(cart, "POST /v1", 50, 0), row(at("api.example"), "POST /v1", 50, 5)}, at("api.example"), Node{}},
		"an address at which several services answer":  {[]Node{cart, other, at("10.0.0.1:80")}, []CallSiteRow{row(cart, "GET /a", 50, 0), row(other, "GET /b", 50, 0), row(at("10.0.0.1:80"), "GET /a", 5, 5), row(at("10.0.0.1:80"), "GET /b", 5, 5)}, at("10.0.0.1:80"), Node{}},
		"the caller itself, by a host":                 {[]Node{at("web")}, []CallSiteRow{row(at("web"), "GET", 3, 3)}, at("web"), Node{}},
		"an address that answers some":                 {[]Node{cart, at("10.0.0.1:80")}, []CallSiteRow{row(cart, "GET /cart", 99, 0), row(at("10.0.0.1:80"), "GET /cart", 5, 1)}, at("10.0.0.1:80"), cart},
		"nothing is known of who is silent all along":  {[]Node{cart, at("10.0.0.2:80")}, []CallSiteRow{row(cart, "GET /cart", 50, 0), row(at("10.0.0.2:80"), "GET /x", 5, 5)}, at("10.0.0.2:80"), Node{}},
		"an address that is not resolved has a system": {[]Node{cart, {Type: TypeExternal, Name: "cart", Environment: "prod", System: "aws-api"}}, []CallSiteRow{row(Node{Type: TypeExternal, Name: "cart", Environment: "prod", System: "aws-api"}, "x", 5, 0)}, Node{Type: TypeExternal, Name: "cart", Environment: "prod", System: "aws-api"}, Node{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			nodes := map[NodeID]Node{web.ID(): web}
			for _, n := range tt.nodes {
				nodes[n.ID()] = n
			}
			want := map[Alias]NodeID{}
			if tt.want != (Node{}) {
				want[Alias{web.ID(), tt.of.ID()}] = tt.want.ID()
			}
			if diff := cmp.Diff(want, Aliases(nodes, tt.rows)); diff != "" {
				t.Errorf("aliases differ (-want +got):\n%s", diff)
			}
		})
	}
}

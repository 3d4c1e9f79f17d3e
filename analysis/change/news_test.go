package change

import (
	"slices"
	"strings"
	"testing"
	"time"

	"faultline/graph"
)

func TestNews(t *testing.T) {
	nodes := map[graph.NodeID]graph.Node{}
	for _, n := range named {
		nodes[n.ID()] = n
	}
	old, fresh := 30*time.Hour, 2*time.Hour
	call := func(from, to string, age time.Duration, requests float64) Seen {
		return Seen{Caller: node(from).ID(), Callee: node(to).ID(), First: noon.Add(-age), Requests: requests, Sync: true}
	}
	base := []Seen{call("web", "cart", old, 1000), call("cart", "redis", old, 1000)}
	for name, test := range map[string]struct {
		seen []Seen
		want []string
	}{
		"nothing":               {base, nil},
		"a deploy":              {append(base[:2:2], call("web", "redis", fresh, 30), call("web", "pay", fresh, 20)), []string{"edge_new web>pay notice", "edge_new web>redis notice", "node_new pay notice"}},
		"too few requests":      {append(base[:2:2], call("web", "redis", fresh, 19)), nil},
		"a single burst":        {append(base[:2:2], call("web", "redis", 5*time.Minute, 100)), nil},
		"no longer news":        {append(base[:2:2], call("web", "redis", 25*time.Hour, 100)), nil},
		"a new caller":          {append(base[:2:2], call("pay", "redis", fresh, 100)), nil},
		"a cycle":               {append(base[:2:2], call("cart", "web", fresh, 100)), []string{"cycle_new cart>web risk", "edge_new cart>web notice"}},
		"another environment":   {append(base[:2:2], call("web", "trial", fresh, 100)), []string{"edge_new web>trial risk", "node_new trial notice"}},
		"the first day":         {[]Seen{call("web", "cart", fresh, 1000), call("cart", "redis", fresh, 1000)}, nil},
		"not in production":     {append(base[:2:2], call("trial", "web", old, 1000), call("trial", "cart", fresh, 1000)), nil},
		"another operation too": {append(base[:2:2], call("web", "cart", fresh, 1000)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := Report{Items: News(noon, test.seen, nodes, Knowledge{})}
			if got := said(&r); !slices.Equal(got, test.want) {
				t.Errorf("got %s\nwant %s", strings.Join(got, ", "), strings.Join(test.want, ", "))
			}
		})
	}
}

func TestProduction(t *testing.T) {
	for environment, want := range map[string]bool{
		"": true, "prod": true, "production": true, "eu-prod-1": true, "live": true, "city": true, "device-farm": true,
		"dev": false, "test": false, "staging": false, "eu-stage": false, "pre-prod": false, "preprod": false, "qa": false, "CI": false, "load_test": false,
	} {
		if got := Production(environment); got != want {
			t.Errorf("%q: %t", environment, got)
		}
	}
}

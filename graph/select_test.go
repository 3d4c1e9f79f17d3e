package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named reads nodes and edges from words: "a" is a service, "q:orders" a queue, "d:pg" a database,
// "a/prod/shop" a service of an environment and namespace; "a>b" is an edge, "a>b@q:orders" one via a queue.
func named(words ...string) Graph {
	var g Graph
	seen := map[string]Node{}
	node := func(w string) NodeID {
		if n, ok := seen[w]; ok {
			return n.ID()
		}
		n := Node{Type: TypeService, Name: w}
		if rest, ok := strings.CutPrefix(w, "q:"); ok {
			n = Node{Type: TypeQueue, Name: rest}
		} else if rest, ok := strings.CutPrefix(w, "d:"); ok {
			n = Node{Type: TypeDatabase, Name: rest}
		} else if parts := strings.Split(w, "/"); len(parts) == 3 {
			n = Node{Type: TypeService, Name: parts[0], Environment: parts[1], Namespace: parts[2]}
		}
		seen[w] = n
		g.Nodes = append(g.Nodes, NodeStats{Node: n, Stats: Stats{Calls: int64(100 - len(g.Nodes))}})
		return n.ID()
	}
	for _, w := range words {
		w, via, _ := strings.Cut(w, "@")
		caller, callee, ok := strings.Cut(w, ">")
		if !ok {
			node(w)
			continue
		}
		e := Edge{EdgeKey: EdgeKey{Caller: node(caller), Callee: node(callee), Mode: Sync, Protocol: "http"}}
		if via != "" {
			e.Via = node(via)
		}
		g.Edges = append(g.Edges, e)
	}
	return g
}

// words is the inverse of named, sorted.
func words(g Graph) []string {
	names := map[NodeID]string{}
	touched := map[NodeID]bool{}
	for _, n := range g.Nodes {
		names[n.ID()] = n.Name
	}
	out := []string{}
	for _, e := range g.Edges {
		out = append(out, names[e.Caller]+">"+names[e.Callee])
		touched[e.Caller], touched[e.Callee] = true, true
	}
	for id, n := range names {
		if !touched[id] {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func TestSelect(t *testing.T) {
	id := func(name string) NodeID { return Node{Type: TypeService, Name: name}.ID() }
	hub := []string{"hub>x"}
	for i := range 500 {
		hub = append(hub, fmt.Sprintf("c%03d>hub", i))
	}
	tests := map[string]struct {
		graph []string
		sel   Selection
		want  []string
		cut   string
	}{
		"everything":                {[]string{"a>b", "b>d:pg", "alone"}, Selection{}, []string{"a>b", "alone", "b>pg"}, ""},
		"focus is an induced graph": {[]string{"a>b", "a>c", "b>c", "c>far"}, Selection{Focus: id("a"), Depth: 1}, []string{"a>b", "a>c", "b>c"}, ""},
		"focus two hops":            {[]string{"a>b", "b>c", "c>d"}, Selection{Focus: id("a"), Depth: 2}, []string{"a>b", "b>c"}, ""},
		"focus looks at callers":    {[]string{"a>b", "b>c"}, Selection{Focus: id("c"), Depth: 1}, []string{"b>c"}, ""},
		"cycle":                     {[]string{"a>b", "b>a", "b>c"}, Selection{Focus: id("a"), Depth: 9}, []string{"a>b", "b>a", "b>c"}, ""},
		"self calls hidden":         {[]string{"a>a", "a>b"}, Selection{}, []string{"a>b"}, ""},
		"self calls asked for":      {[]string{"a>a", "a>b"}, Selection{Self: true}, []string{"a>a", "a>b"}, ""},
		"queues shown":              {[]string{"a>q:o", "q:o>b", "a>b@q:o"}, Selection{}, []string{"a>o", "o>b"}, ""},
		"queues collapsed":          {[]string{"a>q:o", "q:o>b", "a>b@q:o"}, Selection{CollapseQueues: true}, []string{"a>b"}, ""},
		"types":                     {[]string{"a>d:pg", "a>b"}, Selection{Types: []NodeType{TypeService}}, []string{"a>b"}, ""},
		"environment":               {[]string{"a/prod/>b/prod/", "a/dev/>b/dev/"}, Selection{Environments: []string{"dev"}}, []string{"a>b"}, ""},
		"namespace with what its services call": {
			[]string{"a/e/shop>b/e/shop", "b/e/shop>d:pg", "x/e/other>d:pg2", "x/e/other>a/e/shop"}, Selection{Namespaces: []string{"shop"}}, []string{"a>b", "b>pg"}, "",
		},
		"limit keeps the busiest":  {[]string{"a>b", "b>c"}, Selection{Limit: 2}, []string{"a>b"}, "limit"},
		"limit keeps the focus":    {[]string{"a>b", "b>c"}, Selection{Limit: 1, Focus: id("c"), Depth: 1}, []string{"b>c"}, ""},
		"limit that nobody meets":  {[]string{"a>b"}, Selection{Limit: 2}, []string{"a>b"}, ""},
		"nothing matches":          {[]string{"a>b"}, Selection{Namespaces: []string{"none"}}, []string{}, ""},
		"a hub is cut and says so": {hub, Selection{Limit: 3}, []string{"c000>hub", "hub>x"}, "limit"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := named(tt.graph...)
			got, err := g.Select(tt.sel)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, words(got.Graph)); diff != "" {
				t.Errorf("selected (-want +got):\n%s", diff)
			}
			if got.TruncatedBy != tt.cut {
				t.Errorf("truncated by %q, want %q", got.TruncatedBy, tt.cut)
			}
		})
	}
	if _, err := named("a>b").Select(Selection{Focus: 42}); !errors.Is(err, ErrNotFound) {
		t.Errorf("focus on nothing: %v", err)
	}
	if got, _ := named(hub...).Select(Selection{Limit: 3}); got.TotalNodes != 502 || got.TotalEdges != 501 {
		t.Errorf("totals %d nodes, %d edges, want 502 and 501", got.TotalNodes, got.TotalEdges)
	}
}

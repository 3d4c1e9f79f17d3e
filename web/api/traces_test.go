package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"faultline/graph"
)

func TestWaterfall(t *testing.T) {
	kinds := map[byte]graph.Kind{'c': graph.KindClient, 's': graph.KindServer, 'i': graph.KindInternal}
	tests := map[string]struct {
		spans string // "id<parent kind node" by start; a parent of 0 is none
		want  string // "depth:id kind" in order
	}{
		"chain":                            {"1<0sA 2<1cA 3<2sB", "0:1s 1:2c 2:3s"},
		"children by start, depth first":   {"1<0sA 2<1cA 3<1cA 4<2sB 5<3sC", "0:1s 1:2c 2:4s 1:3c 2:5s"},
		"a parent that is not there":       {"1<0sA 2<9sB 3<2iB", "0:1s 0:2s 1:3i"},
		"a child that begins first":        {"2<1sB 1<0sA", "0:1s 1:2s"},
		"its own parent":                   {"1<1sA 2<1cA", "0:1s 1:2c"},
		"a circle":                         {"1<0sA 2<3cA 3<2cA 4<3sB", "0:1s 0:2c 1:3c 2:4s"},
		"two halves of one id":             {"1<0sA 2<1cA 2<1sB 3<2iB 4<2iA", "0:1s 1:2c 2:2s 3:3i 2:4i"},
		"two halves, the callee begins":    {"1<0sA 2<1sB 2<1cA 3<2cB", "0:1s 1:2c 2:2s 3:3c"},
		"halves of one id that are a root": {"1<0cA 1<0sB 2<1iC", "0:1c 1:1s 2:2i"},
		"several roots":                    {"1<0sA 2<0sB", "0:1s 0:2s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var spans []graph.SpanRow
			for _, w := range strings.Fields(tt.spans) {
				s := graph.SpanRow{ID: graph.SpanID{w[0]}, Kind: kinds[w[3]], Node: graph.NodeID(w[4])}
				if w[2] != '0' {
					s.Parent = graph.SpanID{w[2]}
				}
				spans = append(spans, s)
			}
			order, depths := waterfall(spans)
			var got []string
			for i, at := range order {
				kind := map[graph.Kind]string{graph.KindClient: "c", graph.KindServer: "s", graph.KindInternal: "i"}[spans[at].Kind]
				got = append(got, fmt.Sprintf("%d:%c%s", depths[i], spans[at].ID[0], kind))
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
		})
	}
}

func TestEdgeOfCall(t *testing.T) {
	s := &graph.SpanRow{Caller: 1, Callee: 2, Protocol: "grpc"}
	edge := func(callee graph.NodeID, protocol string, via graph.NodeID) graph.Edge {
		return graph.Edge{EdgeKey: graph.EdgeKey{Caller: 1, Callee: callee, Protocol: protocol, Mode: graph.Sync, Via: via}}
	}
	busiest, same := edge(2, "http", 0), edge(2, "grpc", 0)
	if got := edgeOf(s, []graph.Edge{edge(3, "grpc", 0), busiest, edge(2, "grpc", 9), same}); got == nil || *got != same.EdgeKey.String() {
		t.Errorf("%v, want the one of the same protocol", got)
	}
	if got := edgeOf(s, []graph.Edge{busiest, edge(2, "amqp", 0)}); got == nil || *got != busiest.EdgeKey.String() {
		t.Errorf("%v, want the busiest", got)
	}
	if got := edgeOf(s, []graph.Edge{edge(3, "grpc", 0)}); got != nil {
		t.Errorf("%s, want none", *got)
	}
}

// The counters have the names that they have in storage.
func TestOutcomeCounterNames(t *testing.T) {
	var s graph.OutcomeStats
	for i, c := range s.Counters() {
		*c = int64(i + 1)
	}
	body, err := json.Marshal(outcomeCounters(&s))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]int64
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	for i, name := range graph.OutcomeCounterNames {
		if got[name] != int64(i+1) {
			t.Errorf("%s is %d, want %d", name, got[name], i+1)
		}
	}
	if len(got) != len(graph.OutcomeCounterNames) {
		t.Errorf("%d counters, want %d", len(got), len(graph.OutcomeCounterNames))
	}
}

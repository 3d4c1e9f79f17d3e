package graph

import (
	"testing"
	"time"
)

func TestHalves(t *testing.T) {
	edge := func(mode Mode, both, caller, callee, neither int64) *Edge {
		e := &Edge{EdgeKey: EdgeKey{Mode: mode}}
		e.Calls = both + caller + callee + neither
		e.Client.Observe(time.Millisecond, both+caller)
		e.Server.Observe(time.Millisecond, both+callee)
		return e
	}
	tests := map[string]struct {
		edge *Edge
		want Halves
		ok   bool
	}{
		"all seen from both ends": {edge(Sync, 10, 0, 0, 0), Halves{10, 0, 0}, true},
		"to a database":           {edge(Sync, 0, 7, 0, 0), Halves{0, 7, 0}, true},
		"callers make no spans":   {edge(Sync, 0, 0, 5, 0), Halves{0, 0, 5}, true},
		"a bit of everything":     {edge(Sync, 10, 2, 3, 0), Halves{10, 2, 3}, true},
		"known by hearsay":        {edge(Sync, 0, 0, 0, 4), Halves{}, true},
		"messages to a consumer":  {edge(Async, 0, 0, 4, 0), Halves{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := test.edge.Halves(); got != test.want || ok != test.ok {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}

package clickhouse

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"faultline/analysis/cascade"
	"faultline/graph"
)

func TestIncidents(t *testing.T) {
	s := open(t)
	name := strings.ToValidUTF8(hostile, "\uFFFD") // as decoding leaves it
	whole := cascade.Incident{
		ID: "a", Started: t0, Opened: t0.Add(time.Second), LastIll: t0.Add(time.Minute), Suspected: true, Sign: cascade.Slow, Units: 12.5,
		Candidates: []cascade.Candidate{{
			Share:  cascade.Share{Node: math.MaxUint64, Units: 3, Share: 0.5, Reasons: []cascade.Reason{{Kind: cascade.Unanswered, Units: 1, Of: 2, Callers: 3, Version: name}}, Traces: []graph.TraceID{{1, 15: 2}}},
			Likely: true, Onset: t0,
		}},
		Members: []cascade.Member{{Node: 1, Operation: name, Callee: 2, Sign: cascade.Failing, Bad: 3, Requests: 4, Before: 0.1, Times: 2.5, Suspected: true, Onset: t0}},
		Path:    []cascade.Step{{Caller: 1, Callee: 2, Calls: 3, Failed: 4, Onset: t0, Traces: []graph.TraceID{{2}}}},
		Entries: []cascade.Impact{{Node: 1, Operation: name, Requests: 2, Bad: 1}},
	}
	over := whole
	over.Closed = t0.Add(2 * time.Minute)
	later := cascade.Incident{ID: "b", Started: t0.Add(time.Hour)}
	for i, save := range [][]cascade.Incident{nil, {whole}, {over, later}, {over, later}} {
		if err := s.WriteIncidents(t.Context(), "x", t0.Add(time.Duration(i)*time.Minute), save); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int][]cascade.Incident{10: {later, over}, 1: {later}} {
		got, err := s.Incidents(t.Context(), "x", limit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(cascade.Incident{}, cascade.Member{}), cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Errorf("%d (-want +got):\n%s", limit, diff)
		}
	}
	if others, err := s.Incidents(t.Context(), "y", 10); err != nil || len(others) != 0 {
		t.Errorf("incidents of another tenant: %v, %v", others, err)
	}
}

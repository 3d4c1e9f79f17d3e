package rollup

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
	"faultline/graph/match"
)

var t0 = time.Unix(1_700_000_005, 0).UTC()

// fold matches and folds one call a → b (40 ms seen by a, 30 ms by b) for each of at.
func fold(f *Folder, names *match.Names, at ...time.Duration) *match.Matcher {
	m := match.New(match.DefaultConfig(), names, f)
	m.Advance(t0)
	for i, d := range at {
		for _, s := range call(byte(i), d) {
			m.Add("default", s)
		}
	}
	return m
}

func call(trace byte, d time.Duration) []*graph.Span {
	node := func(n string) *graph.Service {
		return &graph.Service{Node: graph.Node{Type: graph.TypeService, Name: n}, Version: "v1", Tier: "high"}
	}
	start := t0.Add(d).UnixNano()
	return []*graph.Span{
		{Trace: graph.TraceID{1, trace}, ID: graph.SpanID{1}, Shape: &graph.Shape{Kind: graph.KindServer, Service: node("a"), Operation: "GET /"}, Start: start, Duration: 50 * time.Millisecond, Weight: 2},
		{Trace: graph.TraceID{1, trace}, ID: graph.SpanID{2}, Parent: graph.SpanID{1}, Shape: &graph.Shape{Kind: graph.KindClient, Service: node("a"), Operation: "GET"}, Start: start, Duration: 40 * time.Millisecond, Weight: 2, Outcome: graph.Failed},
		{Trace: graph.TraceID{1, trace}, ID: graph.SpanID{3}, Parent: graph.SpanID{2}, Shape: &graph.Shape{Kind: graph.KindServer, Service: node("b"), Operation: "GET /b"}, Start: start + 1, Duration: 30 * time.Millisecond, Weight: 2},
	}
}

func TestFold(t *testing.T) {
	names := match.NewNames(match.DefaultLimits())
	f := New(DefaultConfig(), names)
	fold(f, names, 0, time.Second, 6*time.Second) // two in one bucket, one in the next
	b := f.Flush()

	a := graph.Node{Type: graph.TypeService, Name: "a"}.ID()
	bb := graph.Node{Type: graph.TypeService, Name: "b"}.ID()
	want := map[int64]graph.Stats{}
	for bucket, n := range map[int64]int64{1_700_000_000: 2, 1_700_000_010: 1} {
		want[bucket] = graph.Stats{
			Calls: n, Failed: n, Weight: float64(2 * n), WeightSquared: float64(4 * n),
			Client: graph.Histogram{{Index: graph.IndexOf(40 * time.Millisecond), N: n}},
			Server: graph.Histogram{{Index: graph.IndexOf(30 * time.Millisecond), N: n}},
		}
	}
	got := map[int64]graph.Stats{}
	for _, r := range b.CallSites {
		if r.Caller == a && r.Callee == bb {
			if r.CallerOperation != "GET /" || r.CalleeOperation != "GET /b" || r.Basis != graph.ByKinds || r.Tenant != "default" {
				t.Errorf("row %+v", r)
			}
			got[r.Bucket.Unix()] = r.Stats
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a → b by bucket (-want +got):\n%s", diff)
	}
	var ops []string
	for _, r := range b.Operations {
		ops = append(ops, fmt.Sprintf("%s %s %s x%d failed %d", r.Bucket.Format("05"), r.Operation, r.Version, r.Calls, r.Failed))
	}
	wantOps := []string{"20 GET / v1 x2 failed 0", "20 GET /b v1 x2 failed 0", "30 GET / v1 x1 failed 0", "30 GET /b v1 x1 failed 0"}
	if diff := cmp.Diff(wantOps, slices.Sorted(slices.Values(ops))); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if len(b.Nodes) != 3 { // a, b and the user
		t.Errorf("%d nodes, want 3: %+v", len(b.Nodes), b.Nodes)
	}
	if b := f.Flush(); b.Rows() > 0 {
		t.Errorf("a second flush has rows: %+v", b)
	}
}

func TestCorrectionsInOneFlushLeaveNothing(t *testing.T) {
	names := match.NewNames(match.DefaultLimits())
	f := New(DefaultConfig(), names)
	m := match.New(match.DefaultConfig(), names, f)
	spans := call(1, 0)
	spans[2].Parent = graph.SpanID{2}
	m.Advance(t0)
	m.Add("default", spans[2])
	m.Advance(t0.Add(time.Minute)) // counted as called by unknown
	m.Add("default", spans[1])
	m.Add("default", spans[0]) // and corrected
	for _, r := range f.Flush().CallSites {
		if r.Calls != 1 {
			t.Errorf("row with %d calls: %+v", r.Calls, r)
		}
	}
}

func TestFlushIsDeterministic(t *testing.T) {
	blocks := make([]graph.Block, 2)
	for i := range blocks {
		names := match.NewNames(match.DefaultLimits())
		f := New(DefaultConfig(), names)
		fold(f, names, 0, 3*time.Second, 11*time.Second, 25*time.Second)
		blocks[i] = f.Flush()
	}
	if diff := cmp.Diff(blocks[0], blocks[1]); diff != "" {
		t.Errorf("two equal runs differ:\n%s", diff)
	}
}

func TestEdgeLimit(t *testing.T) {
	names := match.NewNames(match.DefaultLimits())
	f := New(Config{Edges: 1, NodeEvery: time.Minute}, names)
	fold(f, names, 0)
	var others int64
	for _, r := range f.Flush().CallSites {
		if r.Callee == (graph.Node{Type: graph.TypeService, Name: graph.Other}).ID() {
			others += r.Calls
		}
	}
	if others != 1 || f.OverEdges() != 1 {
		t.Errorf("%d calls to %s, %d counted over the limit, want 1 and 1", others, graph.Other, f.OverEdges())
	}
}

func BenchmarkFold(b *testing.B) {
	for _, edges := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("edges=%d", edges), func(b *testing.B) {
			names := match.NewNames(match.DefaultLimits())
			f := New(DefaultConfig(), names)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f.Call(&match.Call{
					N: 1, Caller: 1, Callee: match.NodeRef(i % edges), Protocol: "http", Mode: graph.Sync,
					Start: t0.UnixNano(), ClientTime: time.Duration(i%1000) * time.Millisecond, ServerTime: -1, Weight: 1,
				})
			}
		})
	}
}

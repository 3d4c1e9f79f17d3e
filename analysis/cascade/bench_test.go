package cascade

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"faultline/graph"
)

// A look at a system of 10,000 services with 100,000 pairs of operations that call each other, all of which are seen in
// each of twelve buckets, and what is learned of one of them.
func BenchmarkLook(b *testing.B) {
	const nodes, pairs, buckets = 10_000, 100_000, 12
	r := rand.New(rand.NewPCG(1, 1))
	var rows Rows
	usual := func() (h graph.Histogram) {
		for range 20 {
			h.Observe(time.Duration(5000+r.IntN(5000))*time.Microsecond, 5)
		}
		return h
	}
	for i := 1; i <= nodes; i++ {
		o := graph.OperationRow{Node: graph.NodeID(i), Operation: "op"}
		o.Calls, o.Server = 100, usual()
		rows.Operations = append(rows.Operations, o)
		whole := graph.OutcomeRow{Caller: graph.NodeID(i), Operation: "op"}
		whole.Requests, whole.Clean = 100, 100
		rows.Outcomes = append(rows.Outcomes, whole)
	}
	for range pairs {
		from := 1 + r.IntN(nodes-1)
		to := from + 1 + r.IntN(nodes-from)
		c := graph.CallSiteRow{
			EdgeKey: graph.EdgeKey{Caller: graph.NodeID(from), Callee: graph.NodeID(to)}, CallerOperation: "op", CalleeOperation: fmt.Sprint("op", to%5),
		}
		c.Calls, c.Client, c.Server = 100, usual(), usual()
		rows.Calls = append(rows.Calls, c)
	}
	at := t0
	shifted := func() Rows {
		for i := range rows.Operations {
			rows.Operations[i].Bucket = at
		}
		for i := range rows.Calls {
			rows.Calls[i].Bucket = at
		}
		for i := range rows.Outcomes {
			rows.Outcomes[i].Bucket = at.Truncate(graph.OutcomeStep)
		}
		at = at.Add(graph.Step)
		return rows
	}
	tr := New(DefaultConfig())
	learn := func() {
		rows := shifted()
		tr.Learn(at, rows)
	}
	for range 60 {
		learn()
	}
	b.Run("learn", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			learn()
		}
	})
	b.Run("look", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			learned := at
			end := at.Add(buckets * graph.Step)
			for range buckets {
				tr.See(end, shifted())
			}
			tr.Look(end, func(graph.NodeID) bool { return false })
			at = learned
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-held")
	})
	if n := len(tr.Incidents()); n > 0 {
		b.Errorf("%d incidents", n)
	}
}

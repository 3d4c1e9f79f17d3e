package cascade

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"faultline/graph"
)

// A look at a system of 10,000 services with 100,000 pairs of operations that call each other, seven buckets deep.
func BenchmarkLook(b *testing.B) {
	const nodes, pairs, buckets = 10_000, 100_000, 7
	r := rand.New(rand.NewPCG(1, 1))
	var recent []Timed
	outcomes := NewSample()
	type pair struct{ from, to int }
	var list []pair
	for range pairs {
		from := 1 + r.IntN(nodes-1)
		list = append(list, pair{from, from + 1 + r.IntN(nodes-from)})
	}
	for n := range buckets {
		s := NewSample()
		for i := 1; i <= nodes; i++ {
			o := &graph.OperationRow{Node: graph.NodeID(i), Operation: "op"}
			o.Calls = 100
			o.Server.Observe(time.Duration(1+r.IntN(20))*time.Millisecond, 100)
			s.AddOperation(o)
			if n == 0 {
				whole := &graph.OutcomeRow{Caller: graph.NodeID(i), Operation: "op"}
				whole.Requests, whole.Clean = 100, 100
				outcomes.AddOutcome(whole)
			}
		}
		for _, p := range list {
			c := &graph.CallSiteRow{
				EdgeKey: graph.EdgeKey{Caller: graph.NodeID(p.from), Callee: graph.NodeID(p.to)}, CallerOperation: "op", CalleeOperation: fmt.Sprint("op", p.to%5),
			}
			c.Calls = 50
			c.Client.Observe(time.Duration(1+r.IntN(20))*time.Millisecond, 50)
			c.Server.Observe(time.Duration(1+r.IntN(20))*time.Millisecond, 50)
			s.AddCall(c)
		}
		recent = append(recent, Timed{t0.Add(time.Duration(n) * graph.Step), s})
	}
	tr := New(DefaultConfig())
	for n := range 5 {
		tr.Learn(t0.Add(time.Duration(n-10)*graph.Step), recent[n].Sample)
	}
	b.Run("look", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tr.Look(t0.Add(time.Minute), recent, outcomes, func(graph.NodeID) bool { return false })
		}
	})
	b.Run("learn", func(b *testing.B) {
		at := t0
		for b.Loop() {
			at = at.Add(graph.Step)
			tr.Learn(at, recent[0].Sample)
		}
	})
}

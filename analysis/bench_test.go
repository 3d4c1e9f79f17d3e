package analysis

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/analysis/change"
	"faultline/graph"
)

// city is a store of a large system in which everything happens in every bucket: each answer is made anew from the rows of one
// bucket, histograms included, as one from a database is. What the engine writes is not kept.
type city struct {
	asItWas
	nodes      []graph.NodeStats
	edges      []graph.Edge
	calls      []graph.CallSiteRow
	operations []graph.OperationRow
	outcomes   []graph.OutcomeRow // of a minute, by caller and operation
	now        func() time.Time
	making     time.Duration // processor time that answers took to make
}

const (
	cityNodes, cityEdges, cityEntries = 10_000, 100_000, 200
	perNode                           = 2 // operations
)

// newCity has services that call each other, each pair in one operation of either, without a circle. All but the entries are called by
// others. Of the callees one in fifty fails a few calls in every minute.
func newCity() *city {
	r := rand.New(rand.NewPCG(1, 1))
	c := &city{}
	durations := func() (h graph.Histogram) {
		for range 20 {
			h.Observe(time.Duration(5000+r.IntN(5000))*time.Microsecond, 5)
		}
		return h
	}
	node := func(n int) graph.Node { return graph.Node{Type: graph.TypeService, Name: fmt.Sprint("service-", n)} }
	ids := make([]graph.NodeID, cityNodes)
	for n := range ids {
		ids[n] = node(n).ID()
		c.nodes = append(c.nodes, graph.NodeStats{Node: node(n), Stats: graph.Stats{Calls: 1e6, Server: durations()}})
		for op := range perNode {
			o := graph.OperationRow{Node: ids[n], Operation: operationName(op), Version: "1.2.3"}
			o.Calls, o.Server = 100, durations()
			c.operations = append(c.operations, o)
			whole := graph.OutcomeRow{Caller: ids[n], Operation: operationName(op), Version: "1.2.3"}
			whole.Requests, whole.Clean = 600, 600
			c.outcomes = append(c.outcomes, whole)
		}
	}
	type pair struct{ from, to int }
	called := map[pair]bool{}
	for n := 0; len(called) < cityEdges; n++ {
		from := r.IntN(cityNodes - 1)
		p := pair{from, max(from+1, cityEntries) + r.IntN(cityNodes-max(from+1, cityEntries))}
		operation := r.IntN(perNode)
		if to := cityEntries + n/perNode; to < cityNodes { // each operation once
			p, operation = pair{r.IntN(to), to}, n%perNode
		}
		if called[p] {
			continue
		}
		called[p] = true
		k := graph.EdgeKey{Caller: ids[p.from], Callee: ids[p.to], Protocol: "http", Mode: graph.Sync}
		site := graph.CallSiteRow{EdgeKey: k, CallerOperation: operationName(r.IntN(perNode)), CalleeOperation: operationName(operation), Basis: graph.ByKinds}
		site.Calls, site.Client, site.Server = 100, durations(), durations()
		c.calls = append(c.calls, site)
		c.edges = append(c.edges, graph.Edge{EdgeKey: k, Stats: site.Stats})
		o := graph.OutcomeRow{Caller: k.Caller, Operation: site.CallerOperation, Version: "1.2.3", Callee: k.Callee}
		o.OutcomeStats = graph.OutcomeStats{
			Requests: 600, Calls: 600, Attempts: 600, OnPath: 400,
			Time: r.Int64N(1e8), Duration: r.Int64N(1e9), TimeTime: r.Int64N(1e10), TimeDur: r.Int64N(1e11), DurDur: r.Int64N(1e12),
		}
		if p.to%50 == 0 {
			o.FailedAttempts, o.TotalFatal, o.Failed = 1, 1, 1
			o.FailedTimes, o.Tries = durations(), durations()
		}
		c.outcomes = append(c.outcomes, o)
	}
	slices.SortStableFunc(c.outcomes, func(a, b graph.OutcomeRow) int {
		return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Operation, b.Operation))
	})
	return c
}

func operationName(n int) string { return string(rune('a'+n)) + " /items" }

// made copies rows once for each step of a window, as a store reads them.
func made[T any](c *city, rows []T, w graph.Window, step time.Duration, buf *graph.Buffer[T], finish func(*T, *graph.Bins, time.Time)) []T {
	begin := processorTime()
	buf = buf.Reset()
	for at := w.From.Truncate(step); at.Before(w.To); at = at.Add(step) {
		for i := range rows {
			buf.Rows = append(buf.Rows, rows[i])
			finish(&buf.Rows[len(buf.Rows)-1], &buf.Bins, at)
		}
	}
	c.making += processorTime() - begin
	return buf.Rows
}

// young is how long rows still come for a bucket after its end: as long as the other half of a call is waited for.
const young = 30 * time.Second

func (c *city) ChangedBuckets(_ context.Context, _ string, w graph.Window, step time.Duration) (map[int64]time.Duration, error) {
	ago := map[int64]time.Duration{}
	for at := w.From.Truncate(step); at.Before(w.To); at = at.Add(step) {
		ago[at.Unix()] = max(c.now().Sub(at.Add(step+young)), 0)
	}
	return ago, nil
}

func copied(bins *graph.Bins, h graph.Histogram) graph.Histogram {
	return append(bins.Cut(len(h)), h...)
}

func (c *city) OutcomeSeries(_ context.Context, _ string, w graph.Window, buf *graph.Buffer[graph.OutcomeRow]) ([]graph.OutcomeRow, error) {
	return made(c, c.outcomes, w, graph.OutcomeStep, buf, func(r *graph.OutcomeRow, bins *graph.Bins, at time.Time) {
		r.Bucket, r.FailedTimes, r.Tries = at, copied(bins, r.FailedTimes), copied(bins, r.Tries)
	}), nil
}

func (c *city) CallSiteRows(_ context.Context, _ string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.CallSiteRow]) ([]graph.CallSiteRow, error) {
	return made(c, c.calls, w, step, buf, func(r *graph.CallSiteRow, bins *graph.Bins, at time.Time) {
		r.Bucket, r.Client, r.Server = at, copied(bins, r.Client), copied(bins, r.Server)
	}), nil
}

func (c *city) OperationRows(_ context.Context, _ string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.OperationRow]) ([]graph.OperationRow, error) {
	return made(c, c.operations, w, step, buf, func(r *graph.OperationRow, bins *graph.Bins, at time.Time) {
		r.Bucket, r.Server = at, copied(bins, r.Server)
	}), nil
}

func (c *city) Graph(_ context.Context, _ string, w graph.Window) (graph.Graph, error) {
	return graph.Graph{
		Window: w,
		Nodes:  made(c, c.nodes, graph.Window{To: time.Time{}.Add(1)}, 1, nil, func(n *graph.NodeStats, bins *graph.Bins, _ time.Time) { n.Server = copied(bins, n.Server) }),
		Edges: made(c, c.edges, graph.Window{To: time.Time{}.Add(1)}, 1, nil, func(e *graph.Edge, bins *graph.Bins, _ time.Time) {
			e.Client, e.Server = copied(bins, e.Client), copied(bins, e.Server)
		}),
	}, nil
}

func (c *city) Slots(_ context.Context, _ string, starts []time.Time, _ graph.Window, most int) (slots []change.Slot, err error) {
	begin := processorTime()
	add := func(s change.Series, calls int64, h graph.Histogram) {
		for _, start := range starts {
			slot := change.Slot{Series: s, Start: start, Durations: slices.Clone(h)}
			for range change.SlotLength / time.Minute {
				slot.Calls, slot.Failed = append(slot.Calls, 6*calls), append(slot.Failed, 0)
			}
			slots = append(slots, slot)
		}
	}
	for i := range min(most, len(c.operations)) {
		o := &c.operations[i]
		add(change.Series{Node: o.Node, Operation: o.Operation}, o.Calls, o.Server)
	}
	for i := range min(most, len(c.calls)) {
		s := &c.calls[i]
		add(change.Series{Node: s.Caller, Operation: s.CallerOperation, Callee: s.Callee}, s.Calls, s.Client)
	}
	c.making += processorTime() - begin
	return slots, nil
}

func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// peak follows how much of the heap is in use, what is not collected yet included, until it is stopped.
func peak() (stop func() uint64) {
	var most atomic.Uint64
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(sample)
			most.Store(max(most.Load(), sample[0].Value.Uint64()))
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-over
		return most.Load()
	}
}

// BenchmarkTick is the engine's look at a system of 10,000 services and 100,000 edges, fifteen seconds after the last one and when it
// has known the system for a while. It must cost less than five seconds of one core, and keep less than 500 MB in use. Over forty
// looks, -benchtime 40x, all that is done now and then is done. The collector is set as in the product, and has no other core to use
// because it is idle.
func BenchmarkTick(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(30))
	c := newCity()
	base := inUse()
	cfg := DefaultConfig()
	e := New(cfg, "default", c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	e.now = func() time.Time { return now }
	c.now = e.now
	e.since = now.Add(-40 * time.Minute)
	e.readFrom = e.since
	for e.read = e.since; e.read.Before(now); e.read = e.read.Add(time.Minute) {
		w := graph.Window{From: e.read, To: e.read.Add(time.Minute)}
		outcomes, _ := c.OutcomeSeries(b.Context(), "", w, nil)
		if err := e.add(outcomes); err != nil {
			b.Fatal(err)
		}
		if w.To.Before(now.Add(-12*time.Minute)) || w.To.After(now.Add(-final)) {
			continue
		}
		rows, err := e.rows(b.Context(), w, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		rows.Outcomes = outcomes
		e.tracker.Learn(w.To, rows)
		e.audit(w.From, time.Minute, &rows)
	}
	look := func() {
		if err := e.look(b.Context()); err != nil {
			b.Fatal(err)
		}
		now = now.Add(e.cfg.Every)
	}
	for range 3 {
		look()
	}
	runtime.GC()
	stop := peak()
	c.making = 0
	var all, worst time.Duration
	for b.Loop() {
		before, making := processorTime(), c.making
		look()
		cost := processorTime() - before - (c.making - making)
		all, worst = all+cost, max(worst, cost)
	}
	b.ReportMetric(all.Seconds()/float64(b.N), "cpu-s/tick")
	b.ReportMetric(worst.Seconds(), "cpu-s/worst")
	b.ReportMetric(c.making.Seconds()/float64(b.N), "cpu-s/rows")
	b.ReportMetric((float64(stop())-float64(base))/1e6, "peak-MB")
	b.ReportMetric((float64(inUse())-float64(base))/1e6, "held-MB")
	if r := e.Report(); len(r.Sites) != cityEdges || len(r.Edges) != cityEdges || len(r.Structure.Entries) == 0 {
		b.Errorf("%d sites, %d edges, %d entries", len(r.Sites), len(r.Edges), len(r.Structure.Entries))
	}
	runtime.KeepAlive(c)
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

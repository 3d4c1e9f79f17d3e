package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"faultline/analysis/change"
	"faultline/graph"
	"faultline/graph/match"
	"faultline/ingest/fold"
	"faultline/ingest/otlp"
	"faultline/ingest/replay"
)

// recorded is what ingest would have stored of recorded traces. It is analysis.Evidence.
type recorded struct{ fold.Tables }

// readRecorded reads files of OTLP, as replay does.
func readRecorded(files []string) (*recorded, error) {
	var failed error
	tables, err := fold.Requests(match.DefaultConfig(), iter.Seq[fold.Request](func(yield func(fold.Request) bool) {
		failed = replay.Requests(files, func(r replay.Recorded) error {
			encoding := otlp.Protobuf
			if r.JSON {
				encoding = otlp.JSON
			}
			if !yield(fold.Request{Encoding: encoding, Body: r.Body}) {
				return errStopped
			}
			return nil
		})
	}))
	if failed != nil && !errors.Is(failed, errStopped) {
		return nil, failed
	}
	if err != nil {
		return nil, err
	}
	if len(tables.Operations)+len(tables.CallSites) == 0 {
		return nil, errors.New("there are no calls and no requests in the files")
	}
	return &recorded{tables}, nil
}

var errStopped = errors.New("stopped")

// window is from the first bucket to the end of the last.
func (r *recorded) window() graph.Window {
	var w graph.Window
	grow := func(from time.Time, step time.Duration) {
		if w.From.IsZero() || from.Before(w.From) {
			w.From = from
		}
		if to := from.Add(step); to.After(w.To) {
			w.To = to
		}
	}
	for i := range r.Operations {
		grow(r.Operations[i].Bucket, graph.Step)
	}
	for i := range r.CallSites {
		grow(r.CallSites[i].Bucket, graph.Step)
	}
	for i := range r.Outcomes {
		grow(r.Outcomes[i].Bucket, graph.OutcomeStep)
	}
	return w
}

func (r *recorded) OutcomeSeries(_ context.Context, _ string, w graph.Window, _ *graph.Buffer[graph.OutcomeRow]) (rows []graph.OutcomeRow, err error) {
	for i := range r.Outcomes {
		if w.Contains(r.Outcomes[i].Bucket) {
			rows = append(rows, r.Outcomes[i])
		}
	}
	return rows, nil
}

func (r *recorded) OutcomeCounts(ctx context.Context, tenant string, w graph.Window, callers []graph.NodeID) ([]graph.OutcomeRow, error) {
	rows, err := r.OutcomeSeries(ctx, tenant, w, nil)
	rows = slices.DeleteFunc(rows, func(o graph.OutcomeRow) bool { return !slices.Contains(callers, o.Caller) })
	return summed(rows, func(o *graph.OutcomeRow) graph.OutcomeRow {
		return graph.OutcomeRow{Tenant: o.Tenant, Caller: o.Caller, Operation: o.Operation, Callee: o.Callee}
	}, func(a, b *graph.OutcomeRow) int {
		return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Callee, b.Callee))
	}, func(a, b *graph.OutcomeRow) { a.Add(&b.OutcomeStats) }), err
}

func (r *recorded) CallSiteRows(_ context.Context, _ string, w graph.Window, step time.Duration, _ *graph.Buffer[graph.CallSiteRow]) ([]graph.CallSiteRow, error) {
	var rows []graph.CallSiteRow
	for i := range r.CallSites {
		if w.Contains(r.CallSites[i].Bucket) {
			rows = append(rows, r.CallSites[i])
		}
	}
	return summed(rows, func(c *graph.CallSiteRow) graph.CallSiteRow {
		k := *c
		k.Bucket, k.Stats = c.Bucket.Truncate(step), graph.Stats{}
		return k
	}, func(a, b *graph.CallSiteRow) int {
		return cmp.Or(a.Bucket.Compare(b.Bucket), compareEdges(&a.EdgeKey, &b.EdgeKey),
			cmp.Compare(a.CallerOperation, b.CallerOperation), cmp.Compare(a.CalleeOperation, b.CalleeOperation))
	}, func(a, b *graph.CallSiteRow) { a.Stats.Add(&b.Stats) }), nil
}

func (r *recorded) OperationRows(_ context.Context, _ string, w graph.Window, step time.Duration, _ *graph.Buffer[graph.OperationRow]) ([]graph.OperationRow, error) {
	var rows []graph.OperationRow
	for i := range r.Operations {
		if w.Contains(r.Operations[i].Bucket) {
			rows = append(rows, r.Operations[i])
		}
	}
	return summed(rows, func(o *graph.OperationRow) graph.OperationRow {
		k := *o
		k.Bucket, k.Stats = o.Bucket.Truncate(step), graph.Stats{}
		return k
	}, func(a, b *graph.OperationRow) int {
		return cmp.Or(a.Bucket.Compare(b.Bucket), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Version, b.Version))
	}, func(a, b *graph.OperationRow) { a.Stats.Add(&b.Stats) }), nil
}

// ChangedBuckets: all of it was stored before it was asked for.
func (*recorded) ChangedBuckets(context.Context, string, graph.Window, time.Duration) (map[int64]time.Duration, error) {
	return nil, nil
}

// Slots has nothing to tell: no recording holds the days that a baseline takes.
func (*recorded) Slots(context.Context, string, []time.Time, graph.Window, int) ([]change.Slot, error) {
	return nil, nil
}

func (r *recorded) Graph(_ context.Context, _ string, w graph.Window) (graph.Graph, error) {
	g := graph.Graph{Window: w, Step: graph.Step}
	served := map[graph.NodeID]*graph.Stats{}
	for i := range r.Operations {
		if o := &r.Operations[i]; w.Contains(o.Bucket) {
			if served[o.Node] == nil {
				served[o.Node] = &graph.Stats{}
			}
			served[o.Node].Add(&o.Stats)
		}
	}
	var edges []graph.Edge
	called := map[graph.NodeID]*graph.Stats{}
	for i := range r.CallSites {
		c := &r.CallSites[i]
		if !w.Contains(c.Bucket) {
			continue
		}
		edges = append(edges, graph.Edge{EdgeKey: c.EdgeKey, Basis: c.Basis, LastSeen: c.Bucket, Stats: c.Stats})
		for _, n := range []graph.NodeID{c.Caller, c.Callee} {
			if called[n] == nil {
				called[n] = &graph.Stats{}
			}
		}
		if c.Via == 0 {
			called[c.Callee].Add(&c.Stats)
		}
	}
	g.Edges = summed(edges, func(e *graph.Edge) graph.Edge {
		return graph.Edge{EdgeKey: e.EdgeKey, Basis: e.Basis, LastSeen: e.LastSeen}
	},
		func(a, b *graph.Edge) int { return compareEdges(&a.EdgeKey, &b.EdgeKey) },
		func(a, b *graph.Edge) {
			a.Stats.Add(&b.Stats)
			a.Basis |= b.Basis
			a.LastSeen = latest(a.LastSeen, b.LastSeen)
		})
	for id, n := range r.Nodes {
		stats := cmp.Or(served[id], called[id])
		if stats != nil {
			g.Nodes = append(g.Nodes, graph.NodeStats{Node: n, Stats: *stats})
		}
	}
	slices.SortFunc(g.Nodes, func(a, b graph.NodeStats) int { return cmp.Compare(a.ID(), b.ID()) })
	return g, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func compareEdges(a, b *graph.EdgeKey) int {
	return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Callee, b.Callee), cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.Mode, b.Mode), cmp.Compare(a.Via, b.Via))
}

// summed adds up rows with equal keys, which key makes of a row, into new rows in the order of keys.
func summed[T any](rows []T, key func(*T) T, compare func(a, b *T) int, add func(to, from *T)) (sums []T) {
	type keyed struct {
		key T
		row *T
	}
	list := make([]keyed, len(rows))
	for i := range rows {
		list[i] = keyed{key(&rows[i]), &rows[i]}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return compare(&a.key, &b.key) })
	for i := range list {
		if i == 0 || compare(&list[i-1].key, &list[i].key) != 0 {
			sums = append(sums, list[i].key)
		}
		add(&sums[len(sums)-1], list[i].row)
	}
	return sums
}

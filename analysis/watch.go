package analysis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"faultline/analysis/cascade"
	"faultline/graph"
)

// The rows that incidents are found in. What is younger than settled is still being counted; what is older than
// final hardly changes any more, also for calls whose answers were waited for in vain.
const (
	settled  = 5 * time.Second
	recently = 75 * time.Second
	final    = 2 * time.Minute
	past     = time.Hour // from which it is learned what is usual, after a start

	pastSlice = 2 * time.Minute // of it that is held at once
)

// watch looks for incidents in the latest buckets, after it has learned from older ones what is usual.
// outcomes are those of the last minutes.
func (e *Engine) watch(ctx context.Context, now time.Time, outcomes []graph.OutcomeRow) error {
	if err := e.learn(ctx, now, outcomes); err != nil {
		return err
	}
	buckets, err := e.buckets(ctx, graph.Window{From: now.Add(-recently), To: now.Add(-settled)}, graph.Step)
	if err != nil || len(buckets) == 0 {
		return err
	}
	fared := cascade.NewSample()
	for i := range outcomes {
		if r := &outcomes[i]; r.Bucket.Add(graph.OutcomeStep).After(now.Add(-recently)) {
			fared.AddOutcome(r)
		}
	}
	e.tracker.Look(now, buckets, fared, e.outside)
	return nil
}

// outside reports whether a node stands for those who call from outside.
func (e *Engine) outside(n graph.NodeID) bool {
	t := e.nodes[n].Type
	return t == graph.TypeUser || t == graph.TypeUnknown
}

// learn takes in as usual what has become final since the last look or, after a start, in the past.
func (e *Engine) learn(ctx context.Context, now time.Time, outcomes []graph.OutcomeRow) error {
	from, to := e.tracker.Learned(), now.Add(-final).Truncate(graph.Step)
	if from.Before(now.Add(-past)) {
		return e.learnPast(ctx, now)
	}
	if !from.Before(to) {
		return nil
	}
	buckets, err := e.buckets(ctx, graph.Window{From: from, To: to}, graph.Step)
	if err != nil {
		return err
	}
	for _, b := range buckets {
		end := b.At.Add(graph.Step)
		for i := range outcomes {
			if r := &outcomes[i]; r.Bucket.Add(graph.OutcomeStep).Equal(end) {
				b.AddOutcome(r)
				e.auditor.Add(r)
			}
		}
		e.tracker.Learn(end, b.Sample)
	}
	e.tracker.Learn(to, cascade.NewSample()) // buckets without a row are usual too
	return nil
}

// learnPast takes in the minutes of the last hour.
func (e *Engine) learnPast(ctx context.Context, now time.Time) error {
	to := now.Add(-final).Truncate(time.Minute)
	for from := to.Add(-past); from.Before(to); from = from.Add(pastSlice) {
		w := graph.Window{From: from, To: from.Add(pastSlice)}
		if w.To.After(to) {
			w.To = to
		}
		buckets, err := e.buckets(ctx, w, time.Minute)
		if err != nil {
			return err
		}
		rows, err := e.store.OutcomeSeries(ctx, e.tenant, w)
		if err != nil {
			return fmt.Errorf("read outcomes: %w", err)
		}
		for _, b := range buckets {
			for i := range rows {
				if rows[i].Bucket.Equal(b.At) {
					b.AddOutcome(&rows[i])
					e.auditor.Add(&rows[i])
				}
			}
			e.tracker.Learn(b.At.Add(time.Minute), b.Sample)
		}
	}
	e.tracker.Learn(to, cascade.NewSample())
	return nil
}

// buckets reads the calls and requests of a window, bucket by bucket.
func (e *Engine) buckets(ctx context.Context, w graph.Window, step time.Duration) ([]cascade.Timed, error) {
	sites, err := e.store.CallSiteRows(ctx, e.tenant, w, step)
	if err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	operations, err := e.store.OperationRows(ctx, e.tenant, w, step)
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	byTime := map[time.Time]*cascade.Sample{}
	of := func(at time.Time) *cascade.Sample {
		if byTime[at] == nil {
			byTime[at] = cascade.NewSample()
		}
		return byTime[at]
	}
	for i := range sites {
		of(sites[i].Bucket.UTC()).AddCall(&sites[i])
	}
	for i := range operations {
		of(operations[i].Bucket.UTC()).AddOperation(&operations[i])
	}
	var buckets []cascade.Timed
	for at, s := range byTime {
		buckets = append(buckets, cascade.Timed{At: at, Sample: s})
	}
	slices.SortFunc(buckets, func(a, b cascade.Timed) int { return a.At.Compare(b.At) })
	return buckets, nil
}

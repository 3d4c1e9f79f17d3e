package analysis

import (
	"context"
	"fmt"
	"time"

	"faultline/analysis/cascade"
	"faultline/graph"
)

// The rows that incidents are found in. What is younger than settled is still being counted; what is older than
// final hardly changes any more, also for calls whose answers were waited for in vain.
const (
	settled = 5 * time.Second
	final   = 2 * time.Minute
	past    = time.Hour // from which it is learned what is usual, after a start
)

// watch looks for incidents in the latest buckets, after it has learned from older ones what is usual.
// outcomes are those of the last minutes.
func (e *Engine) watch(ctx context.Context, now time.Time, outcomes []graph.OutcomeRow) error {
	if err := e.learn(ctx, now, outcomes); err != nil {
		return err
	}
	from, to := e.tracker.Learned(), now.Add(-settled).Truncate(graph.Step)
	fared := cascade.Rows{}
	for i := range outcomes {
		if r := &outcomes[i]; r.Bucket.Add(graph.OutcomeStep).After(from) {
			fared.Outcomes = append(fared.Outcomes, *r)
		}
	}
	e.tracker.See(to, fared)
	for from.Before(to) { // one by one: the rows of all would take much memory
		end := from.Add(graph.Step)
		rows, err := e.rows(ctx, graph.Window{From: from, To: end}, graph.Step)
		if err != nil {
			return err
		}
		e.tracker.See(to, rows)
		from = end
	}
	e.tracker.Look(now, e.outside)
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
	if from.Before(to) {
		e.warnings.usual(ctx, e, to)
	}
	for from.Before(to) {
		end := from.Add(graph.Step)
		bucket := graph.Window{From: from, To: end}
		rows, err := e.rows(ctx, bucket, graph.Step)
		if err != nil {
			return err
		}
		e.warnings.count(bucket, rows.Calls, rows.Operations, e.incidentAt)
		for i := range outcomes {
			if r := &outcomes[i]; r.Bucket.Add(graph.OutcomeStep).Equal(end) {
				rows.Outcomes = append(rows.Outcomes, *r)
			}
		}
		e.tracker.Learn(end, rows)
		e.audit(from, graph.Step, &rows)
		from = end
	}
	return nil
}

// learnPast takes in the minutes of the last hour.
func (e *Engine) learnPast(ctx context.Context, now time.Time) error {
	to := now.Add(-final).Truncate(time.Minute)
	for from := to.Add(-past); from.Before(to); from = from.Add(time.Minute) {
		w := graph.Window{From: from, To: from.Add(time.Minute)}
		rows, err := e.rows(ctx, w, time.Minute)
		if err != nil {
			return err
		}
		if rows.Outcomes, err = e.store.OutcomeSeries(ctx, e.tenant, w); err != nil {
			return fmt.Errorf("read outcomes: %w", err)
		}
		e.tracker.Learn(w.To, rows)
		e.audit(from, time.Minute, &rows)
	}
	return nil
}

// rows reads the requests and calls of a window.
func (e *Engine) rows(ctx context.Context, w graph.Window, step time.Duration) (rows cascade.Rows, err error) {
	if rows.Calls, err = e.store.CallSiteRows(ctx, e.tenant, w, step); err != nil {
		return rows, fmt.Errorf("read calls: %w", err)
	}
	if rows.Operations, err = e.store.OperationRows(ctx, e.tenant, w, step); err != nil {
		return rows, fmt.Errorf("read requests: %w", err)
	}
	return rows, nil
}

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

// see returns what takes in the outcomes that are read for a look, in the order of their minutes: incidents are found
// in those that will not have been learned from by then, which is when learned says.
func (e *Engine) see(now time.Time) (seeing func([]graph.OutcomeRow), learned time.Time) {
	learned, to := now.Add(-final).Truncate(graph.Step), seen(now)
	if before := e.tracker.Learned(); before.After(learned) {
		learned = before
	}
	e.tracker.Move(to, learned)
	return func(rows []graph.OutcomeRow) {
		for len(rows) > 0 && !rows[0].Bucket.Add(graph.OutcomeStep).After(learned) {
			rows = rows[1:]
		}
		e.tracker.See(to, cascade.Rows{Outcomes: rows})
	}, learned
}

// seen is the end of the buckets in which incidents are looked for.
func seen(now time.Time) time.Time { return now.Add(-settled).Truncate(graph.Step) }

// watch looks for incidents in the latest buckets, after it has learned from older ones what is usual.
func (e *Engine) watch(ctx context.Context, now time.Time) error {
	if err := e.learn(ctx, now); err != nil {
		return err
	}
	to, asked := seen(now), e.now()
	ago, err := e.store.ChangedBuckets(ctx, e.tenant, graph.Window{From: e.tracker.Learned(), To: to}, graph.Step)
	if err != nil {
		return fmt.Errorf("read which buckets have changed: %w", err)
	}
	for from := e.tracker.Learned(); from.Before(to); from = from.Add(graph.Step) { // one by one: the rows of all would take much memory
		if e.tracker.Holds(from) && e.buckets.same(ago, asked, from) {
			continue
		}
		rows, err := e.rows(ctx, graph.Window{From: from, To: from.Add(graph.Step)}, graph.Step)
		if err != nil {
			return err
		}
		e.tracker.See(to, rows)
	}
	e.buckets.asked = asked
	e.tracker.Look(now, e.outside)
	return nil
}

// freshness tells what has changed since the last look.
type freshness struct{ asked time.Time } // when was asked for it

// showing is how long after it was told as stored something may show.
const showing = 10 * time.Second

// same reports whether a bucket that was read for the last look has not changed since, given how long ago its newest rows were stored
// when that was asked now.
func (f *freshness) same(ago map[int64]time.Duration, asked, bucket time.Time) bool {
	changed, stored := ago[bucket.Unix()]
	return ago != nil && (!stored || changed > asked.Sub(f.asked)+showing)
}

// outside reports whether a node stands for those who call from outside.
func (e *Engine) outside(n graph.NodeID) bool {
	t := e.nodes[n].Type
	return t == graph.TypeUser || t == graph.TypeUnknown
}

// learn takes in as usual what has become final since the last look or, after a start, in the past.
func (e *Engine) learn(ctx context.Context, now time.Time) error {
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
		if end.Equal(end.Truncate(graph.OutcomeStep)) {
			if rows.Outcomes, err = e.outcomes(ctx, graph.Window{From: end.Add(-graph.OutcomeStep), To: end}); err != nil {
				return err
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
		if rows.Outcomes, err = e.outcomes(ctx, w); err != nil {
			return err
		}
		e.tracker.Learn(w.To, rows)
		e.audit(from, time.Minute, &rows)
	}
	return nil
}

// buffers are what the rows of a bucket or minute are read into, one after the other: they would be most of what a look allocates.
type buffers struct {
	calls      graph.Buffer[graph.CallSiteRow]
	operations graph.Buffer[graph.OperationRow]
	outcomes   graph.Buffer[graph.OutcomeRow]
}

func (b *buffers) release() {
	b.calls.Release()
	b.operations.Release()
	b.outcomes.Release()
}

// rows reads the requests and calls of a window. They are valid until it is called again.
func (e *Engine) rows(ctx context.Context, w graph.Window, step time.Duration) (rows cascade.Rows, err error) {
	if rows.Calls, err = e.store.CallSiteRows(ctx, e.tenant, w, step, &e.buffers.calls); err != nil {
		return rows, fmt.Errorf("read calls: %w", err)
	}
	if rows.Operations, err = e.store.OperationRows(ctx, e.tenant, w, step, &e.buffers.operations); err != nil {
		return rows, fmt.Errorf("read requests: %w", err)
	}
	return rows, nil
}

// outcomes reads how the requests of a window fared, likewise.
func (e *Engine) outcomes(ctx context.Context, w graph.Window) ([]graph.OutcomeRow, error) {
	rows, err := e.store.OutcomeSeries(ctx, e.tenant, w, &e.buffers.outcomes)
	if err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	return rows, nil
}

package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// Outcomes returns how the requests of w fared by caller, operation, version and callee, busiest first, and
// the window that this is of: w moved outward to minutes, or to hours if it is long or begins when minutes
// are no longer kept. Of a node, those in which it is caller or callee; of node 0, all. What corrections have
// brought down to no requests is left out.
func (s *Store) Outcomes(ctx context.Context, tenant string, w graph.Window, node graph.NodeID) (outcomes []graph.OutcomeRow, of graph.Window, err error) {
	defer func(start time.Time) { s.metrics.asked("outcomes", start, err) }(time.Now())
	if of, err = s.planMinutes(w); err != nil {
		return nil, graph.Window{}, err
	}
	params := coverParams(tenant, cover(of))
	params["node"] = formatID(node)
	row := outcomeRow{OutcomeRow: graph.OutcomeRow{Tenant: tenant}}
	outcomes, err = s.outcomes(ctx, selectOutcomes, params, &row, row.targets(), nil)
	if err != nil {
		return nil, graph.Window{}, fmt.Errorf("select outcomes: %w", err)
	}
	return outcomes, of, nil
}

// OutcomeCounts returns how the requests of some callers fared in w, moved outward like that of Outcomes, by caller,
// operation and callee: the requests and failures among them, and nothing else.
func (s *Store) OutcomeCounts(ctx context.Context, tenant string, w graph.Window, callers []graph.NodeID) (outcomes []graph.OutcomeRow, err error) {
	defer func(start time.Time) { s.metrics.asked("outcome_counts", start, err) }(time.Now())
	of, err := s.planMinutes(w)
	if err != nil {
		return nil, err
	}
	params := coverParams(tenant, cover(of))
	params["callers"] = formatIDs(callers)
	err = s.query(ctx, selectOutcomeCounts, params, func(rows driver.Rows) error {
		r := graph.OutcomeRow{Tenant: tenant}
		err := rows.Scan((*uint64)(&r.Caller), &r.Operation, (*uint64)(&r.Callee), &r.Requests, &r.Failed, &r.Clean, &r.CleanFailed,
			&r.TotalFatal, &r.TotalSurvived, &r.PartialFatal, &r.PartialSurvived, &r.ContestedFatal, &r.ContestedSurvived)
		outcomes = append(outcomes, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("select counts of outcomes: %w", err)
	}
	return outcomes, nil
}

// OutcomeSeries returns how the requests of w, moved outward to minutes, fared minute by minute, in the
// order of buckets. It refuses windows of more than six hours and such that begin when minutes are no
// longer kept. They are read into buf, which may be nil.
func (s *Store) OutcomeSeries(ctx context.Context, tenant string, w graph.Window, buf *graph.Buffer[graph.OutcomeRow]) (outcomes []graph.OutcomeRow, err error) {
	defer func(start time.Time) { s.metrics.asked("outcome_series", start, err) }(time.Now())
	of, step, err := s.plan(w)
	if err != nil {
		return nil, err
	}
	if step > time.Minute {
		return nil, fmt.Errorf("a series of outcomes has at most %s of the last %s", fineLimit, s.cfg.Retention.Minute)
	}
	of = outward(of, time.Minute)
	params := clickhouse.Parameters{
		"tenant": escape(tenant),
		"from":   of.From.Format(time.DateTime),
		"to":     of.To.Format(time.DateTime),
	}
	row := outcomeRow{OutcomeRow: graph.OutcomeRow{Tenant: tenant}}
	outcomes, err = s.outcomes(ctx, seriesOutcomes, params, &row, append([]any{&row.Bucket}, row.targets()...), buf)
	if err != nil {
		return nil, fmt.Errorf("select a series of outcomes: %w", err)
	}
	return outcomes, nil
}

// outcomes runs a statement whose rows go into row by way of targets, and reads them into buf.
func (s *Store) outcomes(
	ctx context.Context, statement string, params clickhouse.Parameters, row *outcomeRow, targets []any, buf *graph.Buffer[graph.OutcomeRow],
) ([]graph.OutcomeRow, error) {
	buf = buf.Reset()
	err := s.query(ctx, statement, params, func(rows driver.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		buf.Rows = append(buf.Rows, row.decode(&buf.Bins))
		return nil
	})
	return buf.Rows, err
}

// outcomeRow receives the key of an outcome and the columns of sql/outcome.sql.
type outcomeRow struct {
	graph.OutcomeRow
	histograms [5]histogramBytes
	traces     [4][]byte
}

// targets are where Scan puts the columns.
func (r *outcomeRow) targets() []any {
	targets := []any{(*uint64)(&r.Caller), &r.Operation, &r.Version, (*uint64)(&r.Callee)}
	for _, n := range r.Counters() {
		targets = append(targets, n)
	}
	for i := range r.histograms {
		targets = append(targets, &r.histograms[i].indices, &r.histograms[i].counts)
	}
	for i := range r.traces {
		targets = append(targets, &r.traces[i])
	}
	return targets
}

// decode returns what was scanned.
func (r *outcomeRow) decode(bins *graph.Bins) graph.OutcomeRow {
	o := r.OutcomeRow
	for i, h := range o.Histograms() {
		*h = decodeHistogram(bins, r.histograms[i])
	}
	for i, id := range o.Traces() {
		*id = loadedTrace(r.traces[i])
	}
	return o
}

// loadedTrace reads what storedTrace wrote.
func loadedTrace(b []byte) graph.TraceID {
	if id := graph.TraceID(b); id != noTrace {
		return id
	}
	return graph.TraceID{}
}

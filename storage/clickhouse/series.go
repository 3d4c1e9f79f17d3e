package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// maxPoints bounds what one series may return; a screen has fewer pixels.
const maxPoints = 11_000

// minuteLimit is the longest window of which a series may have steps of less than an hour.
const minuteLimit = 48 * time.Hour

// A series covers w moved outward to whole steps, with a point for every step, also those without traffic.
// A step that storage does not have for w is made longer: the distance of the points tells. What has no
// traffic at all in the window is graph.ErrNotFound.

// NodeSeries returns the requests of a node over time: what a service served by its own account, what its
// callers measured for any other node.
func (s *Store) NodeSeries(ctx context.Context, tenant string, w graph.Window, step time.Duration, id graph.NodeID) (points []graph.Point, err error) {
	defer func(start time.Time) { s.metrics.asked("node_series", start, err) }(time.Now())
	kind, err := s.nodeType(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	params := clickhouse.Parameters{"tenant": escape(tenant), "node": formatID(id), "all": "true", "operation": ""}
	q := seriesQuery{statement: seriesServed, table: "operations", params: params}
	if kind != graph.TypeService {
		q = seriesQuery{statement: seriesCalled, table: "edges", params: params, client: true}
	}
	points, seen, err := s.series(ctx, q, w, step)
	if err != nil || seen {
		return points, err
	}
	of, _, err := s.plan(w)
	if err != nil {
		return nil, err
	}
	touched := coverParams(tenant, cover(of))
	touched["node"] = formatID(id)
	if err := s.mustBeTouched(ctx, touched, id); err != nil {
		return nil, err
	}
	return points, nil
}

// OperationSeries returns the requests that one operation of a node served over time.
func (s *Store) OperationSeries(ctx context.Context, tenant string, w graph.Window, step time.Duration, id graph.NodeID, operation string) (points []graph.Point, err error) {
	defer func(start time.Time) { s.metrics.asked("operation_series", start, err) }(time.Now())
	points, seen, err := s.series(ctx, seriesQuery{
		statement: seriesServed, table: "operations",
		params: clickhouse.Parameters{"tenant": escape(tenant), "node": formatID(id), "all": "false", "operation": escape(operation)},
	}, w, step)
	if err == nil && !seen {
		return nil, fmt.Errorf("operation %q of node %s: %w in this window", operation, id, graph.ErrNotFound)
	}
	return points, err
}

// EdgeSeries returns the calls on an edge over time.
func (s *Store) EdgeSeries(ctx context.Context, tenant string, w graph.Window, step time.Duration, key graph.EdgeKey) (points []graph.Point, err error) {
	defer func(start time.Time) { s.metrics.asked("edge_series", start, err) }(time.Now())
	keys, err := s.storedAs(ctx, tenant, w, key)
	if err != nil {
		return nil, err
	}
	seen := false
	for i, key := range keys {
		if i == 1 && seen {
			break // the edge has calls of its own
		}
		q := seriesQuery{statement: seriesEdge, table: "edges", params: clickhouse.Parameters{"tenant": escape(tenant)}, client: true}
		addKey(q.params, key)
		more, some, err := s.series(ctx, q, w, step)
		if err != nil {
			return nil, err
		}
		seen = seen || some
		if points == nil {
			points = more
			continue
		}
		for i := range more {
			points[i].Stats.Add(&more[i].Stats)
		}
	}
	if !seen {
		return nil, fmt.Errorf("edge %s: %w in this window", key, graph.ErrNotFound)
	}
	return points, nil
}

// seriesQuery is a statement over one tier of a table. client says that it also selects the durations
// that callers measured.
type seriesQuery struct {
	statement, table string
	params           clickhouse.Parameters
	client           bool
}

// series runs q and reports whether any step has calls.
func (s *Store) series(ctx context.Context, q seriesQuery, w graph.Window, step time.Duration) (points []graph.Point, seen bool, err error) {
	_, finest, err := s.plan(w)
	if err != nil {
		return nil, false, err
	}
	if finest == time.Hour && w.Duration() <= minuteLimit && s.now().Sub(w.From) <= s.cfg.Retention.Minute {
		finest = time.Minute // a series of a day is drawn in steps of minutes
	}
	if step < graph.Step {
		return nil, false, fmt.Errorf("step %s is shorter than the shortest bucket kept, %s", step, graph.Step)
	}
	if rest := step % finest; rest > 0 {
		step += finest - rest
	}
	w = outward(w, step)
	n := int(w.Duration() / step)
	if n > maxPoints {
		return nil, false, fmt.Errorf("%d steps of %s are too many: ask for at most %d", n, step, maxPoints)
	}
	points = make([]graph.Point, n)
	for i := range points {
		points[i].Time = w.From.Add(time.Duration(i) * step)
	}

	q.params["table"] = q.table + "_" + longestTier(step)
	q.params["step"] = strconv.Itoa(int(step / time.Second))
	q.params["from"], q.params["to"] = w.From.Format(time.DateTime), w.To.Format(time.DateTime)
	var (
		bins    graph.Bins
		row     statsRow
		start   uint64
		targets = slices.Concat([]any{&start}, row.countTargets())
	)
	if q.client {
		targets = append(targets, row.clientTargets()...)
	}
	targets = append(targets, row.serverTargets()...)
	err = s.query(ctx, q.statement, q.params, func(rows driver.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		i := time.Unix(int64(start), 0).Sub(w.From) / step
		if points[i].Stats = row.decode(&bins); row.Calls > 0 {
			seen = true
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("select a series: %w", err)
	}
	return points, seen, nil
}

// longestTier is the suffix of the tables with the longest buckets that make up a step.
func longestTier(step time.Duration) string {
	for _, t := range slices.Backward(tiers[:]) {
		if step%t.step == 0 {
			return t.suffix
		}
	}
	panic("step " + step.String() + " is not a multiple of the shortest bucket")
}

// nodeType looks up what a node is; graph.ErrNotFound if the tenant has no such node.
func (s *Store) nodeType(ctx context.Context, tenant string, id graph.NodeID) (kind graph.NodeType, err error) {
	params := clickhouse.Parameters{"tenant": escape(tenant), "node": formatID(id)}
	err = s.query(ctx, selectNodeType, params, func(rows driver.Rows) error { return rows.Scan((*string)(&kind)) })
	if err != nil {
		return "", fmt.Errorf("select a node's type: %w", err)
	}
	if kind == "" {
		return "", fmt.Errorf("node %s: %w", id, graph.ErrNotFound)
	}
	return kind, nil
}

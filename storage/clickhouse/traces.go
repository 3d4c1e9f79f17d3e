package clickhouse

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// Trace returns a trace kept as evidence, each of its spans once, by start and then id. One that is not kept
// is graph.ErrNotFound.
func (s *Store) Trace(ctx context.Context, tenant string, id graph.TraceID) (t graph.Trace, err error) {
	defer func(start time.Time) { s.metrics.asked("trace", start, err) }(time.Now())
	t = graph.Trace{ID: id, Nodes: map[graph.NodeID]graph.Node{}}
	if t.Spans, err = s.spans(ctx, tenant, id); err != nil {
		return graph.Trace{}, fmt.Errorf("select the spans of trace %x: %w", id, err)
	}
	if len(t.Spans) == 0 {
		return graph.Trace{}, fmt.Errorf("trace %x: %w", id, graph.ErrNotFound)
	}
	ids := map[graph.NodeID]bool{}
	for i := range t.Spans {
		r := &t.Spans[i]
		ids[r.Node], ids[r.Caller], ids[r.Callee] = true, true, true
	}
	delete(ids, 0)
	if t.Nodes, err = s.nodesAmong(ctx, tenant, slices.Sorted(maps.Keys(ids))); err != nil {
		return graph.Trace{}, fmt.Errorf("select the nodes of trace %x: %w", id, err)
	}
	return t, nil
}

func (s *Store) spans(ctx context.Context, tenant string, trace graph.TraceID) (spans []graph.SpanRow, err error) {
	var (
		row        = graph.SpanRow{Tenant: tenant, Trace: trace}
		id, parent []byte
		start      time.Time
	)
	params := clickhouse.Parameters{"tenant": escape(tenant), "trace": hex.EncodeToString(trace[:])}
	err = s.query(ctx, selectTrace, params, func(rows driver.Rows) error {
		err := rows.Scan(&id, &parent, &start, (*int64)(&row.Duration), (*uint64)(&row.Node), &row.Operation,
			(*uint8)(&row.Kind), (*uint16)(&row.Outcome), &row.Protocol,
			(*uint64)(&row.Caller), (*uint64)(&row.Callee), (*string)(&row.Why))
		if err != nil {
			return err
		}
		row.ID, row.Parent, row.Start = graph.SpanID(id), graph.SpanID(parent), start.UnixNano()
		spans = append(spans, row)
		return nil
	})
	return spans, err
}

// Traces returns the traces kept as evidence that q asks for, in its order. A trace is in the window if one
// of its spans begins there; with an edge, a span of a call on it. The summary is of the whole trace.
func (s *Store) Traces(ctx context.Context, tenant string, q graph.TraceQuery) (traces []graph.TraceSummary, err error) {
	defer func(start time.Time) { s.metrics.asked("traces", start, err) }(time.Now())
	if err := check(q.Window); err != nil {
		return nil, err
	}
	params := periodParams(q.Window)
	params["tenant"] = escape(tenant)
	params["any"] = strconv.FormatBool(q.Failed == nil)
	params["failed"] = strconv.FormatBool(q.Failed != nil && *q.Failed)
	params["slowest"] = strconv.FormatBool(q.Slowest)
	params["limit"] = strconv.Itoa(max(0, q.Limit))
	params["node"] = formatID(q.Node)
	statement := selectTraces
	if q.Caller != 0 || q.Callee != 0 {
		statement = selectTracesOfEdge
		params["caller"], params["callee"] = formatID(q.Caller), formatID(q.Callee)
		params["client"] = strconv.Itoa(int(graph.KindClient))
	}
	var (
		t             graph.TraceSummary
		id            []byte
		spans, failed uint64
	)
	err = s.query(ctx, statement, params, func(rows driver.Rows) error {
		err := rows.Scan(&id, &t.Start, (*int64)(&t.Duration), (*uint64)(&t.Node), &t.Operation, &spans, &failed, (*string)(&t.Why))
		if err != nil {
			return err
		}
		t.ID, t.Spans, t.Failed = graph.TraceID(id), int(spans), int(failed)
		traces = append(traces, t)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select traces: %w", err)
	}
	return traces, nil
}

// periodParams are the ends of a window that is not moved to buckets.
func periodParams(w graph.Window) clickhouse.Parameters {
	const layout = "2006-01-02 15:04:05.000000000"
	return clickhouse.Parameters{"from": w.From.UTC().Format(layout), "to": w.To.UTC().Format(layout)}
}

func formatIDs(ids []graph.NodeID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(formatID(id))
	}
	return "[" + b.String() + "]"
}

package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// What follows reads the whole system bucket by bucket, for the analysis. w is moved outward to buckets of
// step, which is one of those that storage keeps, and refused if they are no longer kept at its beginning. Rows are read into
// a buffer, which may be nil.

// CallSiteRows returns the calls between all pairs of operations, by bucket and key. Rows that corrections have
// brought down to no calls are left out.
func (s *Store) CallSiteRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.CallSiteRow]) (sites []graph.CallSiteRow, err error) {
	defer func(start time.Time) { s.metrics.asked("call_site_rows", start, err) }(time.Now())
	params, err := s.tierParams(tenant, "call_sites", w, step)
	if err != nil {
		return nil, err
	}
	buf = buf.Reset()
	var (
		row     statsRow
		site    = graph.CallSiteRow{Tenant: tenant}
		targets = slices.Concat([]any{
			&site.Bucket, (*uint64)(&site.Caller), (*uint64)(&site.Callee), (*uint64)(&site.Via), &site.Protocol, (*string)(&site.Mode),
			&site.CallerOperation, &site.CalleeOperation, (*uint8)(&site.Basis),
		}, row.countTargets(), row.clientTargets(), row.serverTargets())
	)
	err = s.query(ctx, rowsCallSites, params, func(rows driver.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		site.Stats = row.decode(&buf.Bins)
		buf.Rows = append(buf.Rows, site)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select all call sites: %w", err)
	}
	return buf.Rows, nil
}

// OperationRows returns the requests of all operations, by bucket, node, operation and version.
func (s *Store) OperationRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.OperationRow]) (operations []graph.OperationRow, err error) {
	defer func(start time.Time) { s.metrics.asked("operation_rows", start, err) }(time.Now())
	params, err := s.tierParams(tenant, "operations", w, step)
	if err != nil {
		return nil, err
	}
	buf = buf.Reset()
	var (
		row     statsRow
		op      = graph.OperationRow{Tenant: tenant}
		targets = slices.Concat([]any{&op.Bucket, (*uint64)(&op.Node), &op.Operation, &op.Version}, row.countTargets(), row.serverTargets())
	)
	err = s.query(ctx, rowsOperations, params, func(rows driver.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		op.Stats = row.decode(&buf.Bins)
		buf.Rows = append(buf.Rows, op)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select all operations: %w", err)
	}
	return buf.Rows, nil
}

// tierParams names the table with buckets of step and the part of it that w covers.
func (s *Store) tierParams(tenant, table string, w graph.Window, step time.Duration) (clickhouse.Parameters, error) {
	if err := check(w); err != nil {
		return nil, err
	}
	_, finest, err := s.plan(graph.Window{From: w.From, To: w.From.Add(graph.Step)}) // by its age alone
	if err != nil {
		return nil, err
	}
	for _, t := range tiers {
		if t.step != step {
			continue
		}
		if step < finest {
			return nil, fmt.Errorf("buckets of %s are no longer kept for %s", step, w.From.Format(time.RFC3339))
		}
		w = outward(w, step)
		return clickhouse.Parameters{
			"table": table + "_" + t.suffix, "tenant": escape(tenant),
			"from": w.From.Format(time.DateTime), "to": w.To.Format(time.DateTime),
		}, nil
	}
	return nil, fmt.Errorf("there are no buckets of %s", step)
}

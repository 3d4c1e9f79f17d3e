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

// Operations returns what a node served in w by operation and version, busiest first, and the window that
// this is of: w moved outward to whole buckets. An inferred node has none. A node without traffic in the
// window is graph.ErrNotFound.
func (s *Store) Operations(ctx context.Context, tenant string, w graph.Window, id graph.NodeID) (ops []graph.OperationStats, of graph.Window, err error) {
	defer func(start time.Time) { s.metrics.asked("operations", start, err) }(time.Now())
	of, _, err = s.plan(w)
	if err != nil {
		return nil, graph.Window{}, err
	}
	params := coverParams(tenant, cover(of))
	params["node"] = formatID(id)
	var (
		bins    graph.Bins
		row     statsRow
		op      graph.OperationStats
		targets = slices.Concat([]any{&op.Operation, &op.Version}, row.countTargets(), row.serverTargets())
	)
	err = s.query(ctx, selectOperations, params, func(rows driver.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		op.Stats = row.decode(&bins)
		ops = append(ops, op)
		return nil
	})
	if err != nil {
		return nil, graph.Window{}, fmt.Errorf("select operations: %w", err)
	}
	if len(ops) == 0 {
		if err := s.mustBeTouched(ctx, params, id); err != nil {
			return nil, graph.Window{}, err
		}
	}
	return ops, of, nil
}

// AllOperations returns what every node served in w, moved outward to whole buckets, by node, operation and version.
func (s *Store) AllOperations(ctx context.Context, tenant string, w graph.Window) (ops []graph.OperationRow, err error) {
	defer func(start time.Time) { s.metrics.asked("all_operations", start, err) }(time.Now())
	of, _, err := s.plan(w)
	if err != nil {
		return nil, err
	}
	var (
		bins    graph.Bins
		row     statsRow
		op      = graph.OperationRow{Tenant: tenant, Bucket: of.From}
		targets = slices.Concat([]any{(*uint64)(&op.Node), &op.Operation, &op.Version}, row.countTargets(), row.serverTargets())
	)
	err = s.query(ctx, selectAllOperations, coverParams(tenant, cover(of)), func(rows driver.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		op.Stats = row.decode(&bins)
		ops = append(ops, op)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select the operations of all nodes: %w", err)
	}
	return ops, nil
}

// mustBeTouched reports graph.ErrNotFound unless the node is on an edge of the window in params.
func (s *Store) mustBeTouched(ctx context.Context, params clickhouse.Parameters, id graph.NodeID) error {
	var touched bool
	err := s.query(ctx, selectTouched, params, func(rows driver.Rows) error { return rows.Scan(&touched) })
	if err != nil {
		return fmt.Errorf("look for the node's edges: %w", err)
	}
	if !touched {
		return fmt.Errorf("node %s: %w in this window", id, graph.ErrNotFound)
	}
	return nil
}

// CallSites returns the pairs of operations under an edge in w, busiest first, and the window that this is
// of: w moved outward to whole buckets. An edge without calls in the window is graph.ErrNotFound.
func (s *Store) CallSites(ctx context.Context, tenant string, w graph.Window, key graph.EdgeKey) (sites []graph.CallSite, of graph.Window, err error) {
	defer func(start time.Time) { s.metrics.asked("call_sites", start, err) }(time.Now())
	of, _, err = s.plan(w)
	if err != nil {
		return nil, graph.Window{}, err
	}
	keys, err := s.storedAs(ctx, tenant, of, key)
	if err != nil {
		return nil, graph.Window{}, err
	}
	params := coverParams(tenant, cover(of))
	var (
		bins    graph.Bins
		row     statsRow
		site    graph.CallSite
		targets = slices.Concat([]any{&site.CallerOperation, &site.CalleeOperation},
			row.countTargets(), row.clientTargets(), row.serverTargets())
	)
	for i, key := range keys {
		if i == 1 && len(sites) > 0 {
			break // the edge has calls of its own
		}
		addKey(params, key)
		err = s.query(ctx, selectCallSites, params, func(rows driver.Rows) error {
			if err := rows.Scan(targets...); err != nil {
				return err
			}
			site.Stats = row.decode(&bins)
			sites = append(sites, site)
			return nil
		})
		if err != nil {
			return nil, graph.Window{}, fmt.Errorf("select call sites: %w", err)
		}
	}
	if len(keys) > 1 {
		sites = mergeSites(sites)
	}
	if len(sites) == 0 {
		return nil, graph.Window{}, fmt.Errorf("edge %s: %w in this window", key, graph.ErrNotFound)
	}
	return sites, of, nil
}

func formatID(id graph.NodeID) string { return strconv.FormatUint(uint64(id), 10) }

func addKey(params clickhouse.Parameters, key graph.EdgeKey) {
	params["caller"] = formatID(key.Caller)
	params["callee"] = formatID(key.Callee)
	params["protocol"] = escape(key.Protocol)
	params["mode"] = escape(string(key.Mode))
	params["via"] = formatID(key.Via)
}

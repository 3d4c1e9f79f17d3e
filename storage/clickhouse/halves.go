package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// Halves returns what became of the halves of w by node, side and fate, in this order, and the window that
// this is of: w moved outward as Outcomes does. Fates that nothing is left of are left out.
func (s *Store) Halves(ctx context.Context, tenant string, w graph.Window) (halves []graph.HalfRow, of graph.Window, err error) {
	defer func(start time.Time) { s.metrics.asked("halves", start, err) }(time.Now())
	if of, err = s.planMinutes(w); err != nil {
		return nil, graph.Window{}, err
	}
	row := graph.HalfRow{Tenant: tenant}
	err = s.query(ctx, selectHalves, coverParams(tenant, cover(of)), func(rows driver.Rows) error {
		if err := rows.Scan((*uint64)(&row.Node), (*string)(&row.Side), (*string)(&row.Fate), &row.N); err != nil {
			return err
		}
		halves = append(halves, row)
		return nil
	})
	if err != nil {
		return nil, graph.Window{}, fmt.Errorf("select halves: %w", err)
	}
	return halves, of, nil
}

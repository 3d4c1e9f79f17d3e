package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Changed returns when the newest data of the tenant were stored, by the server's clock; the zero time if
// there are none. It reads one small table, so it may be asked every second.
func (s *Store) Changed(ctx context.Context, tenant string) (at time.Time, err error) {
	defer func(start time.Time) { s.metrics.asked("changed", start, err) }(time.Now())
	params := clickhouse.Parameters{"tenant": escape(tenant)}
	err = s.query(ctx, selectChanged, params, func(rows driver.Rows) error { return rows.Scan(&at) })
	if err != nil {
		return time.Time{}, fmt.Errorf("select when data were stored: %w", err)
	}
	if at.Unix() == 0 {
		return time.Time{}, nil
	}
	return at, nil
}

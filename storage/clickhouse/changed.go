package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
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

// ChangedBuckets returns how long ago, when it was asked, the newest rows of the buckets of step in w were stored, by the buckets'
// Unix time: calls and requests if step is graph.Step, outcomes if it is graph.OutcomeStep. A bucket without any is not in it,
// and the map is never nil. What is being stored may show some seconds after the time with which it is told.
func (s *Store) ChangedBuckets(ctx context.Context, tenant string, w graph.Window, step time.Duration) (ago map[int64]time.Duration, err error) {
	defer func(start time.Time) { s.metrics.asked("changed_buckets", start, err) }(time.Now())
	of, known := map[time.Duration]string{graph.Step: "calls", graph.OutcomeStep: "outcomes"}[step]
	if !known {
		return nil, fmt.Errorf("when buckets of %s were stored is not kept", step)
	}
	params := clickhouse.Parameters{
		"tenant": escape(tenant), "of": of, "from": w.From.UTC().Format(time.DateTime), "to": w.To.UTC().Format(time.DateTime),
	}
	ago = map[int64]time.Duration{}
	var bucket, stored, now time.Time
	err = s.query(ctx, selectChangedBuckets, params, func(rows driver.Rows) error {
		if err := rows.Scan(&bucket, &stored, &now); err != nil {
			return err
		}
		ago[bucket.Unix()] = now.Sub(stored)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select when %s were stored: %w", of, err)
	}
	return ago, nil
}

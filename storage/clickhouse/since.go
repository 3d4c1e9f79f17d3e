package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// firstSettled is how old the first calls are before they stay the first: spans may come late, and be the first ones then.
const firstSettled = time.Hour

// first is when the first calls of a tenant were made that are still known, to ten seconds while these are kept; zero: there are none.
func (s *Store) first(ctx context.Context, tenant string) (first time.Time, err error) {
	if known, ok := s.firsts.Load(tenant); ok {
		return known.(time.Time), nil
	}
	tiers := []time.Duration{10 * time.Second, time.Minute, time.Hour}
	begins := make([]*time.Time, len(tiers))
	err = s.query(ctx, selectFirst, clickhouse.Parameters{"tenant": escape(tenant)}, func(rows driver.Rows) error {
		return rows.Scan(&begins[0], &begins[1], &begins[2])
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("select the first calls: %w", err)
	}
	for n := len(tiers) - 1; n >= 0; n-- {
		// A shorter bucket tells more, if nothing older was kept in longer ones alone.
		if b := begins[n]; b != nil && (first.IsZero() || b.Sub(first) < tiers[min(n+1, len(tiers)-1)]) {
			first = b.UTC()
		}
	}
	if !first.IsZero() && s.now().Sub(first) > firstSettled {
		s.firsts.Store(tenant, first)
	}
	return first, nil
}

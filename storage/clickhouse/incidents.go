package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/analysis/cascade"
)

// WriteIncidents stores incidents as they are at a time, in place of what was stored of them before.
func (s *Store) WriteIncidents(ctx context.Context, tenant string, at time.Time, incidents []cascade.Incident) (err error) {
	defer func() {
		if err != nil {
			s.metrics.errors.WithLabelValues("write_incidents").Inc()
		}
	}()
	if len(incidents) == 0 {
		return nil
	}
	err = s.insert(ctx, insert{
		table: "incidents", statement: insertIncidents, rows: len(incidents),
		appendRow: func(batch driver.Batch, i int) error {
			body, err := json.Marshal(&incidents[i])
			if err != nil {
				return err
			}
			return batch.Append(tenant, incidents[i].ID, at, incidents[i].Started, string(body))
		},
	})
	if err != nil {
		return fmt.Errorf("insert %d incidents: %w", len(incidents), err)
	}
	return nil
}

// Incidents returns the latest incidents of a tenant, latest first.
func (s *Store) Incidents(ctx context.Context, tenant string, limit int) (incidents []cascade.Incident, err error) {
	defer func(start time.Time) { s.metrics.asked("incidents", start, err) }(time.Now())
	params := clickhouse.Parameters{"tenant": escape(tenant), "limit": strconv.Itoa(max(limit, 0))}
	err = s.query(ctx, selectIncidents, params, func(rows driver.Rows) error {
		var body string
		if err := rows.Scan(&body); err != nil {
			return err
		}
		var i cascade.Incident
		if err := json.Unmarshal([]byte(body), &i); err != nil {
			return fmt.Errorf("read an incident: %w", err)
		}
		incidents = append(incidents, i)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select incidents: %w", err)
	}
	return incidents, nil
}

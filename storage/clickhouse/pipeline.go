package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// WritePipeline stores a report of an ingest process, with its times in milliseconds. The same report
// written again is kept once.
func (s *Store) WritePipeline(ctx context.Context, r graph.PipelineRow) (err error) {
	defer func() {
		if err != nil {
			s.metrics.errors.WithLabelValues("write_pipeline").Inc()
		}
	}()
	err = s.insert(ctx, insert{
		table: "pipeline", statement: insertPipeline, rows: 1,
		token: fmt.Sprintf("%s/%d/%d", r.Replica, r.Started.UnixMilli(), r.At.UnixMilli()),
		appendRow: func(batch driver.Batch, _ int) error {
			return batch.Append(r.Replica, r.Started, r.At, r.Version, r.Values)
		},
	})
	if err != nil {
		return fmt.Errorf("insert a report of %s: %w", r.Replica, err)
	}
	return nil
}

// Pipeline returns what all ingest processes reported in w, by replica and time: of each process the first
// report in the window and the last of every minute, so that the one before a restart and the one after it
// are among them.
func (s *Store) Pipeline(ctx context.Context, w graph.Window) (reports []graph.PipelineRow, err error) {
	defer func(start time.Time) { s.metrics.asked("pipeline", start, err) }(time.Now())
	if err := check(w); err != nil {
		return nil, err
	}
	err = s.query(ctx, selectPipeline, periodParams(w), func(rows driver.Rows) error {
		var r graph.PipelineRow
		if err := rows.Scan(&r.Replica, &r.Started, &r.At, &r.Version, &r.Values); err != nil {
			return err
		}
		reports = append(reports, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("select reports of ingest: %w", err)
	}
	return reports, nil
}

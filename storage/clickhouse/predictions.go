package clickhouse

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/analysis/calibration"
)

// WritePredictions stores predictions. One that is stored already is replaced.
func (s *Store) WritePredictions(ctx context.Context, tenant string, predictions []calibration.Prediction) (err error) {
	defer func() {
		if err != nil {
			s.metrics.errors.WithLabelValues("write_predictions").Inc()
		}
	}()
	if len(predictions) == 0 {
		return nil
	}
	err = s.insert(ctx, insert{
		table: "predictions", statement: insertPredictions, rows: len(predictions),
		appendRow: func(batch driver.Batch, i int) error {
			p := &predictions[i]
			return batch.Append(tenant, p.Incident, uint64(p.Node), p.Operation, p.Started, p.Made, uint64(p.Root), p.Severity,
				p.Predicted, p.Low, p.High, p.Reference, p.Observed)
		},
	})
	if err != nil {
		return fmt.Errorf("insert %d predictions: %w", len(predictions), err)
	}
	return nil
}

// Predictions returns predictions of a tenant, those of the latest incidents first.
func (s *Store) Predictions(ctx context.Context, tenant string, limit int) (predictions []calibration.Prediction, err error) {
	defer func(start time.Time) { s.metrics.asked("predictions", start, err) }(time.Now())
	params := clickhouse.Parameters{"tenant": escape(tenant), "limit": strconv.Itoa(max(limit, 0))}
	err = s.query(ctx, selectPredictions, params, func(rows driver.Rows) error {
		var p calibration.Prediction
		err := rows.Scan(&p.Incident, (*uint64)(&p.Node), &p.Operation, &p.Started, &p.Made, (*uint64)(&p.Root), &p.Severity,
			&p.Predicted, &p.Low, &p.High, &p.Reference, &p.Observed)
		p.Started, p.Made = p.Started.UTC(), p.Made.UTC()
		predictions = append(predictions, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("select predictions: %w", err)
	}
	return predictions, nil
}

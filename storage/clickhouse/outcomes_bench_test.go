package clickhouse

import (
	"context"
	"fmt"
	"testing"
	"time"

	"faultline/graph"
)

// fillOutcomes puts an hour of outcomes into the minutes before end: each of 10 000 services calls ten others.
// A tenth of the rows has failures, with their histograms and traces.
func fillOutcomes(b *testing.B, s *Store, end time.Time, sites int) {
	b.Helper()
	const callees = 10
	for bucket := end.Add(-time.Hour); bucket.Before(end); bucket = bucket.Add(time.Minute) {
		exec(b, s, fmt.Sprintf(`INSERT INTO outcomes_1m
			WITH number %% 10 = 3 AS bad,
				CAST(if(bad, arrayMap(i -> (toUInt16(200 + i), toInt64(1 + (number + i) %% 9)), range(6)), []), 'Map(UInt16, Int64)') AS h,
				if(bad, toFixedString(unhex(lower(hex(sipHash128(number)))), 16), toFixedString(unhex(repeat('ff', 16)), 16)) AS trace
			SELECT 'default', toDateTime(%[1]d, 'UTC'), sipHash64(toUInt64(intDiv(number, %[3]d))), 'GET /', '1.0',
				sipHash64(toUInt64(cityHash64(number) %% (%[2]d / %[3]d))),
				100, 3, 0, 0, 120, 130, 10 * bad, 5 * bad, 0, 1, bad, bad, bad, bad, 0, bad, 0, 0, 0, bad, 0, 0, 80,
				4000000 + number, 3000000, 9000000, 4000000, 8000000, 16000000, h, h, h, h, trace, trace
			FROM numbers(%[2]d)`, bucket.Unix(), sites, callees))
	}
}

func BenchmarkOutcomes(b *testing.B) {
	const sites = 100_000
	s := open(b)
	end := t0.Add(30 * time.Minute) // no whole hour is in the window, so that all is read from minutes
	fillOutcomes(b, s, end, sites)
	s.cfg.ReadTimeout = time.Minute
	hour := graph.Window{From: end.Add(-time.Hour), To: end}
	node := graph.NodeID(number[uint64](b, s, "SELECT sipHash64(toUInt64(17))"))
	for _, q := range []struct {
		name string
		ask  func() ([]graph.OutcomeRow, error)
	}{
		{"all", func() ([]graph.OutcomeRow, error) {
			rows, _, err := s.Outcomes(context.Background(), tenant, hour, 0)
			return rows, err
		}},
		{"all from buckets of an hour", func() ([]graph.OutcomeRow, error) {
			rows, _, err := s.Outcomes(context.Background(), tenant, graph.Window{From: t0, To: t0.Add(time.Hour)}, 0)
			return rows, err
		}},
		{"of a node", func() ([]graph.OutcomeRow, error) {
			rows, _, err := s.Outcomes(context.Background(), tenant, hour, node)
			return rows, err
		}},
		{"series of 10 minutes", func() ([]graph.OutcomeRow, error) {
			return s.OutcomeSeries(context.Background(), tenant, graph.Window{From: end.Add(-10 * time.Minute), To: end}, nil)
		}},
	} {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				rows, err := q.ask()
				if err != nil {
					b.Fatal(err)
				}
				n = len(rows)
			}
			b.ReportMetric(float64(n), "rows")
		})
	}
}

func BenchmarkOutcomeInsert(b *testing.B) {
	s := open(b)
	rows := make([]graph.OutcomeRow, 20_000)
	for i := range rows {
		rows[i] = outcome(t0, graph.NodeID(i), 1)
		rows[i].Operation = fmt.Sprint(i % 1000)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		write(b, s, graph.Block{Token: fmt.Sprint(n), Outcomes: rows})
		n++
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}

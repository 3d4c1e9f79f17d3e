package clickhouse

import (
	"context"
	"fmt"
	"testing"
	"time"

	"faultline/graph"
)

// fill puts a graph of the given size into what is read of the tiers for the 15 minutes and the 25 hours
// before end. Every edge has calls in every bucket, spread over 20 histogram buckets on either side.
func fill(b *testing.B, s *Store, end time.Time, services, edges int) {
	b.Helper()
	run := func(statement string, args ...any) {
		b.Helper()
		if err := s.conn.Exec(context.Background(), fmt.Sprintf(statement, args...)); err != nil {
			b.Fatal(err)
		}
	}
	run(`INSERT INTO nodes SELECT 'default', sipHash64(number), 'service', toString(number), '', '', '', '', '',
		toDateTime(%[2]d, 'UTC') AS seen, seen FROM numbers(%[1]d)`, services, end.Unix())
	for _, part := range []struct {
		suffix   string
		step     time.Duration
		from, to time.Time
	}{
		{"6h", 6 * time.Hour, floor(end.Add(-25*time.Hour), 6*time.Hour), end},
		{"1h", time.Hour, end.Add(-25 * time.Hour), end},
		{"1m", time.Minute, end.Add(-15 * time.Minute), end},
		{"10s", graph.Step, end.Add(-16 * time.Minute), end.Add(-15 * time.Minute)},
		{"10s", graph.Step, end.Add(-time.Minute), end},
	} {
		for bucket := part.from; bucket.Before(part.to); bucket = bucket.Add(part.step) {
			const histogram = `CAST(arrayMap(i -> (toUInt16(100 + number %% 100 + i), toInt64(1 + (number + i * 7) %% 90)), range(20)), 'Map(UInt16, Int64)')`
			run(`INSERT INTO edges_%[1]s WITH `+histogram+` AS h SELECT 'default', toDateTime(%[2]d, 'UTC') AS bucket,
				sipHash64(toUInt64(number %% %[4]d)), sipHash64(toUInt64(cityHash64(number) %% %[4]d)), ['http', 'grpc', 'postgresql'][1 + number %% 3], 'sync', 0,
				1, bucket, arraySum(mapValues(h)), 3, 0, 2, 1, 0, 1000, 65536000, 256000, h, h FROM numbers(%[3]d)`,
				part.suffix, bucket.Unix(), edges, services)
			run(`INSERT INTO operations_%[1]s WITH `+histogram+` AS h SELECT 'default', toDateTime(%[2]d, 'UTC') AS bucket,
				sipHash64(toUInt64(intDiv(number, 5))), toString(number %% 5), '1.0',
				bucket, arraySum(mapValues(h)), 3, 0, 2, 1, 0, 1000, 65536000, 256000, h FROM numbers(%[3]d)`,
				part.suffix, bucket.Unix(), services*5)
		}
	}
}

func BenchmarkGraph(b *testing.B) {
	for _, size := range []struct{ services, edges int }{{1_000, 5_000}, {10_000, 100_000}} {
		s := open(b)
		end := t0.Add(time.Hour)
		fill(b, s, end, size.services, size.edges)
		for _, length := range []time.Duration{15 * time.Minute, 24 * time.Hour} {
			b.Run(fmt.Sprintf("services=%d/edges=%d/window=%s", size.services, size.edges, length), func(b *testing.B) {
				to := end.Add(-20 * time.Second)
				b.ReportAllocs()
				edges := 0
				for b.Loop() {
					g, err := s.Graph(context.Background(), tenant, graph.Window{From: to.Add(-length), To: to})
					if err != nil {
						b.Fatal(err)
					}
					edges = len(g.Edges)
				}
				b.ReportMetric(float64(edges), "edges")
			})
		}
	}
}

package clickhouse

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"faultline/graph"
)

// fill puts a graph of the given size into the rollups for the 25 hours before the end of the hour after
// t0: every edge has calls in every bucket, spread over 20 histogram buckets on either side. Only what a
// read of the last day or of the last minutes can touch is filled of the shorter tiers.
func fill(b *testing.B, s *Store, services, edges int) {
	b.Helper()
	end := t0.Add(time.Hour)
	run := func(statement string, args ...any) {
		b.Helper()
		ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_insert_threads": 2}))
		if err := s.conn.Exec(ctx, fmt.Sprintf(statement, args...)); err != nil {
			b.Fatal(err)
		}
	}
	run(`INSERT INTO nodes SELECT 'default', sipHash64(toUInt64(number)), 'service', toString(number), '', '', '', '', '',
		toDateTime(%[2]d, 'UTC') AS seen, seen FROM numbers(%[1]d)`, services, t0.Unix())
	for _, tier := range []struct {
		suffix  string
		step    time.Duration
		buckets int
	}{{"6h", 6 * time.Hour, 5}, {"1h", time.Hour, 25}, {"1m", time.Minute, 60}, {"10s", graph.Step, 90}} {
		const histogram = `CAST(arrayMap(i -> (toUInt16(100 + entity %% 100 + i), toInt64(1 + (entity + i * 7) %% 90)), range(20)), 'Map(UInt16, Int64)')`
		const rows = `toDateTime(%[2]d + intDiv(number, %[1]d) * %[3]d, 'UTC') AS bucket`
		from, step := floor(end, tier.step).Add(-time.Duration(tier.buckets-1)*tier.step).Unix(), int(tier.step/time.Second)
		run(`INSERT INTO edges_`+tier.suffix+` WITH number %% %[1]d AS entity, `+histogram+` AS h SELECT 'default', `+rows+`,
			sipHash64(toUInt64(entity %% %[5]d)), sipHash64(toUInt64(cityHash64(entity) %% %[5]d)), ['http', 'grpc', 'postgresql'][1 + entity %% 3], 'sync', 0,
			1, bucket, arraySum(mapValues(h)), 3, 0, 2, 1, 0, 1000, 65536000, 256000, h, h FROM numbers(%[4]d)`,
			edges, from, step, edges*tier.buckets, services)
		run(`INSERT INTO operations_`+tier.suffix+` WITH number %% %[1]d AS entity, `+histogram+` AS h SELECT 'default', `+rows+`,
			sipHash64(toUInt64(intDiv(entity, 5))), toString(entity %% 5), '1.0',
			bucket, arraySum(mapValues(h)), 3, 0, 2, 1, 0, 1000, 65536000, 256000, h FROM numbers(%[4]d)`,
			services*5, from, step, services*5*tier.buckets)
	}
}

func BenchmarkGraph(b *testing.B) {
	for _, size := range []struct{ services, edges int }{{1_000, 5_000}} {
		s := open(b)
		s.cfg.ReadTimeout = time.Minute
		fill(b, s, size.services, size.edges)
		for _, length := range []time.Duration{15 * time.Minute, 24 * time.Hour} {
			b.Run(fmt.Sprintf("services=%d/edges=%d/window=%s", size.services, size.edges, length), func(b *testing.B) {
				to := t0.Add(time.Hour - 17*time.Minute - 20*time.Second)
				b.ReportAllocs()
				for b.Loop() {
					g, err := s.Graph(context.Background(), tenant, graph.Window{From: to.Add(-length), To: to})
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(len(g.Edges)), "edges")
				}
			})
		}
	}
}

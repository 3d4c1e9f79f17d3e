package clickhouse

import (
	"context"
	"fmt"
	"testing"
	"time"

	"faultline/graph"
)

// fillSpans stores a million spans in traces of ten, spread over the hour before end, in a block a minute. A
// call on the edge web → cart is in every hundredth span, one on cart → redis in ten of all. The rest are on
// a thousand other edges.
func fillSpans(b *testing.B, s *Store, end time.Time) {
	b.Helper()
	const minutes, spans = 60, 16_670
	for minute := range minutes {
		exec(b, s, fmt.Sprintf(`INSERT INTO spans
			WITH number AS n, intDiv(n, 10) AS t, n %% 10 AS i, [(%d, %d), (%d, %d)] AS edges,
				multiIf(n %% 100000 = 7, edges[2], n %% 100 = 3, edges[1], (sipHash64(n %% 1000), sipHash64(n %% 1001))) AS edge
			SELECT 'default', toFixedString(unhex(hex(sipHash128(t))), 16), reinterpretAsFixedString(n), reinterpretAsFixedString(n - i),
				fromUnixTimestamp64Nano(toInt64(%d + sipHash64(t) %% 59000000000 + i * 1000000)), 10000000 - 900000 * toInt64(i),
				sipHash64(n %% 1000), concat('GET /', toString(n %% 100)), 2 + i %% 2, sipHash64(n) %% 20 = 0, 'http',
				edge.1, edge.2, 'baseline'
			FROM numbers(%d, %d)`, web.ID(), cart.ID(), cart.ID(), redis.ID(),
			end.Add(time.Duration(minute-minutes)*time.Minute).UnixNano(), minute*spans, spans))
	}
}

func BenchmarkTraces(b *testing.B) {
	s := open(b)
	end := t0.Add(time.Hour)
	fillSpans(b, s, end)
	hour, yes := graph.Window{From: end.Add(-time.Hour), To: end}, true
	for _, ask := range []struct {
		name string
		graph.TraceQuery
	}{
		{"any", graph.TraceQuery{Window: hour, Limit: 100}},
		{"any, 5 minutes", graph.TraceQuery{Window: graph.Window{From: end.Add(-5 * time.Minute), To: end}, Limit: 100}},
		{"failed", graph.TraceQuery{Window: hour, Limit: 100, Failed: &yes}},
		{"common edge", graph.TraceQuery{Window: hour, Limit: 100, Caller: web.ID(), Callee: cart.ID()}},
		{"common edge, failed", graph.TraceQuery{Window: hour, Limit: 100, Caller: web.ID(), Callee: cart.ID(), Failed: &yes}},
		{"rare edge", graph.TraceQuery{Window: hour, Limit: 100, Caller: cart.ID(), Callee: redis.ID()}},
	} {
		b.Run(ask.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				found, err := s.Traces(context.Background(), tenant, ask.TraceQuery)
				if err != nil {
					b.Fatal(err)
				}
				n = len(found)
			}
			b.ReportMetric(float64(n), "traces")
		})
	}
	b.Run("one trace", func(b *testing.B) {
		found, err := s.Traces(context.Background(), tenant, graph.TraceQuery{Window: hour, Limit: 1000})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for b.Loop() {
			if _, err := s.Trace(context.Background(), tenant, found[n%len(found)].ID); err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
}

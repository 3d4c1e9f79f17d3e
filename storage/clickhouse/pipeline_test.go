package clickhouse

import (
	"testing"
	"time"

	"faultline/graph"
)

func TestPipeline(t *testing.T) {
	s := open(t)
	report := func(replica string, started, after time.Duration, n int64) graph.PipelineRow {
		return graph.PipelineRow{
			Replica: replica, Started: t0.Add(started), At: t0.Add(after), Version: "1.0",
			Values: map[string]int64{"spans": n, "pending": -1},
		}
	}
	const sec = time.Second
	odd := report(hostile, 0, 5*sec, 1<<62)
	odd.Version, odd.Values = hostile, map[string]int64{hostile: -1 << 63}
	rows := []graph.PipelineRow{
		report("b", 0, 10*sec, 1), // the first
		report("b", 0, 20*sec, 2), // neither the first nor the last of its minute
		report("b", 0, 59_999*sec/1000, 3),
		report("b", 0, 60*sec, 4),
		report("b", 0, 80*sec, 5),      // the last before a restart
		report("b", 85*sec, 90*sec, 1), // the first after it
		report("b", 85*sec, 100*sec, 2),
		report("b", 85*sec, 110*sec, 3),
		report("a", 0, 70*sec, 7),
		odd,
	}
	for _, r := range rows {
		for range 2 {
			if err := s.WritePipeline(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	empty := graph.PipelineRow{Replica: "c", Started: t0, At: t0.Add(time.Hour)}
	if err := s.WritePipeline(t.Context(), empty); err != nil {
		t.Fatal(err)
	}
	if n := number[uint64](t, s, "SELECT count() FROM pipeline"); n != uint64(len(rows)+1) {
		t.Errorf("%d reports stored, want %d", n, len(rows)+1)
	}
	empty.Values = map[string]int64{}
	for name, tt := range map[string]struct {
		from, to time.Duration
		want     []graph.PipelineRow
	}{
		"all":                 {0, 2 * time.Hour, []graph.PipelineRow{rows[8], rows[0], rows[2], rows[4], rows[5], rows[7], empty, odd}},
		"first of the window": {60 * sec, 85 * sec, []graph.PipelineRow{rows[8], rows[3], rows[4]}},
		"nothing":             {-time.Hour, 0, nil},
		"the end is left out": {10 * sec, 20 * sec, []graph.PipelineRow{rows[0]}},
	} {
		got, err := s.Pipeline(t.Context(), graph.Window{From: t0.Add(tt.from), To: t0.Add(tt.to)})
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, name, tt.want, got)
	}
	if _, err := s.Pipeline(t.Context(), graph.Window{From: t0, To: t0}); err == nil {
		t.Error("an empty window was accepted")
	}
}

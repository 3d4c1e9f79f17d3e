package api

import (
	"fmt"
	"testing"
	"time"

	"faultline/graph"
)

func TestRates(t *testing.T) {
	from := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	w := graph.Window{From: from, To: from.Add(10 * time.Minute)}
	long := from.Add(-time.Hour)
	// report is what a process that started at a minute, or long ago, said at another minute.
	report := func(replica string, started, at float64, values map[string]int64) graph.PipelineRow {
		r := graph.PipelineRow{Replica: replica, Started: long, At: from.Add(time.Duration(at * float64(time.Minute))), Values: values}
		if started >= 0 {
			r.Started = from.Add(time.Duration(started * float64(time.Minute)))
		}
		return r
	}
	n := func(v int64) map[string]int64 { return map[string]int64{"calls": v} }
	tests := map[string]struct {
		rows    []graph.PipelineRow
		replica string // state, latest value and rate per minute of the first replica
		total   string // value and rate of all
	}{
		"growth between first and last":     {[]graph.PipelineRow{report("a", -1, 0, n(1000)), report("a", -1, 5, n(1400)), report("a", -1, 10, n(1600))}, "reporting 1600 60", "1600 60"},
		"in any order":                      {[]graph.PipelineRow{report("a", -1, 10, n(1600)), report("a", -1, 0, n(1000))}, "reporting 1600 60", "1600 60"},
		"one report only":                   {[]graph.PipelineRow{report("a", -1, 10, n(1600))}, "reporting 1600 none", "1600 none"},
		"started within the window":         {[]graph.PipelineRow{report("a", 5, 10, n(300))}, "reporting 300 60", "300 60"},
		"started anew":                      {[]graph.PipelineRow{report("a", -1, 0, n(1000)), report("a", -1, 4, n(1400)), report("a", 5, 10, n(200))}, "reporting 200 60", "200 60"},
		"started anew and soon went beyond": {[]graph.PipelineRow{report("a", -1, 0, n(100)), report("a", 1, 10, n(600))}, "reporting 600 60", "600 60"},
		"silent since":                      {[]graph.PipelineRow{report("a", -1, 0, n(0)), report("a", -1, 8, n(480))}, "silent 480 60", "480 60"},
		"a minute ago is not silent":        {[]graph.PipelineRow{report("a", -1, 0, n(0)), report("a", -1, 9, n(540))}, "reporting 540 60", "540 60"},
		"one went, one came":                {[]graph.PipelineRow{report("a", -1, 0, n(0)), report("a", -1, 5, n(300)), report("b", 5, 10, n(900))}, "silent 300 60", "1200 120"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			say := func(v int64, perSecond *float64) string {
				if perSecond == nil {
					return fmt.Sprint(v, " none")
				}
				return fmt.Sprint(v, " ", *perSecond*60)
			}
			replicas, total := pipelineOf(tt.rows, w)
			m := replicas[0].Values["calls"]
			if got := string(replicas[0].State) + " " + say(m.Value, m.PerSecond); got != tt.replica {
				t.Errorf("replica %s, want %s", got, tt.replica)
			}
			if m := total["calls"]; say(m.Value, m.PerSecond) != tt.total {
				t.Errorf("total %s, want %s", say(m.Value, m.PerSecond), tt.total)
			}
		})
	}
}

func TestGaugesOfAllReplicas(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	w := graph.Window{From: now.Add(-time.Hour), To: now}
	row := func(replica string, ago time.Duration, lag, waiting, odd int64) graph.PipelineRow {
		return graph.PipelineRow{
			Replica: replica, Started: now.Add(-2 * time.Hour), At: now.Add(-ago),
			Values: map[string]int64{"journal_lag_ms": lag, "store_lag_ms": lag, "waiting_halves": waiting, "odd": odd},
		}
	}
	replicas, total := pipelineOf([]graph.PipelineRow{
		row("a", time.Minute, 50, 1, 9), row("a", 0, 300, 10, 5), row("b", 0, 200, 20, 6), row("c", 10*time.Minute, 9000, 500, 7),
	}, w)
	for _, name := range []string{"journal_lag_ms", "store_lag_ms"} {
		if m := total[name]; m.Kind != "gauge" || m.Value != 300 {
			t.Errorf("%s %+v, want the longest of those that report", name, m)
		}
	}
	if got := total["waiting_halves"].Value; got != 30 {
		t.Errorf("waiting %d, want the sum over those that report", got)
	}
	// An unknown value that falls while the process lives is a gauge, everywhere.
	if replicas[1].Values["odd"].Kind != "gauge" || total["odd"].Value != 11 || total["odd"].PerSecond != nil {
		t.Errorf("odd: %+v, in total %+v", replicas[1].Values["odd"], total["odd"])
	}
	if replicas, total := pipelineOf(nil, w); replicas == nil || len(replicas) != 0 || total == nil {
		t.Errorf("of nothing: %v and %v", replicas, total)
	}
}

package analysis

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/graph"
)

// What ingest has not stored yet is not missing: the engine judges as of the time up to which all is stored.
func TestHorizon(t *testing.T) {
	t0 := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	report := func(replica string, at time.Duration, stored, journal time.Duration) graph.PipelineRow {
		return graph.PipelineRow{Replica: replica, At: t0.Add(at), Values: map[string]int64{"store_lag_ms": stored.Milliseconds(), "journal_lag_ms": journal.Milliseconds()}}
	}
	type look struct {
		at, want time.Duration
		reports  []graph.PipelineRow // new ones
	}
	tests := map[string][]look{
		"nobody reports": {{at: 0, want: 0}, {at: time.Hour, want: time.Hour}},
		"on time":        {{at: 0, want: 0, reports: []graph.PipelineRow{report("a", -8*time.Second, 4*time.Second, 0)}}},
		"rows are not stored": {
			{at: 0, want: -5*time.Minute - 8*time.Second, reports: []graph.PipelineRow{report("a", -8*time.Second, 5*time.Minute, 0)}},
			{at: 15 * time.Second, want: 15 * time.Second, reports: []graph.PipelineRow{report("a", 12*time.Second, 0, 0)}},
		},
		"records are not matched": {{at: 0, want: -10 * time.Minute, reports: []graph.PipelineRow{report("a", 0, 0, 10*time.Minute)}}},
		"the slowest of several":  {{at: 0, want: -2 * time.Minute, reports: []graph.PipelineRow{report("a", 0, 0, 0), report("b", 0, 2*time.Minute, 0)}}},
		"one of several has left": {{at: 0, want: 0, reports: []graph.PipelineRow{report("a", 0, 0, 0), report("b", -2*time.Minute, 2*time.Minute, 0)}}},
		"all are silent": {
			{at: 0, want: 0, reports: []graph.PipelineRow{report("a", 0, 0, 0)}},
			{at: 50 * time.Second, want: 50 * time.Second},
			{at: 5 * time.Minute, want: 50 * time.Second},
			{at: 3 * time.Hour, want: 50 * time.Second},
			{at: 4 * time.Hour, want: 4 * time.Hour, reports: []graph.PipelineRow{report("b", 4*time.Hour, 0, 0)}},
		},
		"a clock ahead": {{at: 0, want: 0, reports: []graph.PipelineRow{report("a", 5*time.Second, 0, 0)}}},
	}
	for name, looks := range tests {
		t.Run(name, func(t *testing.T) {
			s := newShop()
			now := t0
			e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			e.now = func() time.Time { return now }
			for _, l := range looks {
				now = t0.Add(l.at)
				s.reports = append(s.reports, l.reports...)
				if err := e.look(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := e.Report().At.Sub(t0); got != l.want {
					t.Errorf("at %s judged as of %s, want %s", l.at, got, l.want)
				}
			}
		})
	}
}

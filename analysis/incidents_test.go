package analysis

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/analysis/analysistest"
	"faultline/analysis/cascade"
	"faultline/graph/match"
	"faultline/ingest/demo"
	"faultline/ingest/otlp"
)

// shopTraffic is what is seen of the demo, with its faults.
func shopTraffic(t *testing.T, start time.Time, length time.Duration) analysistest.Tables {
	t.Helper()
	tables, err := analysistest.Fold(match.DefaultConfig(), func(yield func(analysistest.Request) bool) {
		for body, err := range demo.Requests(demo.DefaultConfig(), start, length) {
			if err != nil {
				t.Fatal(err)
			}
			if !yield(analysistest.Request{Encoding: otlp.Protobuf, Body: body}) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// watched is what is said in the end by an engine that looks at what was recorded, or by one engine after the other, each for so long.
func watched(t *testing.T, store *recording, start time.Time, length, life time.Duration) *Report {
	t.Helper()
	var e *Engine
	for store.now = start; store.now.Before(start.Add(length)); store.now = store.now.Add(e.cfg.Every) {
		if store.now.Sub(start)%life == 0 {
			e = New(DefaultConfig(), "default", store, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			e.now = func() time.Time { return store.now }
		}
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return e.Report()
}

// Incidents outlive the process that found them: with a new one every minute and a half, they are the same as with one for all, but for
// the causes that a process would have to know more of the past for than there was.
func TestIncidentsOutliveProcesses(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	length := 12*time.Minute + 30*time.Second
	traffic := shopTraffic(t, start, length)
	told := func(life time.Duration) []cascade.Incident {
		all := watched(t, &recording{shop: newShop(), Tables: traffic}, start, length, life).Incidents
		slices.SortFunc(all, func(a, b cascade.Incident) int { return a.Started.Compare(b.Started) })
		return all
	}
	want, got := told(24*time.Hour), told(90*time.Second)
	if len(want) != 5 || len(got) != len(want) {
		t.Errorf("%d incidents, %d with many processes; want 5", len(want), len(got))
	}
	for n := range min(len(want), len(got)) {
		w, g := &want[n], &got[n]
		if g.ID != w.ID || g.Started.Sub(w.Started).Abs() > 10*time.Second || g.LastIll.Sub(w.LastIll).Abs() > 30*time.Second || g.Candidates[0].Node != w.Candidates[0].Node {
			t.Errorf("incident %s from %s to %s, %s is blamed; with many processes %s from %s to %s, %s", w.ID, w.Started.Sub(start), w.LastIll.Sub(start), w.Candidates[0].Node,
				g.ID, g.Started.Sub(start), g.LastIll.Sub(start), g.Candidates[0].Node)
		}
	}
}

// Each fault of the demo is an incident of its own that names it and ends with it, also when the same faults come again. Of the
// payment provider's errors a minute after the start nothing usual is known yet, and by them those that follow are usual.
func TestIncidentsOfTheDemo(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	length := 27 * time.Minute
	store := &recording{shop: newShop(), Tables: shopTraffic(t, start, length)}
	incidents := watched(t, store, start, length, length).Incidents
	slices.SortFunc(incidents, func(a, b cascade.Incident) int { return a.Started.Compare(b.Started) })
	begin := start
	for cycle := range 2 {
		for _, want := range []struct {
			cause    string
			from, to time.Duration
		}{
			{"catalog @ catalog-db:5432", 210 * time.Second, 300 * time.Second}, {"recommendation", 360 * time.Second, 420 * time.Second},
			{"redis @ cart-cache:6379", 480 * time.Second, 540 * time.Second},
			{"fraud", 570 * time.Second, 630 * time.Second}, {"email", 660 * time.Second, 690 * time.Second},
		} {
			if len(incidents) == 0 {
				t.Fatalf("no incident is left for %s in cycle %d", want.cause, cycle)
			}
			i := &incidents[0]
			incidents = incidents[1:]
			cause := "nobody"
			if len(i.Candidates) > 0 {
				cause = store.Nodes[i.Candidates[0].Node].Name
			}
			early, late := i.Started.Sub(begin.Add(want.from)), i.LastIll.Sub(begin.Add(want.to))
			if cause != want.cause || i.Suspected || early.Abs() > 20*time.Second || late.Abs() > 45*time.Second {
				t.Errorf("cycle %d: %s is blamed (only suspected: %v) from %s after the begin to %s after the end of what is wrong with %s",
					cycle, cause, i.Suspected, early, late, want.cause)
			}
		}
		begin = begin.Add(12 * time.Minute)
	}
	// The third time more is known of the provider than its errors. Those are not the other faults of the last minutes, which are over.
	if len(incidents) != 1 || len(incidents[0].Candidates) == 0 || store.Nodes[incidents[0].Candidates[0].Node].Name != "api.pay.example" {
		t.Errorf("want one incident more, of api.pay.example: %+v", incidents)
	}
}

// What users ask for is as much as they do ask, however much was wrong meanwhile, and nothing that only follows from it: without web there
// are no orders for others to process.
func TestEntriesOfTheDemo(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	length := 20 * time.Minute
	store := &recording{shop: newShop(), Tables: shopTraffic(t, start, length)}
	report := watched(t, store, start, length, length)
	asked := 0.0
	var nodes []string
	for _, entry := range report.Structure.Entries {
		asked += entry.PerSecond
		nodes = append(nodes, store.Nodes[entry.Node].Name)
	}
	var served int64
	for i := range store.Operations {
		if o := &store.Operations[i]; store.Nodes[o.Node].Name == "web" && o.Bucket.After(start.Add(5*time.Minute)) {
			served += o.Calls
		}
	}
	want := float64(served) / (length - 5*time.Minute).Seconds()
	if slices.Sort(nodes); !slices.Equal(slices.Compact(nodes), []string{"web"}) || asked < 0.85*want || asked > 1.15*want {
		t.Errorf("users ask for %.2f requests a second of %v, want %.2f of web", asked, nodes, want)
	}
}

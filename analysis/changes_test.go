package analysis

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/analysis/cascade"
	"faultline/analysis/change"
	"faultline/analysis/finding"
	"faultline/graph"
)

// open are the kinds and titles of the open findings whose kind begins in one of some ways.
func open(r *Report, kinds ...string) (said []string) {
	for _, f := range r.Findings {
		if f.State == finding.Open && slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(f.Kind, k) }) {
			said = append(said, f.Kind+" ("+string(f.Severity)+"): "+f.Title)
		}
	}
	slices.Sort(said)
	return said
}

// What is not as usual becomes a finding within minutes, and what stops too.
func TestWarnings(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	from := now.Truncate(time.Minute).Add(-90 * time.Minute)
	rnd := rand.New(rand.NewPCG(1, 2))
	tests := map[string]struct {
		after func(minute int) (calls, failed int64) // of 600, from minute 90 on
		want  []string
	}{
		"as before": {func(int) (int64, int64) { return 600, 1 }, nil},
		"failing": {func(int) (int64, int64) { return 600, 120 }, []string{
			"anomaly.errors (info): 20 % of the calls of web to pg in GET / fail; 0.17 % is usual",
		}},
		"silent": {func(int) (int64, int64) { return 0, 0 }, []string{
			"change.silent (warning): web no longer calls pg in GET /",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newShop()
			for m := range 110 {
				calls, failed := int64(600), int64(1)
				if m >= 90 {
					calls, failed = test.after(m)
				}
				for b := range 6 {
					at := from.Add(time.Duration(m)*time.Minute + time.Duration(b)*graph.Step)
					requests := graph.OperationRow{Bucket: at, Node: web.ID(), Operation: "GET /", Stats: graph.Stats{Calls: 100 + int64(rnd.IntN(3)) - 1}}
					s.requests = append(s.requests, requests)
					if calls > 0 {
						row := graph.CallSiteRow{Bucket: at, CallerOperation: "GET /", EdgeKey: graph.EdgeKey{Caller: web.ID(), Callee: pg.ID()}}
						row.Calls, row.Failed = calls/6, failed/6
						if b == 0 {
							row.Failed += failed % 6
						}
						s.calls = append(s.calls, row)
					}
				}
			}
			e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			e.now = func() time.Time { return now }
			end := now.Add(12 * time.Minute)
			for ; now.Before(end); now = now.Add(15 * time.Second) {
				if err := e.look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			now = end.Add(-12 * time.Minute)
			if got := open(e.Report(), "anomaly.", "change."); !slices.Equal(got, test.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
		})
	}
}

// What came up in the last day is told in one digest for each caller, with the version that brought it.
func TestNewsClaims(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	cart := graph.Node{Type: graph.TypeService, Name: "cart"}
	r := &Report{At: at, Nodes: map[graph.NodeID]graph.Node{web.ID(): web, pg.ID(): pg, cart.ID(): cart}, News: []change.Item{
		{Kind: change.CycleNew, Rating: change.Risk, Node: cart.ID(), Callee: web.ID(), Cycle: []graph.NodeID{web.ID(), cart.ID()}},
		{Kind: change.HardNew, Rating: change.Risk, Node: web.ID(), Callee: pg.ID(), Entries: []graph.NodeID{web.ID()}},
		{Kind: change.EdgeNew, Rating: change.Risk, Node: cart.ID(), Callee: pg.ID(), CrossesTo: "test"},
		{Kind: change.EdgeNew, Rating: change.Notice, Node: web.ID(), Callee: pg.ID()},
		{Kind: change.EdgeNew, Rating: change.Notice, Node: web.ID(), Callee: cart.ID()},
	}}
	versions := releases{}
	for i, v := range []string{"1.41", "1.42"} {
		versions.add([]graph.OutcomeRow{{Caller: web.ID(), Version: v, Bucket: at.Add(time.Duration(i-3) * time.Hour)}})
	}
	var got []string
	for _, c := range r.newsClaims(versions) {
		got = append(got, c.Kind+" ("+string(c.Severity)+"): "+c.Title)
	}
	want := []string{
		"change.cycle_new (warning): cart and web now wait for each other",
		"change.hard_dependency_new (warning): web now fails when pg does since version 1.42",
		"change.edge_crosses (warning): cart began to call pg in another environment, test",
		"change.edge_new (info): web began to call pg and cart since version 1.42",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if v := versions.latest(web.ID(), at.Add(48*time.Hour)); v != "" {
		t.Errorf("version %s is no longer new", v)
	}
	if v := (releases{}).latest(web.ID(), at); v != "" {
		t.Errorf("version %q of an unknown node", v)
	}
}

// After many releases the next one is noticed, and what runs beside them all is not taken for one.
func TestReleasesAreForgottenOnceTheyAreGone(t *testing.T) {
	versions := releases{}
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for day := range 20 {
		bucket := at.AddDate(0, 0, day)
		versions.add([]graph.OutcomeRow{
			{Caller: web.ID(), Version: fmt.Sprint("canary ", day), Bucket: bucket}, {Caller: web.ID(), Version: "stable", Bucket: bucket},
		})
		if v := versions.latest(web.ID(), bucket.Add(time.Hour)); day > 0 && v != fmt.Sprint("canary ", day) {
			t.Errorf("on day %d the latest release is %q", day, v)
		}
	}
	if n := len(versions[web.ID()]); n > mostReleases {
		t.Errorf("%d versions are remembered", n)
	}
	var all []graph.OutcomeRow
	for i := range 2 * mostReleases {
		all = append(all, graph.OutcomeRow{Caller: pg.ID(), Version: fmt.Sprint(i), Bucket: at})
	}
	for minute := range 3 { // so many run that not all are remembered
		for i := range all {
			all[i].Bucket = at.Add(time.Duration(minute) * time.Minute)
		}
		versions.add(all)
		if v := versions.latest(pg.ID(), at.Add(time.Hour)); v != "" {
			t.Errorf("in minute %d %q is taken for a new release", minute, v)
		}
	}
}

func TestAnomaliesSayNumbersAsPeopleDo(t *testing.T) {
	r := &Report{Nodes: map[graph.NodeID]graph.Node{web.ID(): web}}
	of := change.Series{Node: web.ID(), Operation: "GET /"}
	for _, test := range []struct {
		alarm change.Alarm
		want  string
	}{
		{change.Alarm{Series: of, Signal: change.Failing, Now: 1, Usual: 0.0012}, "100 % of the requests for GET / of web fail; 0.12 % is usual"},
		{change.Alarm{Series: of, Signal: change.Failing, Now: 0.096}, "9.6 % of the requests for GET / of web fail; 0 % is usual"},
		{
			change.Alarm{Series: of, Signal: change.Slow, Now: 0.998, Usual: 1e-7, Threshold: 2512345678},
			"100 % of the requests for GET / of web take longer than 2.51s; less than 0.001 % is usual",
		},
		{
			change.Alarm{Series: of, Signal: change.Slow, Now: 0.5, Usual: 0.01, Threshold: 34567 * time.Microsecond},
			"50 % of the requests for GET / of web take longer than 34.6ms; 1 % is usual",
		},
	} {
		if got := r.alarmClaim(&test.alarm, releases{}).Title; got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// The first reason is the one that weighs most.
func TestAnIncidentSaysItsReasonsInOrder(t *testing.T) {
	r := &Report{Nodes: map[graph.NodeID]graph.Node{web.ID(): web}}
	c := r.incidentClaim(&cascade.Incident{Candidates: []cascade.Candidate{{Share: cascade.Share{Node: web.ID(), Share: 1, Reasons: []cascade.Reason{
		{Kind: cascade.OwnFailures, Units: 10, Of: 100}, {Kind: cascade.FirstIll},
	}}}}})
	want := "10 requests of 100 that web served failed although all their calls succeeded. web was ill before all other candidates. Open the incident"
	if !strings.HasPrefix(c.Detail, want) {
		t.Errorf("got %q, want it to begin with %q", c.Detail, want)
	}
}

package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"faultline/analysis"
	"faultline/analysis/audit"
	"faultline/analysis/calibration"
	"faultline/analysis/cascade"
	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/analysis/hotspot"
	"faultline/analysis/slo"
	"faultline/analysis/whatif"
	spec "faultline/docs/api"
	"faultline/graph"
	"faultline/graph/spread"
	"faultline/web/api"
	"faultline/web/api/gen"
)

var (
	now   = time.Now().UTC().Truncate(graph.Step)
	front = graph.Node{Type: graph.TypeService, Name: "front", Namespace: "shop", Environment: "prod"}
	back  = graph.Node{Type: graph.TypeService, Name: "back", Namespace: "shop", Environment: "prod"}
	pg    = graph.Node{Type: graph.TypeDatabase, Name: "shop @ pg:5432", Environment: "prod", System: "postgresql"}
	call  = graph.EdgeKey{Caller: front.ID(), Callee: back.ID(), Protocol: "http", Mode: graph.Sync}
	query = graph.EdgeKey{Caller: back.ID(), Callee: pg.ID(), Protocol: "postgresql", Mode: graph.Sync}
)

// shop is a Reader over one fixed graph. While down it fails like a database that is away.
type shop struct {
	mu      sync.Mutex
	down    error
	changed time.Time
	graphs  int
	asked   graph.TraceQuery // the last
	hold    chan struct{}    // when set, Graph waits until it is closed

	deployed time.Time // when the front became version 2, which also calls the database; zero: never
}

func (s *shop) state() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

func (s *shop) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func stats(n int64, d time.Duration) graph.Stats {
	s := graph.Stats{Calls: n, Failed: n / 10, Weight: float64(4 * n), WeightSquared: float64(16 * n), Sampled: n}
	s.Client.Observe(d, n)
	s.Server.Observe(d/2, n)
	return s
}

func (s *shop) Graph(ctx context.Context, _ string, w graph.Window) (graph.Graph, error) {
	s.set(func() { s.graphs++ })
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return graph.Graph{}, ctx.Err()
		}
	}
	var more []graph.Edge
	if s.deployed != (time.Time{}) && !w.From.Before(s.deployed) {
		key := graph.EdgeKey{Caller: front.ID(), Callee: pg.ID(), Protocol: "postgresql", Mode: graph.Sync}
		more = append(more, graph.Edge{EdgeKey: key, LastSeen: now, Stats: graph.Stats{Calls: 20}})
	}
	return graph.Graph{
		Window: graph.Window{From: w.From.Truncate(graph.Step), To: w.To.Truncate(graph.Step)}, Step: graph.Step,
		Nodes: []graph.NodeStats{
			{Node: front, LastSeen: now, Stats: stats(100, 40*time.Millisecond)},
			{Node: back, LastSeen: now, Stats: stats(50, 20*time.Millisecond)},
			{Node: pg, LastSeen: now, Stats: stats(30, time.Millisecond)},
		},
		Edges: append([]graph.Edge{
			{EdgeKey: call, Basis: graph.ByKinds, LastSeen: now, Stats: stats(50, 30*time.Millisecond)},
			{EdgeKey: query, Basis: graph.ByVirtual, LastSeen: now, Stats: graph.Stats{Calls: 30}},
		}, more...),
	}, s.state()
}

func (s *shop) Operations(_ context.Context, _ string, w graph.Window, id graph.NodeID) ([]graph.OperationStats, graph.Window, error) {
	if id != front.ID() {
		return nil, w, fmt.Errorf("node %s: %w", id, graph.ErrNotFound)
	}
	return []graph.OperationStats{{Operation: "GET /", Version: "1", Stats: stats(100, 40*time.Millisecond)}}, w, s.state()
}

func (s *shop) AllOperations(_ context.Context, _ string, w graph.Window) ([]graph.OperationRow, error) {
	version := "1"
	if s.deployed != (time.Time{}) && !w.From.Before(s.deployed) {
		version = "2"
	}
	return []graph.OperationRow{
		{Node: front.ID(), Operation: "GET /", Version: version, Stats: graph.Stats{Calls: 1000}},
		{Node: back.ID(), Operation: "GET /items", Version: "1", Stats: graph.Stats{Calls: 1000}},
	}, s.state()
}

func (s *shop) CallSites(_ context.Context, _ string, w graph.Window, _ graph.EdgeKey) ([]graph.CallSite, graph.Window, error) {
	return []graph.CallSite{{CallerOperation: "GET /", CalleeOperation: "GET /items", Stats: stats(50, 30*time.Millisecond)}}, w, s.state()
}

func (s *shop) points(w graph.Window, step time.Duration) (points []graph.Point, err error) {
	for at := w.From.Truncate(step); at.Before(w.To); at = at.Add(step) {
		points = append(points, graph.Point{Time: at})
	}
	points[0].Stats = stats(5, time.Millisecond)
	return points, s.state()
}

func (s *shop) NodeSeries(_ context.Context, _ string, w graph.Window, step time.Duration, _ graph.NodeID) ([]graph.Point, error) {
	return s.points(w, step)
}

func (s *shop) OperationSeries(_ context.Context, _ string, w graph.Window, step time.Duration, _ graph.NodeID, _ string) ([]graph.Point, error) {
	return s.points(w, step)
}

func (s *shop) EdgeSeries(_ context.Context, _ string, w graph.Window, step time.Duration, _ graph.EdgeKey) ([]graph.Point, error) {
	return s.points(w, step)
}

func (s *shop) Outcomes(_ context.Context, _ string, w graph.Window, node graph.NodeID) ([]graph.OutcomeRow, graph.Window, error) {
	if node != front.ID() && node != back.ID() {
		return nil, w, s.state()
	}
	one := graph.OutcomeStats{
		Requests: 40, Failed: 4, Calls: 40, Attempts: 50, FailedAttempts: 12, TimedOut: 3,
		TotalFatal: 2, PartialFatal: 1, ContestedFatal: 1, TotalSurvived: 5, FatalTrace: slow, Time: 1000,
	}
	other := graph.OutcomeStats{Requests: 10, Calls: 10, Attempts: 10, SurvivedTrace: slow}
	return []graph.OutcomeRow{
		{Caller: front.ID(), Operation: "GET /", Version: "1", Callee: back.ID(), OutcomeStats: one},
		{Caller: front.ID(), Operation: "GET /", Version: "2", Callee: back.ID(), OutcomeStats: other},
		{Caller: front.ID(), Operation: "GET /", Version: "1", OutcomeStats: graph.OutcomeStats{Requests: 100, Failed: 6, Clean: 90, CleanFailed: 2}},
		{Caller: back.ID(), Operation: "GET /items", Callee: pg.ID(), OutcomeStats: graph.OutcomeStats{Requests: 30}},
		{Caller: back.ID(), Operation: "GET /items", OutcomeStats: graph.OutcomeStats{}},
	}, w, s.state()
}

func (s *shop) Halves(_ context.Context, _ string, w graph.Window) ([]graph.HalfRow, graph.Window, error) {
	return []graph.HalfRow{
		{Node: front.ID(), Side: graph.ServerSide, Fate: graph.FateRoot, N: 100},
		{Node: front.ID(), Side: graph.ClientSide, Fate: graph.FatePaired, N: 45},
		{Node: front.ID(), Side: graph.ClientSide, Fate: graph.FateNoPeer, N: 5},
		{Node: back.ID(), Side: graph.ServerSide, Fate: graph.FatePaired, N: 45},
		{Node: back.ID(), Side: graph.ClientSide, Fate: graph.FateInferred, N: 30},
		{Node: 0xff, Side: graph.ServerSide, Fate: graph.FateNoPartner, N: 3}, // gone from the graph
	}, w, s.state()
}

// slow is the one trace that is kept: front calls back, which answers too late.
var slow = graph.TraceID{0xab, 15: 1}

func (s *shop) Trace(_ context.Context, _ string, id graph.TraceID) (graph.Trace, error) {
	if id != slow {
		return graph.Trace{}, fmt.Errorf("trace %x: %w", id, graph.ErrNotFound)
	}
	at := now.Add(-time.Minute).UnixNano()
	span := func(id, parent byte, n graph.Node, k graph.Kind, start, d time.Duration, o graph.Outcome) graph.SpanRow {
		row := graph.SpanRow{
			Trace: slow, ID: graph.SpanID{7: id}, Parent: graph.SpanID{7: parent}, Node: n.ID(), Kind: k, Outcome: o,
			Start: at + int64(start), Duration: d, Operation: "GET /", Protocol: "http", Why: graph.WhyError,
		}
		if k == graph.KindClient {
			row.Caller, row.Callee = n.ID(), back.ID()
		}
		return row
	}
	return graph.Trace{
		ID: slow, Nodes: map[graph.NodeID]graph.Node{front.ID(): front, back.ID(): back},
		Spans: []graph.SpanRow{
			span(1, 0, front, graph.KindServer, 0, 1200*time.Microsecond, graph.Failed),
			span(2, 1, front, graph.KindClient, 100*time.Microsecond, time.Millisecond, graph.Failed|graph.TimedOut),
			span(3, 2, back, graph.KindServer, 200*time.Microsecond, 2*time.Millisecond, graph.SamplingKnown),
		},
	}, s.state()
}

func (s *shop) Traces(_ context.Context, _ string, q graph.TraceQuery) ([]graph.TraceSummary, error) {
	s.set(func() { s.asked = q })
	return []graph.TraceSummary{{
		ID: slow, Start: now, Duration: 2200 * time.Microsecond, Node: front.ID(), Operation: "GET /", Spans: 3, Failed: 2, Why: graph.WhyError,
	}}, s.state()
}

func (s *shop) Pipeline(_ context.Context, w graph.Window) ([]graph.PipelineRow, error) {
	long := w.From.Add(-time.Hour)
	return []graph.PipelineRow{
		{Replica: "ingest-0", Started: long, At: w.From, Version: "1.2", Values: map[string]int64{"accepted_spans": 1000, "journal_bytes": 9}},
		{Replica: "ingest-0", Started: long, At: w.To.Add(-time.Second), Version: "1.2", Values: map[string]int64{
			"accepted_spans": 1899, "rejected_spans_invalid_id": 7, "journal_bytes": 5, "store_lag_ms": 800, "something_new": 3,
		}},
	}, s.state()
}

func (s *shop) Changed(context.Context, string) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed, s.down
}

func (s *shop) Ping(context.Context) error { return s.state() }

// analyst has found one hard dependency.
type analyst struct{ marks map[string]finding.Mark }

// Rerun is as now, as of the end of the window.
func (a analyst) Rerun(_ context.Context, w graph.Window) (*analysis.Report, error) {
	r := a.Report()
	r.At = w.To
	return r, nil
}

func (a analyst) Events(_ context.Context, id string) ([]finding.Event, error) {
	return []finding.Event{{At: foundAt, ID: id, What: finding.EventOpened, Severity: finding.Warning, Title: "it was"}}, nil
}

func (a analyst) Marks(context.Context) (map[string]finding.Mark, error) { return a.marks, nil }

func (a analyst) Mark(_ context.Context, m finding.Mark) error {
	m.At = foundAt
	a.marks[m.ID] = m
	return nil
}

// foundAt is when the findings of tests were found.
var foundAt = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// someFindings are an open one of each severity about the front, and a resolved one about something else.
func someFindings() (all []finding.Finding) {
	for i, s := range []finding.Severity{finding.Critical, finding.Warning, finding.Info} {
		all = append(all, finding.Finding{
			Claim: finding.Claim{
				Kind: fmt.Sprintf("kind%d.rule", i), Subject: finding.Subject{Node: front.ID(), Callee: call.Callee}, Severity: s,
				Title: string(s), Facts: []finding.Fact{{Name: "failures", Value: 3}}, Traces: []graph.TraceID{{1}},
			},
			State: finding.Open, First: foundAt, Opened: foundAt, Last: foundAt, Changed: foundAt, Openings: 1,
		})
	}
	return append(all, finding.Finding{Claim: finding.Claim{Kind: "old", Severity: finding.Info}, State: finding.Resolved})
}

func (analyst) Report() *analysis.Report {
	at := foundAt
	evidence := dependency.Evidence{TotalFatal: 7, Requests: 1000}
	site := dependency.Judgement{
		Site: dependency.Site{Caller: front.ID(), Operation: "GET /", Callee: call.Callee}, Verdict: dependency.Hard, Assumed: dependency.Hard, Inferred: dependency.Hard,
		Basis: dependency.Inferred, Probability: 0.97, Low: 0.8, High: 1, Evidence: evidence, FatalTrace: graph.TraceID{1}, Since: at,
		Changes: []dependency.Change{{At: at, From: dependency.Soft, To: dependency.Hard, VersionAfter: "1.42"}},
	}
	edge := dependency.EdgeJudgement{
		Caller: front.ID(), Callee: call.Callee, Verdict: dependency.Hard, Assumed: dependency.Hard, Basis: dependency.Inferred,
		Probability: 0.97, Low: 0.8, High: 1, Evidence: evidence,
	}
	return &analysis.Report{
		At: at, Since: at.Add(-time.Hour), Nodes: map[graph.NodeID]graph.Node{front.ID(): front},
		Sites: []dependency.Judgement{site}, Edges: []dependency.EdgeJudgement{edge}, Findings: someFindings(),
		Audit: audit.Report{
			Sites: []audit.SiteReport{{
				Site: audit.Site{Caller: front.ID(), Operation: "GET /", Callee: call.Callee}, Waits: true, RetryTrace: graph.TraceID{2},
				Checks: []audit.Check{{Practice: audit.Backoff, State: audit.Risk, Evidence: 40}, {Practice: audit.TimeoutOrder, State: audit.Pass, Value: 100, Bound: 300}},
			}},
			Services: []audit.ServiceReport{
				{Node: front.ID(), Maturity: audit.Maturity{Level: 3, Ceiling: 4, Known: 0.5, Missing: []audit.Practice{audit.Bulkhead}}},
				{
					Node: call.Callee, Maturity: audit.Maturity{Level: 1, Ceiling: 1, Missing: []audit.Practice{audit.Backoff}},
					Checks: []audit.Check{{Practice: audit.Backoff, State: audit.Risk}, {Practice: audit.Cycles, State: audit.Risk, Nodes: []graph.NodeID{front.ID()}}},
					Counts: map[audit.Practice]audit.Counts{audit.Backoff: {Pass: 2, Risk: 1}},
				},
			},
		},
		Structure: analysis.Structure{
			Sites: []whatif.Site{{
				Site: spread.Site{Caller: front.ID(), Operation: "GET /", Callee: call.Callee}, Used: 1, Alpha: 50, Beta: 0.2, Known: true, Waits: 1, Calls: 1,
			}},
			Entries: []whatif.Entry{{Operation: spread.Operation{Node: front.ID(), Name: "GET /"}, PerSecond: 10, Weight: 1}},
		},
		Objectives: slo.Assess([]slo.Objective{{Service: "front", Target: 99}, {Service: "gone", Target: 99.9}}, &slo.System{
			Nodes: map[graph.NodeID]graph.Node{front.ID(): front},
			Operations: []slo.Operation{{
				Operation: spread.Operation{Node: front.ID(), Name: "GET /"}, Requests: 1000, Failed: 30, Clean: 970,
				Sites: []slo.Site{{Callee: call.Callee, Coupling: slo.Hard, Hardness: 1, Requests: 1000, Failed: 30, Alone: 30}},
			}},
		}),
		Predictions: []calibration.Prediction{{
			Incident: "i0", Started: at, Made: at, Root: call.Callee, Severity: 1, Node: front.ID(), Operation: "GET /", Predicted: 0.6, Low: 0.3, High: 0.9, Reference: 1, Observed: 0.4,
		}},
		Hotspots: hotspot.Rank([]hotspot.Node{{ID: front.ID(), Impact: 1}, {ID: call.Callee, Impact: 0.9, Raw: map[hotspot.Part]float64{hotspot.Burn: 20}}}),
		Incidents: []cascade.Incident{{
			ID: "i1", Started: at, Opened: at, LastIll: at, Sign: cascade.Failing,
			Candidates: []cascade.Candidate{{Share: cascade.Share{Node: front.ID(), Share: 1, Units: 12}, Likely: true}},
			Members:    []cascade.Member{{Node: front.ID(), Operation: "GET /", Sign: cascade.Failing, Bad: 12, Requests: 20, Onset: at}},
			Path:       []cascade.Step{{Caller: front.ID(), Callee: call.Callee, Calls: 20, Failed: 12}},
			Entries:    []cascade.Impact{{Node: front.ID(), Operation: "GET /", Requests: 20, Bad: 12}},
		}},
	}
}

func TestDependencies(t *testing.T) {
	srv := serve(t, &shop{})
	for query, want := range map[string][2]int{
		"": {1, 0}, "?node=" + front.ID().String(): {1, 1}, "?node=00000000000000ff": {0, 0}, "?verdict=soft": {0, 0}, "?verdict=hard": {1, 0},
	} {
		resp, body := get(t, srv, "/api/v1/dependencies"+query)
		var got gen.Dependencies
		if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", query, resp.Status, body)
		}
		if len(got.Edges) != want[0] || len(got.CallSites) != want[1] {
			t.Errorf("%s: %d edges and %d call sites, want %v", query, len(got.Edges), len(got.CallSites), want)
		}
	}
	for _, query := range []string{"?node=cart", "?verdict=so", "?from=now-1h"} {
		if resp, body := get(t, srv, "/api/v1/dependencies"+query); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %s", query, resp.Status, body)
		}
	}
}

func TestAnalysis(t *testing.T) {
	srv := serve(t, &shop{})
	resp, body := get(t, srv, "/api/v1/analysis?from=2026-01-02T10:00:00Z&to=2026-01-02T11:00:00Z")
	var got gen.Analysis
	if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if len(got.Findings.Findings) != 4 || len(got.Incidents.Incidents) != 1 || len(got.Dependencies.Edges) != 1 || len(got.Dependencies.CallSites) != 1 || !got.Findings.At.Equal(got.To) {
		t.Errorf("analysis %+v", got)
	}
	if resp, body := get(t, srv, "/api/v1/analysis?from=now-7h"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("too long a window: %s %s", resp.Status, body)
	}
}

func TestExport(t *testing.T) {
	srv := serve(t, &shop{})
	_, body := get(t, srv, "/api/v1/export/dependencies")
	var got []gen.Declaration
	want := gen.Declaration{Caller: "front", Callee: call.Callee.String(), Criticality: "hard", Basis: "inferred", Comment: "7 of 7 isolated failures took the caller down", By: "Faultline"}
	if err := json.Unmarshal(body, &got); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%s", body)
	}
	if _, body := get(t, srv, "/api/v1/export/dependencies?format=csv"); !strings.HasPrefix(string(body), "caller,operation,callee,criticality,basis,comment,by\nfront,,") {
		t.Errorf("as CSV: %s", body)
	}
	if resp, _ := get(t, srv, "/api/v1/export/dependencies?format=xml"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("as XML: %s", resp.Status)
	}
}

func TestCalibration(t *testing.T) {
	srv := serve(t, &shop{})
	_, body := get(t, srv, "/api/v1/whatif/calibration")
	var got gen.Calibration
	if err := json.Unmarshal(body, &got); err != nil || got.Incidents != 1 || got.Calibrated || len(got.Bins) != 5 || len(got.Latest) != 1 || math.Abs(got.Skill-(1-0.04/0.36)) > 1e-9 {
		t.Errorf("%s", body)
	}
}

func TestExperiments(t *testing.T) {
	srv := serve(t, &shop{})
	resp, body := get(t, srv, "/api/v1/whatif/experiments?limit=5")
	var got gen.Experiments
	if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK || len(got.Experiments) != 0 { // the only dependency is known
		t.Errorf("%s %s", resp.Status, body)
	}
	if resp, _ := get(t, srv, "/api/v1/whatif/experiments?limit=0"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("limit 0: %s", resp.Status)
	}
}

func TestObjectives(t *testing.T) {
	srv := serve(t, &shop{})
	resp, body := get(t, srv, "/api/v1/objectives")
	var got gen.Objectives
	if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK || len(got.Objectives) != 2 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if o := got.Objectives[0]; o.Outlook.Verdict != gen.Infeasible || o.Node == nil || len(o.Dependencies) != 1 || !o.Dependencies[0].Breaks ||
		o.Dependencies[0].Softened.Verdict != gen.Feasible || *o.Achieved != 0.97 {
		t.Errorf("objective %+v", o)
	}
	if o := got.Objectives[1]; o.Outlook.Verdict != gen.Insufficient || o.Node != nil || o.Achieved != nil {
		t.Errorf("objective of nothing %+v", o)
	}
}

func TestChanges(t *testing.T) {
	f := front.ID().String()
	srv := serve(t, &shop{deployed: time.Now().Add(-90 * time.Minute)})
	changes := func(query string) (got gen.Changes) {
		t.Helper()
		resp, body := get(t, srv, "/api/v1/changes"+query)
		if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", query, resp.Status, body)
		}
		return got
	}
	got := changes("")
	if len(got.Items) != 1 || len(got.Versions) != 1 || got.Compared != 4 || got.Window.From.Sub(got.BaseWindow.From) != time.Hour {
		t.Fatalf("%+v", got)
	}
	x := got.Items[0]
	if x.Kind != gen.ChangeKindEdgeNew || x.NodeName != "front" || x.CalleeName != pg.Name || x.After.Value != 20 || x.Edge == nil || len(x.Versions) != 1 || x.Versions[0].To != "2" {
		t.Errorf("%+v", x)
	}
	if got := changes("?limit=1"); got.Truncated != 0 {
		t.Errorf("%d items left out", got.Truncated)
	}
	if same := changes("?from=now-10m&to=now-5m&base_from=now-40m&base_to=now-20m"); len(same.Items) != 0 {
		t.Errorf("after the deploy %+v", same.Items)
	}
	if back := changes("?base_from=now-1h&base_to=now&from=now-4h&to=now-3h"); len(back.Items) != 1 || back.Items[0].Kind != gen.ChangeKindEdgeLost {
		t.Errorf("the other way around %+v", back.Items)
	}
	if one := changes("?version=1&base_version=1&node=" + f); len(one.Items) != 0 || one.Requests != 100 {
		t.Errorf("a version with itself %+v", one)
	}
	for query, want := range map[string]int{
		"?base_from=now-2h": 400, "?node=" + f: 400, "?node=cart&version=1&base_version=2": 400, "?limit=0": 400, "?from=now&to=now-1h": 400, "?step=1": 400,
		"?base_from=now&base_to=now-1h": 400, "?version=2&base_version=1&node=" + f: 404, "?version=2&base_version=1&node=" + back.ID().String(): 404,
	} {
		if resp, body := get(t, srv, "/api/v1/changes"+query); resp.StatusCode != want {
			t.Errorf("%s: %s %s, want %d", query, resp.Status, body, want)
		}
	}
}

func TestFindings(t *testing.T) {
	srv := serve(t, &shop{})
	list := func(query string) (titles string, got gen.Findings) {
		t.Helper()
		resp, body := get(t, srv, "/api/v1/findings"+query)
		if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", query, resp.Status, body)
		}
		for _, f := range got.Findings {
			titles += f.Title + " "
		}
		return strings.TrimSpace(titles), got
	}
	for query, want := range map[string]string{
		"": "critical warning info", "?severity=warning": "critical warning", "?state=resolved": "", "?state=all": "critical warning info",
		"?kind=kind1": "warning", "?kind=kind1.rule": "warning", "?kind=kind": "", "?node=" + front.ID().String(): "critical warning info",
		"?node=00000000000000ff": "", "?limit=1": "critical",
	} {
		if titles, got := list(query); titles != want || got.Counts.Critical != 1 || got.Counts.Warning != 1 || got.Counts.Info != 1 {
			t.Errorf("%s: %q, want %q; counts %+v", query, titles, want, got.Counts)
		}
	}
	for _, query := range []string{"?node=cart", "?severity=bad", "?state=closed", "?limit=0", "?from=now-1h"} {
		if resp, body := get(t, srv, "/api/v1/findings"+query); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %s", query, resp.Status, body)
		}
	}

	id := someFindings()[1].ID()
	resp, body := get(t, srv, "/api/v1/findings/"+id)
	var detail gen.FindingDetail
	if err := json.Unmarshal(body, &detail); err != nil || detail.Finding.Title != "warning" || len(detail.Events) != 1 {
		t.Errorf("%s %s", resp.Status, body)
	}
	if resp, _ := get(t, srv, "/api/v1/findings/none"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown finding: %s", resp.Status)
	}

	mark := func(id, body string, header ...string) (int, string) {
		t.Helper()
		resp, answer := ask(t, srv, http.MethodPost, "/api/v1/findings/"+id+"/mark", body, header...)
		return resp.StatusCode, string(answer)
	}
	if status, body := mark(id, `{"what":"muted","by":"sue","reason":"known"}`); status != http.StatusOK || !strings.Contains(body, `"by":"sue"`) {
		t.Errorf("%d %s", status, body)
	}
	if titles, got := list(""); titles != "critical info" || got.Counts.Warning != 0 {
		t.Errorf("with one muted: %q %+v", titles, got.Counts)
	}
	if titles, got := list("?muted=true"); titles != "critical warning info" || got.Findings[1].Mark == nil {
		t.Errorf("muted ones included: %q", titles)
	}
	if status, _ := mark(id, `{"what":"none"}`); status != http.StatusOK {
		t.Errorf("taken back: %d", status)
	}
	if titles, _ := list(""); titles != "critical warning info" {
		t.Errorf("with the mute taken back: %q", titles)
	}
	for body, want := range map[string]int{
		`{"what":"muted"}`: 400, `{"what":"gone"}`: 400, `{`: 400, `{"what":"none","else":1}`: 400, `{"what":"acknowledged","until":"2099-01-01T00:00:00Z"}`: 400,
		`{"what":"muted","reason":"x","until":"2001-01-01T00:00:00Z"}`: 400, `{"what":"muted","reason":"x","until":"2099-01-01T00:00:00Z"}`: 200,
	} {
		if status, answer := mark(id, body); status != want {
			t.Errorf("%s: %d %s, want %d", body, status, answer, want)
		}
	}
	if status, _ := mark("none", `{"what":"none"}`); status != http.StatusNotFound {
		t.Errorf("mark an unknown finding: %d", status)
	}
	if status, _ := mark(id, `{"what":"none"}`, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("from another site: %d", status)
	}
}

func TestIncidents(t *testing.T) {
	srv := serve(t, &shop{})
	resp, body := get(t, srv, "/api/v1/incidents")
	var got gen.Incidents
	if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK || len(got.Incidents) != 1 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	i := got.Incidents[0]
	if i.Id != "i1" || i.Closed != nil || i.Candidates[0].NodeName != front.Name || i.Members[0].Bad != 12 || len(i.Path) != 1 || i.Entries[0].Bad != 12 {
		t.Errorf("%+v", i)
	}
	if resp, _ := get(t, srv, "/api/v1/incidents?state=open"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown parameter: %s", resp.Status)
	}
}

func TestAudit(t *testing.T) {
	srv := serve(t, &shop{})
	for query, want := range map[string][2]int{"": {2, 1}, "?node=" + front.ID().String(): {1, 1}, "?node=00000000000000ff": {0, 0}} {
		resp, body := get(t, srv, "/api/v1/audit"+query)
		var got gen.Audit
		if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK || len(got.Services) != want[0] || len(got.Sites) != want[1] {
			t.Fatalf("%s: %s %s", query, resp.Status, body)
		}
		if want[1] == 0 {
			continue
		}
		c := got.Sites[0].Checks[0]
		if c.State != "risk" || c.Repair == "" || c.Says != "No pause at all before 40 retries." || c.Level != 2 || c.Trace == nil || c.Bound != nil || c.Sites != nil {
			t.Errorf("%+v", c)
		}
		if b := got.Sites[0].Checks[1].Bound; b == nil || *b != 300 {
			t.Errorf("bound %v", b)
		}
		s := got.Services[0]
		if query == "" && (s.Level != 1 || s.Missing[0] != "backoff" || s.Checks[0].Sites.Risk != 1 || s.Checks[0].Says != "Missing at 1 of 3 call sites." || s.Checks[1].Nodes[0].Name != front.Name) {
			t.Errorf("%+v", s)
		}
	}
	for _, query := range []string{"?limit=0", "?node=cart", "?node=" + front.ID().String() + "&from=now"} {
		if resp, body := get(t, srv, "/api/v1/audit"+query); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %s", query, resp.Status, body)
		}
	}
}

func TestHotspots(t *testing.T) {
	srv := serve(t, &shop{})
	resp, body := get(t, srv, "/api/v1/hotspots?limit=1")
	var got gen.Hotspots
	if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK || len(got.Hotspots) != 1 || got.Truncated != 1 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if h := got.Hotspots[0]; h.Node != call.Callee.String() || h.Fragility < 50 || len(h.Parts) != 8 {
		t.Errorf("%+v", h)
	}
	resp, body = get(t, srv, "/api/v1/hotspots?node="+front.ID().String())
	if err := json.Unmarshal(body, &got); err != nil || len(got.Hotspots) != 1 || got.Hotspots[0].Node != front.ID().String() || got.Truncated != 0 {
		t.Errorf("of one node: %s %s", resp.Status, body)
	}
	if resp, _ := get(t, srv, "/api/v1/hotspots?node=front"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("of no node: %s", resp.Status)
	}
	if resp, _ := get(t, srv, "/api/v1/hotspots?limit=0"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a limit of 0: %s", resp.Status)
	}
}

func TestWhatIf(t *testing.T) {
	srv := serve(t, &shop{})
	f, callee := front.ID().String(), call.Callee.String()
	for question, want := range map[string]float64{
		`{"kind":"down","node":"` + f + `"}`:                             1,
		`{"kind":"errors","node":"` + f + `","share":0.5}`:               0.5,
		`{"kind":"cut","node":"` + f + `","callee":"` + callee + `"}`:    1,
		`{"kind":"soften","node":"` + f + `","callee":"` + callee + `"}`: 0,
		`{"kind":"slow","node":"` + f + `","delay_ms":100}`:              0,
	} {
		resp, body := ask(t, srv, http.MethodPost, "/api/v1/whatif", `{"actions":[`+question+`]}`)
		var got gen.WhatIfAnswer
		if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK || math.Abs(got.Fails-want) > 0.15 {
			t.Errorf("%s: %s %s, want %v", question, resp.Status, body, want)
		}
	}
	for question, want := range map[string]int{
		`{"kind":"down","node":"00000000000000ff"}`: 404, `{"kind":"down","node":"x"}`: 400, `{"kind":"burn","node":"` + f + `"}`: 400,
		`{"kind":"down","node":"` + f + `","share":1}`: 400, `{"kind":"errors","node":"` + f + `"}`: 400, `{"kind":"slow","node":"` + f + `"}`: 400,
		`{"kind":"cut","node":"` + f + `"}`: 400, ``: 400, `{"kind":"down","node":"` + f + `","else":1}`: 400,
	} {
		resp, body := ask(t, srv, http.MethodPost, "/api/v1/whatif", `{"actions":[`+question+`]}`)
		if resp.StatusCode != want {
			t.Errorf("%s: %s %s, want %d", question, resp.Status, body, want)
		}
	}
}

var page = fstest.MapFS{
	"index.html":         {Data: []byte("<!doctype html><title>Faultline</title>")},
	"assets/app-abc1.js": {Data: []byte("console.log(1)")},
}

func serve(t *testing.T, s *shop, change ...func(*api.Config)) *httptest.Server {
	t.Helper()
	cfg := api.DefaultConfig()
	for _, f := range change {
		f(&cfg)
	}
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(New(ctx, cfg, Dependencies{
		Reader: s, Analyst: analyst{map[string]finding.Mark{}}, UI: page, Metrics: http.NotFoundHandler(), Tracer: noop.NewTracerProvider().Tracer(""),
		Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	}))
	t.Cleanup(func() { cancel(); srv.Close() })
	return srv
}

// contract checks requests and answers against docs/api/openapi.yaml.
var contract = sync.OnceValue(func() routers.Router {
	doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI)
	if err != nil {
		panic(err)
	}
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		panic(err)
	}
	return r
})

// get asks for a path under /api/v1 and holds the answer against the contract.
func get(t *testing.T, srv *httptest.Server, path string, header ...string) (*http.Response, []byte) {
	t.Helper()
	return ask(t, srv, http.MethodGet, path, "", header...)
}

// ask sends any request, likewise.
func ask(t *testing.T, srv *httptest.Server, method, path, content string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if content != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(path, "/api/v1/") {
		relative := req.Clone(t.Context())
		relative.URL.Scheme, relative.URL.Host = "", ""
		route, params, err := contract().FindRoute(relative)
		if err != nil {
			t.Fatalf("%s is not in the contract: %v", path, err)
		}
		in := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: relative, PathParams: params, Route: route},
			Status:                 resp.StatusCode, Header: resp.Header, Options: &openapi3filter.Options{IncludeResponseStatus: true},
		}
		in.SetBodyBytes(body)
		if err := openapi3filter.ValidateResponse(t.Context(), in); err != nil {
			t.Errorf("%s %s: the answer breaks the contract: %v\n%s", method, path, err, body)
		}
	}
	return resp, body
}

func TestEveryAnswerKeepsTheContract(t *testing.T) {
	srv := serve(t, &shop{})
	f, e := front.ID().String(), call.String()
	tests := map[string]int{
		"/api/v1/graph": 200,
		"/api/v1/graph?from=now-2h&to=now-1h&environment=prod&namespace=shop&type=service&type=database": 200,
		"/api/v1/graph?from=2026-01-02T15:04:05Z&to=2026-01-02T16:04:05%2B01:00":                         400, // to is before from
		"/api/v1/graph?focus=" + f + "&depth=2&queues=collapse&self=true&limit=1":                        200,
		"/api/v1/graph?focus=00000000000000ff":                                                           404,
		"/api/v1/graph?focus=cart":                                                                       400,
		"/api/v1/graph?depth=2":                                                                          400,
		"/api/v1/graph?depth=x":                                                                          400,
		"/api/v1/graph?limit=0":                                                                          400,
		"/api/v1/graph?type=disk":                                                                        400,
		"/api/v1/graph?queues=maybe":                                                                     400,
		"/api/v1/graph?form=now-1h":                                                                      400,
		"/api/v1/graph?from=yesterday":                                                                   400,
		"/api/v1/graph?from=now-9999d":                                                                   400,
		"/api/v1/graph?from=now-15&to=now":                                                               400,
		"/api/v1/nodes":                                                                                  200,
		"/api/v1/nodes?limit=2":                                                                          200,
		"/api/v1/nodes?limit=2&cursor=2":                                                                 200,
		"/api/v1/nodes?limit=2&cursor=-1":                                                                400,
		"/api/v1/nodes?limit=5000":                                                                       400,
		"/api/v1/nodes/" + f:                                                                             200,
		"/api/v1/nodes/00000000000000ff":                                                                 404,
		"/api/v1/nodes/front":                                                                            400,
		"/api/v1/nodes/" + f + "?deep=1":                                                                 400,
		"/api/v1/nodes/" + f + "/operations":                                                             200,
		"/api/v1/nodes/00000000000000ff/operations":                                                      404,
		"/api/v1/edges/" + e:                                                                             200,
		"/api/v1/edges/" + strings.Replace(e, "http", "grpc", 1):                                         404,
		"/api/v1/edges/front-back":                                                                       400,
		"/api/v1/series?node=" + f:                                                                       200,
		"/api/v1/series?node=" + f + "&operation=GET%20/&from=now-6h":                                    200,
		"/api/v1/series?edge=" + e + "&step=30s":                                                         200,
		"/api/v1/series?edge=" + e + "&step=1s":                                                          400,
		"/api/v1/series?edge=" + e + "&node=" + f:                                                        400,
		"/api/v1/series?edge=" + e + "&operation=x":                                                      400,
		"/api/v1/series":                                                                                 400,
		"/api/v1/nodes/" + f + "/outcomes":                                                               200,
		"/api/v1/nodes/" + f + "/outcomes?from=now-2h&to=now-1h":                                         200,
		"/api/v1/nodes/" + back.ID().String() + "/outcomes":                                              200,
		"/api/v1/nodes/" + pg.ID().String() + "/outcomes":                                                200,
		"/api/v1/nodes/00000000000000ff/outcomes":                                                        404,
		"/api/v1/nodes/front/outcomes":                                                                   400,
		"/api/v1/nodes/" + f + "/outcomes?deep=1":                                                        400,
		"/api/v1/traces":                                                                                 200,
		"/api/v1/traces?edge=" + e + "&outcome=failed&limit=5&from=now-1h":                               200,
		"/api/v1/traces?outcome=ok":                                                                      200,
		"/api/v1/traces?node=" + f + "&outcome=failed":                                                   200,
		"/api/v1/traces?node=" + f + "&edge=" + e:                                                        400,
		"/api/v1/traces?node=front":                                                                      400,
		"/api/v1/traces?outcome=maybe":                                                                   400,
		"/api/v1/traces?edge=front-back":                                                                 400,
		"/api/v1/traces?limit=0":                                                                         400,
		"/api/v1/traces?limit=1000":                                                                      400,
		"/api/v1/traces?service=front":                                                                   400,
		"/api/v1/traces/ab000000000000000000000000000001":                                                200,
		"/api/v1/traces/AB000000000000000000000000000001":                                                200,
		"/api/v1/traces/ab000000000000000000000000000002":                                                404,
		"/api/v1/traces/ab":                                                                              400,
		"/api/v1/traces/zz000000000000000000000000000001":                                                400,
		"/api/v1/traces/00000000000000000000000000000000":                                                400,
		"/api/v1/traces/ab000000000000000000000000000001?from=now-1h":                                    400,
		"/api/v1/pipeline":                                                                               200,
		"/api/v1/pipeline?from=now-2h&to=now-1h&limit=1":                                                 200,
		"/api/v1/pipeline?limit=0":                                                                       400,
		"/api/v1/pipeline?replica=a":                                                                     400,
		"/api/v1/events?x=1":                                                                             400,
	}
	for path, want := range tests {
		resp, body := get(t, srv, path)
		if resp.StatusCode != want {
			t.Errorf("GET %s: %d, want %d: %s", path, resp.StatusCode, want, body)
		}
		if want >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET %s: a problem of type %s", path, resp.Header.Get("Content-Type"))
		}
	}
}

func TestGraphNumbers(t *testing.T) {
	srv := serve(t, &shop{})
	_, body := get(t, srv, "/api/v1/graph")
	var g struct {
		TotalNodes int `json:"total_nodes"`
		Edges      []struct {
			Caller, Callee string
			Calls, Failed  int64
			Weighted       float64  `json:"calls_weighted"`
			Interval       float64  `json:"calls_interval"`
			Known          bool     `json:"sampling_known"`
			P50            *float64 `json:"p50_ms"`
			ServerP50      *float64 `json:"server_p50_ms"`
		}
	}
	if err := json.Unmarshal(body, &g); err != nil {
		t.Fatal(err)
	}
	e := g.Edges[0]
	if g.TotalNodes != 3 || e.Caller != front.ID().String() || e.Calls != 50 || e.Failed != 5 || e.Weighted != 200 || !e.Known {
		t.Errorf("%+v", e)
	}
	// 1.96 · √(Σw² − Σw) = 1.96 · √(800 − 200)
	if e.Interval < 48 || e.Interval > 48.1 {
		t.Errorf("interval %g, want 48.01", e.Interval)
	}
	if *e.P50 < 29.3 || *e.P50 > 30.7 || *e.ServerP50 < 14.6 || *e.ServerP50 > 15.4 {
		t.Errorf("p50 %g and %g, want 30 and 15 within 2.2 %%", *e.P50, *e.ServerP50)
	}
	if g.Edges[1].P50 != nil {
		t.Errorf("p50 %g of an edge without durations", *g.Edges[1].P50)
	}
	if _, again := get(t, srv, "/api/v1/graph"); string(again) != string(body) && now.Equal(time.Now().UTC().Truncate(graph.Step)) {
		t.Error("the same question has two answers")
	}
}

// read asks for a path and reads the answer into v.
func read[T any](t *testing.T, srv *httptest.Server, path string) (v T) {
	t.Helper()
	resp, body := get(t, srv, path)
	if resp.StatusCode != 200 {
		t.Fatalf("GET %s: %d %s", path, resp.StatusCode, body)
	}
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return v
}

func TestOutcomesOfCallSites(t *testing.T) {
	srv := serve(t, &shop{})
	o := read[gen.Outcomes](t, srv, "/api/v1/nodes/"+front.ID().String()+"/outcomes")
	if len(o.Requests) != 1 || o.Requests[0].Requests != 100 || *o.Requests[0].FailedShare != 0.06 {
		t.Errorf("requests as a whole: %+v", o.Requests)
	}
	if len(o.AsCaller) != 1 || len(o.AsCallee) != 0 || len(o.Nodes) != 3 {
		t.Fatalf("%d call sites, %d of others, %d nodes", len(o.AsCaller), len(o.AsCallee), len(o.Nodes))
	}
	s := o.AsCaller[0] // both versions
	if s.Callee != back.ID().String() || s.Requests != 50 || s.Fatal != 4 || s.Survived != 5 || *s.FailedShare != 0.08 || *s.Amplification != 1.2 || s.TimedOut != 3 {
		t.Errorf("call site: %+v", s)
	}
	if want := "ab000000000000000000000000000001"; s.FatalTrace == nil || *s.FatalTrace != want || s.SurvivedTrace == nil || *s.SurvivedTrace != want {
		t.Errorf("example traces %v and %v", s.FatalTrace, s.SurvivedTrace)
	}
	if o := read[gen.Outcomes](t, srv, "/api/v1/nodes/"+back.ID().String()+"/outcomes"); len(o.AsCallee) != 1 || len(o.AsCaller) != 1 || o.AsCaller[0].Amplification != nil {
		t.Errorf("of the callee: %+v", o)
	}
}

func TestTraceAsWaterfall(t *testing.T) {
	srv := serve(t, &shop{})
	got := read[gen.Trace](t, srv, "/api/v1/traces/ab000000000000000000000000000001")
	if got.DurationMs != 2.2 || got.Failed != 2 || got.Why != gen.WhyError || len(got.Nodes) != 2 || len(got.Spans) != 3 {
		t.Fatalf("%+v", got)
	}
	s := got.Spans[1]
	if s.Depth != 1 || s.StartMs != 0.1 || s.Service != "front" || *s.ParentId != "0000000000000001" || !slices.Equal(s.Outcomes, []gen.SpanOutcome{"failed", "timed_out"}) {
		t.Errorf("%+v", s)
	}
	if s.Call == nil || s.Call.CalleeName != "back" || s.Call.Edge == nil || *s.Call.Edge != call.String() {
		t.Errorf("call %+v", s.Call)
	}
	if s := got.Spans[2]; s.Call != nil || len(s.Outcomes) != 0 || s.Depth != 2 {
		t.Errorf("%+v", s)
	}
	if _, body := get(t, srv, "/api/v1/traces/ab"); !strings.Contains(string(body), "32, all hex digits") {
		t.Errorf("no help with a short id: %s", body)
	}
}

func TestTraceQuery(t *testing.T) {
	s := &shop{}
	srv := serve(t, s)
	list := read[gen.Traces](t, srv, "/api/v1/traces?edge="+call.String()+"&outcome=failed&limit=7")
	if q := s.asked; q.Caller != front.ID() || q.Callee != back.ID() || q.Failed == nil || !*q.Failed || q.Limit != 7 {
		t.Errorf("asked %+v", q)
	}
	if len(list.Traces) != 1 || list.Traces[0].Service != "front" || list.Traces[0].DurationMs != 2.2 {
		t.Errorf("%+v", list.Traces)
	}
	read[gen.Traces](t, srv, "/api/v1/traces?edge="+front.ID().String()+"-"+back.ID().String())
	if q := s.asked; q.Caller != front.ID() || q.Callee != back.ID() {
		t.Errorf("asked %+v", q)
	}
	if _, body := get(t, srv, "/api/v1/traces?edge="+front.ID().String()+"-x"); !strings.Contains(string(body), "not of the form") {
		t.Errorf("no help with half an edge: %s", body)
	}
	read[gen.Traces](t, srv, "/api/v1/traces")
	if q := s.asked; q.Caller != 0 || q.Failed != nil || q.Limit != 20 {
		t.Errorf("asked %+v", q)
	}
	read[gen.Traces](t, srv, "/api/v1/traces?order=slowest&node="+back.ID().String())
	if q := s.asked; q.Node != back.ID() || q.Caller != 0 || !q.Slowest {
		t.Errorf("asked %+v", q)
	}
}

func TestPipeline(t *testing.T) {
	srv := serve(t, &shop{})
	p := read[gen.Pipeline](t, srv, "/api/v1/pipeline")
	if len(p.Replicas) != 1 || p.Replicas[0].State != gen.Reporting {
		t.Fatalf("%+v", p.Replicas)
	}
	if m := p.Total["accepted_spans"]; m.Kind != gen.Counter || m.Value != 1899 || *m.PerSecond < 0.99 || *m.PerSecond > 1.01 {
		t.Errorf("899 spans in 899 s: %+v", m)
	}
	if m := p.Total["journal_bytes"]; m.Kind != gen.Gauge || m.Value != 5 || m.PerSecond != nil {
		t.Errorf("journal %+v", m)
	}
	if m := p.Total["something_new"]; m.Value != 3 {
		t.Errorf("a value of no known name: %+v", m)
	}
	d := p.Doctor
	if d.Halves != 228 || d.Paired != 90 || d.Other != 138 || d.Unaccounted != 0 || d.TotalServices != 3 {
		t.Errorf("doctor %+v", d)
	}
	var got []string
	for _, s := range d.Services {
		for _, f := range s.Findings {
			got = append(got, fmt.Sprint(s.Node.Name, " ", f.Reason, " ", f.Severity, " ", f.Halves))
		}
	}
	if want := []string{"front client_without_peer bad 5", " partner_not_seen bad 3"}; !slices.Equal(got, want) {
		t.Errorf("findings %q, want %q", got, want)
	}
	if cut := read[gen.Pipeline](t, srv, "/api/v1/pipeline?limit=1").Doctor; len(cut.Services) != 1 || cut.TotalServices != 3 || cut.TruncatedBy != "limit" {
		t.Errorf("%d of %d services, truncated by %q", len(cut.Services), cut.TotalServices, cut.TruncatedBy)
	}
	// At the end of a window in the past, the last report was as fresh as it is now.
	if old := read[gen.Pipeline](t, srv, "/api/v1/pipeline?from=now-2h&to=now-1h"); old.Replicas[0].State != gen.Reporting {
		t.Errorf("an hour ago: %+v", old.Replicas[0])
	}
}

func TestETag(t *testing.T) {
	srv := serve(t, &shop{})
	const question = "/api/v1/graph?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z"
	first, _ := get(t, srv, question)
	tag := first.Header.Get("ETag")
	second, body := get(t, srv, question, "If-None-Match", tag)
	if second.StatusCode != http.StatusNotModified || len(body) != 0 {
		t.Errorf("with its own ETag %s: %d and %d bytes", tag, second.StatusCode, len(body))
	}
	if other, _ := get(t, srv, question, "If-None-Match", `W/"0"`); other.StatusCode != 200 {
		t.Errorf("with another ETag: %d", other.StatusCode)
	}
}

func TestLastGoodGraphWhileStorageIsAway(t *testing.T) {
	s := &shop{}
	srv := serve(t, s)
	get(t, srv, "/api/v1/graph?from=now-1h")
	s.set(func() { s.down = errors.New("dial tcp: connection refused") })
	resp, body := get(t, srv, "/api/v1/graph?from=now-1h")
	if resp.StatusCode != 200 || !strings.Contains(string(body), `"stale":true`) {
		t.Errorf("asked again: %d %s", resp.StatusCode, body)
	}
	resp, body = get(t, srv, "/api/v1/graph?from=now-2h")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || strings.Contains(string(body), "dial tcp") {
		t.Errorf("a new question: %d, Retry-After %q, %s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
	if resp, _ := get(t, srv, "/readyz"); resp.StatusCode != 503 {
		t.Errorf("/readyz %d", resp.StatusCode)
	}
	if resp, _ := get(t, srv, "/livez"); resp.StatusCode != 200 {
		t.Errorf("/livez %d", resp.StatusCode)
	}
}

func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	s := &shop{hold: make(chan struct{})}
	srv := serve(t, s)
	const question = "/api/v1/graph?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z"
	var wg sync.WaitGroup
	answers := make(chan int, 20)
	for range 20 {
		wg.Go(func() {
			resp, err := http.Get(srv.URL + question)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			answers <- resp.StatusCode
		})
	}
	for asked := 0; asked == 0; { // somebody has asked; the others join or come after
		s.set(func() { asked = s.graphs })
	}
	time.AfterFunc(200*time.Millisecond, func() { close(s.hold) })
	wg.Wait()
	if s.graphs > 3 {
		t.Errorf("storage was asked %d times for 20 equal questions", s.graphs)
	}
	for range 20 {
		if code := <-answers; code != 200 {
			t.Errorf("status %d", code)
		}
	}
}

func TestBulkhead(t *testing.T) {
	s := &shop{hold: make(chan struct{})}
	srv := serve(t, s, func(c *api.Config) { c.Concurrent, c.Deadline = 1, 200*time.Millisecond })
	defer close(s.hold)
	codes := make(chan int, 2)
	for i := range 2 {
		go func() {
			resp, err := http.Get(fmt.Sprintf("%s/api/v1/graph?from=now-%dh", srv.URL, i+1))
			if err != nil {
				t.Error(err)
				codes <- 0
				return
			}
			resp.Body.Close()
			codes <- resp.StatusCode
		}()
	}
	for range 2 {
		if code := <-codes; code != 503 {
			t.Errorf("status %d while storage hangs, want 503", code)
		}
	}
}

func TestEvents(t *testing.T) {
	s := &shop{changed: time.Unix(1_800_000_000, 0)}
	srv := serve(t, s, func(c *api.Config) { c.EventStreams = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		return ""
	}
	if got := next(); got != `{"at":"2027-01-15T08:00:00Z"}` {
		t.Errorf("first event %q", got)
	}
	s.set(func() { s.changed = s.changed.Add(time.Minute) })
	if got := next(); got != `{"at":"2027-01-15T08:01:00Z"}` {
		t.Errorf("second event %q", got)
	}
	if more, _ := get(t, srv, "/api/v1/events"); more.StatusCode != 503 {
		t.Errorf("one stream more than allowed: %d", more.StatusCode)
	}
}

func TestUserInterface(t *testing.T) {
	srv := serve(t, &shop{})
	tests := map[string]struct {
		status int
		kind   string
		cache  string
	}{
		"/":                     {200, "text/html", "no-cache"},
		"/map?from=now-1h":      {200, "text/html", "no-cache"},
		"/pipeline":             {200, "text/html", "no-cache"},
		"/assets/app-abc1.js":   {200, "text/javascript", "immutable"},
		"/assets/app-old.js":    {404, "application/problem+json", ""},
		"/api/v1/nothing":       {404, "application/problem+json", ""},
		"/api":                  {404, "application/problem+json", ""},
		"/openapi.yaml":         {200, "application/yaml", ""},
		"/../../../etc/passwd":  {200, "text/html", "no-cache"},
		"/nodes/0123456789abcd": {200, "text/html", "no-cache"},
	}
	for path, tt := range tests {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status || !strings.HasPrefix(resp.Header.Get("Content-Type"), tt.kind) ||
			!strings.Contains(resp.Header.Get("Cache-Control"), tt.cache) {
			t.Errorf("GET %s: %d %s, Cache-Control %q; want %+v", path, resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Cache-Control"), tt)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("GET %s: without security headers", path)
		}
	}
}

func BenchmarkGraphJSON(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			r := &large{nodes: n}
			h := New(b.Context(), api.DefaultConfig(), Dependencies{
				Reader: r, Analyst: analyst{}, UI: page, Metrics: http.NotFoundHandler(), Tracer: noop.NewTracerProvider().Tracer(""),
				Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
			})
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/graph", nil))
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}

// large is a shop of many services, five edges each.
type large struct {
	shop
	nodes int
	made  graph.Graph
}

func (l *large) Graph(context.Context, string, graph.Window) (graph.Graph, error) {
	if l.made.Nodes == nil {
		var ids []graph.NodeID
		for i := range l.nodes {
			n := graph.Node{Type: graph.TypeService, Name: fmt.Sprintf("service-%d", i)}
			ids = append(ids, n.ID())
			l.made.Nodes = append(l.made.Nodes, graph.NodeStats{Node: n, Stats: stats(100, time.Millisecond)})
		}
		for i := range 5 * l.nodes {
			k := graph.EdgeKey{Caller: ids[i%l.nodes], Callee: ids[(i*7+1)%l.nodes], Protocol: "http", Mode: graph.Sync}
			l.made.Edges = append(l.made.Edges, graph.Edge{EdgeKey: k, Stats: stats(20, time.Millisecond)})
		}
	}
	return l.made, nil
}

func TestWrongMethod(t *testing.T) {
	srv := serve(t, &shop{})
	for path, want := range map[string]string{"/api/v1/whatif": "POST", "/api/v1/graph": "GET"} {
		method := http.MethodDelete
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != want || !strings.Contains(string(body), "DELETE is not possible here; "+want+" is.") {
			t.Errorf("%s %s: %d, Allow %q, %s", method, path, res.StatusCode, res.Header.Get("Allow"), body)
		}
	}
}

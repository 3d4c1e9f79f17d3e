package analysis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/analysis/audit"
	"faultline/analysis/calibration"
	"faultline/analysis/cascade"
	"faultline/analysis/change"
	"faultline/analysis/declare"
	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/analysis/slo"
	"faultline/graph"
)

// shop is a store with minutes that a test adds.
type shop struct {
	rows        []graph.OutcomeRow
	nodes       []graph.NodeStats
	past        []graph.NodeStats // instead of nodes, in a window that ended some time ago
	calls       []graph.CallSiteRow
	requests    []graph.OperationRow
	down        bool
	findings    map[string]finding.Finding
	events      []finding.Event
	marks       map[string]finding.Mark
	memories    []dependency.Memory
	incidents   []cascade.Incident
	predictions []calibration.Prediction
	reports     []graph.PipelineRow
}

func (s *shop) Pipeline(_ context.Context, w graph.Window) (reports []graph.PipelineRow, err error) {
	for _, r := range s.reports {
		if !r.At.Before(w.From) && r.At.Before(w.To) {
			reports = append(reports, r)
		}
	}
	return reports, nil
}

func newShop() *shop {
	return &shop{
		nodes: []graph.NodeStats{{Node: web}, {Node: pg}}, past: []graph.NodeStats{{Node: web}, {Node: pg}}, findings: map[string]finding.Finding{}, marks: map[string]finding.Mark{},
	}
}

var (
	web = graph.Node{Type: graph.TypeService, Name: "web"}
	pg  = graph.Node{Type: graph.TypeDatabase, Name: "pg"}
)

func (s *shop) OutcomeSeries(_ context.Context, _ string, w graph.Window, _ *graph.Buffer[graph.OutcomeRow]) (rows []graph.OutcomeRow, err error) {
	if s.down {
		return nil, errors.New("connection refused")
	}
	for _, r := range s.rows {
		if !r.Bucket.Before(w.From) && r.Bucket.Before(w.To) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func (s *shop) OutcomeCounts(ctx context.Context, tenant string, w graph.Window, callers []graph.NodeID) (sums []graph.OutcomeRow, err error) {
	rows, err := s.OutcomeSeries(ctx, tenant, w, nil)
	for _, r := range rows {
		if !slices.Contains(callers, r.Caller) {
			continue
		}
		at := slices.IndexFunc(sums, func(o graph.OutcomeRow) bool {
			return o.Caller == r.Caller && o.Operation == r.Operation && o.Callee == r.Callee
		})
		if at < 0 {
			sums = append(sums, graph.OutcomeRow{Caller: r.Caller, Operation: r.Operation, Callee: r.Callee})
			at = len(sums) - 1
		}
		sums[at].Add(&r.OutcomeStats)
	}
	return sums, err
}

func (s *shop) Memories(context.Context, string) ([]dependency.Memory, error) { return s.memories, nil }

func (s *shop) WriteMemories(_ context.Context, _ string, memories []dependency.Memory) error {
	s.memories = memories
	return nil
}

func (s *shop) Incidents(context.Context, string, int) ([]cascade.Incident, error) {
	return slices.Clone(s.incidents), nil
}

func (s *shop) WriteIncidents(_ context.Context, _ string, _ time.Time, incidents []cascade.Incident) error {
	for _, i := range incidents {
		s.incidents = slices.DeleteFunc(s.incidents, func(known cascade.Incident) bool { return known.ID == i.ID })
		var stored cascade.Incident // what a database gives back is what was written, and no more
		if body, err := json.Marshal(&i); err != nil || json.Unmarshal(body, &stored) != nil {
			return fmt.Errorf("write %+v: %w", i, err)
		}
		s.incidents = append(s.incidents, stored)
	}
	slices.SortFunc(s.incidents, func(a, b cascade.Incident) int { return b.Started.Compare(a.Started) })
	return nil
}

func (s *shop) Predictions(context.Context, string, int) ([]calibration.Prediction, error) {
	return s.predictions, nil
}

func (s *shop) WritePredictions(_ context.Context, _ string, p []calibration.Prediction) error {
	s.predictions = append(s.predictions, p...)
	return nil
}

func (s *shop) CallSiteRows(_ context.Context, _ string, w graph.Window, step time.Duration, _ *graph.Buffer[graph.CallSiteRow]) (rows []graph.CallSiteRow, err error) {
	for _, r := range s.calls {
		if !r.Bucket.Before(w.From) && r.Bucket.Before(w.To) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func (s *shop) OperationRows(_ context.Context, _ string, w graph.Window, _ time.Duration, _ *graph.Buffer[graph.OperationRow]) (rows []graph.OperationRow, err error) {
	for _, r := range s.requests {
		if !r.Bucket.Before(w.From) && r.Bucket.Before(w.To) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// ChangedBuckets does not know.
func (*shop) ChangedBuckets(context.Context, string, graph.Window, time.Duration) (map[int64]time.Duration, error) {
	return nil, nil
}

func (s *shop) Slots(_ context.Context, _ string, starts []time.Time, _ graph.Window, _ int) (slots []change.Slot, err error) {
	for _, start := range starts {
		of := map[change.Series]*change.Slot{}
		for at := start; at.Before(start.Add(change.SlotLength)); at = at.Add(time.Minute) {
			w := graph.Window{From: at, To: at.Add(time.Minute)}
			rows, _ := s.CallSiteRows(context.Background(), "", w, time.Minute, nil)
			for _, r := range rows {
				add(of, change.Series{Node: r.Caller, Operation: r.CallerOperation, Callee: r.Callee}, start, at, &r.Stats)
			}
			requests, _ := s.OperationRows(context.Background(), "", w, time.Minute, nil)
			for _, r := range requests {
				add(of, change.Series{Node: r.Node, Operation: r.Operation}, start, at, &r.Stats)
			}
		}
		for _, slot := range of {
			slots = append(slots, *slot)
		}
	}
	return slots, nil
}

// add counts a row in the slot of its series; rows of one minute follow each other.
func add(of map[change.Series]*change.Slot, s change.Series, start, at time.Time, stats *graph.Stats) {
	slot := of[s]
	if slot == nil {
		slot = &change.Slot{Series: s, Start: start}
		of[s] = slot
	}
	for len(slot.Calls) <= int(at.Sub(start)/time.Minute) {
		slot.Calls, slot.Failed = append(slot.Calls, 0), append(slot.Failed, 0)
	}
	last := len(slot.Calls) - 1
	slot.Calls[last] += stats.Calls
	slot.Failed[last] += stats.Failed
}

func (s *shop) Graph(_ context.Context, _ string, w graph.Window) (graph.Graph, error) {
	if w.To.Sub(w.From) > 24*time.Hour {
		return graph.Graph{Nodes: s.past}, nil
	}
	return graph.Graph{Nodes: s.nodes}, nil
}

func (s *shop) Findings(context.Context, string) ([]finding.Finding, error) {
	return slices.Collect(maps.Values(s.findings)), nil
}

func (s *shop) WriteFindings(_ context.Context, _ string, _ time.Time, findings []finding.Finding, events []finding.Event) error {
	for _, f := range findings {
		s.findings[f.ID()] = f
	}
	s.events = append(s.events, events...)
	return nil
}

func (s *shop) FindingEvents(_ context.Context, _, id string) (events []finding.Event, err error) {
	for _, e := range s.events {
		if e.ID == id {
			events = append(events, e)
		}
	}
	return events, nil
}

func (s *shop) FindingMarks(context.Context, string) ([]finding.Mark, error) {
	return slices.Collect(maps.Values(s.marks)), nil
}

func (s *shop) MarkFinding(_ context.Context, _ string, m finding.Mark) error {
	s.marks[m.ID] = m
	return nil
}

// minute is one in which the database failed n requests, and each failed with it.
func (s *shop) minute(at time.Time, n int64) {
	s.rows = append(s.rows,
		graph.OutcomeRow{Bucket: at, Caller: web.ID(), Operation: "GET /", OutcomeStats: graph.OutcomeStats{Requests: 100, Failed: n, Clean: 100 - n}},
		graph.OutcomeRow{Bucket: at, Caller: web.ID(), Operation: "GET /", Callee: pg.ID(), OutcomeStats: graph.OutcomeStats{
			Requests: 100, Failed: n, Calls: 100, Attempts: 100, FailedAttempts: n, TotalFatal: n, Blamed: n,
		}})
}

func TestEngine(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	s := newShop()
	for i := range 60 {
		s.minute(now.Truncate(time.Minute).Add(time.Duration(i-60)*time.Minute), 0)
	}
	e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	e.now = func() time.Time { return now }
	verdict := func() dependency.Verdict {
		t.Helper()
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := e.Report()
		if len(r.Sites) != 1 || len(r.Edges) != 1 || r.Nodes[pg.ID()].Name != "pg" || !r.At.Equal(now) {
			t.Fatalf("report %+v", r)
		}
		return r.Sites[0].Verdict
	}
	if !e.Report().At.IsZero() {
		t.Error("a report before the first look")
	}
	if v := verdict(); v != dependency.Unknown {
		t.Errorf("%s without a failure", v)
	}
	// A minute grows while it lasts, and rows of one that was read come late.
	s.minute(now.Truncate(time.Minute), 1)
	verdict()
	s.rows = s.rows[:len(s.rows)-2]
	s.minute(now.Truncate(time.Minute), 6)
	if v := verdict(); v != dependency.Hard {
		t.Errorf("%s after 6 failures that took the caller down", v)
	}
	if n := e.Report().Sites[0].Evidence.TotalFatal; n != 6 {
		t.Errorf("%d failures counted, want 6: minutes that are read again must replace themselves", n)
	}
	// With the store away the last report stands.
	s.down = true
	now = now.Add(time.Minute)
	if err := e.look(t.Context()); err == nil {
		t.Error("no error with the store away")
	}
	if len(e.Report().Sites) != 1 {
		t.Error("the last report is gone")
	}
	s.down = false
	if v := verdict(); v != dependency.Hard {
		t.Errorf("%s when the store is back", v)
	}
}

// A service that dies leaves calls to an address; they count as its own from the first one on.
func TestDeadServiceKeepsItsName(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	cart := graph.Node{Type: graph.TypeService, Name: "cart"}
	address := graph.Node{Type: graph.TypeExternal, Name: "10.0.0.7:8080"}
	call := func(to graph.Node, calls, failed int64, basis graph.Basis) graph.CallSiteRow {
		r := graph.CallSiteRow{Bucket: now.Truncate(time.Minute), EdgeKey: graph.EdgeKey{Caller: web.ID(), Callee: to.ID()}, CalleeOperation: "GET /cart", Basis: basis}
		r.Calls, r.Failed = calls, failed
		return r
	}
	s := newShop()
	s.nodes = append(s.nodes, graph.NodeStats{Node: cart})
	s.calls = []graph.CallSiteRow{call(cart, 100, 0, graph.ByKinds)}
	s.minute(now.Truncate(time.Minute), 0)
	s.rows[1].Callee = cart.ID()
	e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	e.now = func() time.Time { return now }
	for _, alive := range []bool{true, false} {
		if !alive {
			now = now.Add(time.Minute)
			s.minute(now.Truncate(time.Minute), 6)
			s.rows[3].Callee = address.ID()
			s.nodes = append(s.nodes, graph.NodeStats{Node: address})
			s.calls = append(s.calls, call(address, 6, 6, graph.ByVirtual))
		}
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r := e.Report()
	if len(r.Sites) != 1 || len(r.Edges) != 1 || r.Sites[0].Callee != cart.ID() || r.Sites[0].Verdict != dependency.Hard || r.Sites[0].Evidence.TotalFatal != 6 {
		t.Errorf("dependencies %+v", r.Sites)
	}
	if s.rows[3].Callee != address.ID() {
		t.Error("the rows of the store were changed")
	}
}

// A finding outlives the engine that found it, and what people said about it holds for all engines.
func TestFindingsAreKept(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	s := newShop()
	s.minute(now.Truncate(time.Minute).Add(-time.Minute), 6)
	look := func() (*Engine, finding.Finding) {
		t.Helper()
		e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		e.now = func() time.Time { return now }
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(e.Report().Findings); n != 1 {
			t.Fatalf("%d findings", n)
		}
		return e, e.Report().Findings[0]
	}
	first, hard := look()
	if hard.Kind != "dependency.hard" || hard.State != finding.Open || hard.Title != "GET / of web fails when pg does" {
		t.Errorf("finding %+v", hard)
	}
	if err := first.Mark(t.Context(), finding.Mark{ID: hard.ID(), What: finding.Acknowledged, By: "sue"}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Minute)
	second, same := look()
	if same.ID() != hard.ID() || !same.First.Equal(hard.First) || same.Openings != 1 {
		t.Errorf("after a restart %+v, before %+v", same, hard)
	}
	if m := second.Report().Marks[hard.ID()]; m.By != "sue" || m.At.IsZero() {
		t.Errorf("mark %+v", m)
	}
	events, err := second.Events(t.Context(), hard.ID())
	if err != nil || len(events) != 1 || events[0].What != finding.EventOpened {
		t.Errorf("events %+v, %v", events, err)
	}
}

// An objective that a dependency breaks is a finding that names it, and so is one about nothing.
func TestObjectives(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	s := newShop()
	for i := range 60 {
		s.minute(now.Truncate(time.Minute).Add(time.Duration(i-60)*time.Minute), int64(i/59)*30)
	}
	e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	e.now = func() time.Time { return now }
	e.Expect(Expectations{Objectives: []slo.Objective{{Service: "web", Target: 99.9}, {Service: "web", Target: 99, Operation: "GET /"}, {Service: "gone", Target: 99}}})
	for range 2 {
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r := e.Report()
	var got []slo.Verdict
	for _, a := range r.Objectives {
		got = append(got, a.Verdict)
	}
	if !slices.Equal(got, []slo.Verdict{slo.Infeasible, slo.Feasible, slo.Insufficient}) {
		t.Fatalf("verdicts %v of %+v", got, r.Objectives)
	}
	if a := r.Objectives[0]; a.Requests != 6000 || math.Abs(a.Dependencies[0].Takes-0.005*a.Dependencies[0].Hardness) > 1e-12 || !a.Dependencies[0].Breaks {
		t.Errorf("assessment %+v", a)
	}
	kinds := map[string]int{}
	for _, f := range r.Findings {
		kinds[f.Kind]++
	}
	if kinds["slo.infeasible"] != 1 || kinds["slo.unmatched"] != 1 {
		t.Errorf("findings %v", kinds)
	}
}

// Which services there are is known some time after a start; until then no objective is said to be about nothing.
func TestObjectivesWaitForNames(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	tests := map[string]struct {
		past  []graph.NodeStats // seen in the last days, though not of late
		looks int
		want  []string
	}{
		"nothing is stored":                       {looks: 12},
		"it was quiet for some hours":             {past: []graph.NodeStats{{Node: web}, {Node: pg}}, looks: 12, want: []string{"gone"}},
		"the store is new, and things are called": {looks: int(moreAgain/(15*time.Second)) + 2*structureEvery, want: []string{"gone"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now := start
			s := newShop()
			e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			e.now = func() time.Time { return now }
			e.Expect(Expectations{Objectives: []slo.Objective{{Service: "web", Target: 99.9}, {Service: "gone", Target: 99}}})
			for i := range tt.looks {
				s.past = tt.past
				s.nodes = []graph.NodeStats{{Node: pg}} // named before the service that calls it
				if i >= 8 {
					s.nodes = append(s.nodes, graph.NodeStats{Node: web})
					s.minute(now.Truncate(time.Minute), 0)
				}
				if now.Sub(start) > moreAgain {
					s.past = s.nodes
				}
				if err := e.look(t.Context()); err != nil {
					t.Fatal(err)
				}
				now = now.Add(15 * time.Second)
				s.rows = s.rows[:0]
			}
			told := map[string]bool{}
			for _, f := range s.findings {
				if f.Kind == "slo.unmatched" {
					service, _, _ := strings.Cut(f.Key, "/")
					told[service] = true
				}
			}
			if got := slices.Sorted(maps.Keys(told)); !slices.Equal(got, tt.want) {
				t.Errorf("said to be about nothing: %v, want %v", got, tt.want)
			}
		})
	}
}

// What somebody declared stands where little was seen; where what was seen disagrees, that is a finding which says who declared what.
func TestDeclarations(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	look := func(failures int64) *Report {
		t.Helper()
		s := newShop()
		s.minute(now.Truncate(time.Minute).Add(-2*time.Minute), failures)
		s.minute(now.Truncate(time.Minute).Add(-time.Minute), failures)
		e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		e.now = func() time.Time { return now }
		e.Expect(Expectations{Declarations: []declare.Declaration{{Caller: "web", Callee: "p*", Criticality: "soft", Basis: "declared", By: "team web", Comment: "there is a cache."}}})
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		return e.Report()
	}
	quiet := look(0)
	if s := quiet.Sites[0]; s.Verdict != dependency.Soft || s.Basis != dependency.Declared || s.Disagrees || len(quiet.Findings) != 0 {
		t.Errorf("without a failure: %+v, findings %v", s, quiet.Findings)
	}
	want := []declare.Declaration{{Caller: "web", Callee: "pg", Criticality: "soft", Basis: "declared", Comment: "there is a cache.", By: "team web"}}
	if got := quiet.Declarations(); !slices.Equal(got, want) {
		t.Errorf("exported %+v", got)
	}
	r := look(4)
	if s := r.Sites[0]; !s.Disagrees || s.Inferred != dependency.Hard {
		t.Errorf("with fatal failures: %+v", s)
	}
	i := slices.IndexFunc(r.Findings, func(f finding.Finding) bool { return f.Kind == "dependency.declared" })
	if i < 0 {
		t.Fatalf("findings %+v", r.Findings)
	}
	f := r.Findings[i]
	if f.Title != "pg is declared a soft dependency of web and behaves as a hard one in GET /" || !strings.HasPrefix(f.Detail, "It is declared soft by team web: there is a cache. ") || f.Facts[0].Value != 8 {
		t.Errorf("finding %+v", f)
	}
}

// Evidence outlives the engine, also when the minutes that it came from are no longer read.
func TestEvidenceIsRemembered(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	s := newShop()
	s.minute(now.Truncate(time.Minute).Add(-time.Minute), 6)
	cfg := DefaultConfig()
	cfg.History = time.Hour
	engine := func() *Engine {
		e := New(cfg, "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		e.now = func() time.Time { return now }
		return e
	}
	e := engine()
	for range 40 { // until the minute is final, and remembered
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
		s.minute(now.Truncate(time.Minute), 0)
	}
	if len(s.memories) == 0 {
		t.Fatal("nothing was remembered")
	}
	now = now.Add(3 * time.Hour)
	s.rows = nil
	s.minute(now.Truncate(time.Minute), 0)
	later := engine()
	if err := later.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := later.Report()
	if len(r.Sites) != 1 || r.Sites[0].Verdict != dependency.Hard || r.Sites[0].Evidence.TotalFatal != 6 {
		t.Fatalf("after a restart: %+v", r.Sites)
	}
	if !r.Since.Before(now.Add(-3 * time.Hour)) {
		t.Errorf("evidence since %s", r.Since)
	}

	s.memories[0].Data = []byte("{}") // of another release
	fresh := engine()
	if err := fresh.look(t.Context()); err != nil || len(fresh.Report().Sites) != 1 || fresh.Report().Sites[0].Evidence.TotalFatal != 0 {
		t.Errorf("with memories that cannot be read: %+v, %v", fresh.Report().Sites, err)
	}
}

// Incidents of an earlier process are still told, as over.
func TestIncidentsAreTold(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	s := newShop()
	s.incidents = []cascade.Incident{{ID: "i", Started: now.Add(-time.Hour), LastIll: now.Add(-50 * time.Minute)}}
	e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	e.now = func() time.Time { return now }
	for range 2 {
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := e.Report().Incidents; len(got) != 1 || got[0].ID != "i" || !got[0].Closed.Equal(got[0].LastIll) {
			t.Errorf("incidents %+v", got)
		}
	}
	if len(s.incidents) != 1 {
		t.Errorf("%d incidents stored", len(s.incidents))
	}
}

// TestAudit looks again and again while minutes pass: each is audited once, when it is final, and what is missing
// is a finding.
func TestAudit(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	s := newShop()
	for i := range 70 {
		at := start.Add(time.Duration(i-60) * time.Minute)
		s.rows = append(s.rows, graph.OutcomeRow{Bucket: at, Caller: web.ID(), Operation: "GET /", OutcomeStats: graph.OutcomeStats{Requests: 100}},
			graph.OutcomeRow{Bucket: at, Caller: web.ID(), Operation: "GET /", Callee: pg.ID(), OutcomeStats: graph.OutcomeStats{
				Requests: 100, Calls: 100, Attempts: 110, Tries: graph.Histogram{{Index: graph.IndexOf(9 * time.Microsecond), N: 1}},
			}})
		for j := range 6 {
			bucket := at.Add(time.Duration(j) * graph.Step)
			s.calls = append(s.calls, graph.CallSiteRow{
				Bucket: bucket, EdgeKey: graph.EdgeKey{Caller: web.ID(), Callee: pg.ID(), Mode: graph.Sync}, CallerOperation: "GET /", Stats: graph.Stats{Calls: 17},
			})
			s.requests = append(s.requests, graph.OperationRow{Bucket: bucket, Node: web.ID(), Operation: "GET /", Stats: graph.Stats{Calls: 17}})
		}
	}
	e := New(DefaultConfig(), "default", s, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	now := start
	e.now = func() time.Time { return now }
	for ; !now.After(start.Add(6 * time.Minute)); now = now.Add(15 * time.Second) {
		if err := e.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r := e.Report()
	if len(r.Audit.Sites) != 1 || len(r.Audit.Services) != 1 || r.Audit.Services[0].Node != web.ID() {
		t.Fatalf("audit %+v", r.Audit)
	}
	c, _ := r.Audit.Sites[0].Check(audit.Retries)
	// An hour before the start, less the two minutes in which calls may still come, and then as time passes.
	if c.State != audit.Risk || c.Value != 9 || c.Evidence < 63 || c.Evidence > 64 {
		t.Errorf("%+v", c)
	}
	if share := r.Audit.Sites[0].Share; share < 0.95 || share > 1 {
		t.Errorf("share %.2f: a bucket was missed, or taken in twice", share)
	}
	if !slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.Kind == "audit.retries" && f.Severity == finding.Warning }) {
		t.Errorf("findings %+v", r.Findings)
	}
}

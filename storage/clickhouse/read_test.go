package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

func read(t *testing.T, s *Store, from, to time.Time) graph.Graph {
	t.Helper()
	g, err := s.Graph(t.Context(), tenant, graph.Window{From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Rates are over the time in which there can be something: from the first calls on, in a window in which they lie.
func TestGraphSaysSinceWhen(t *testing.T) {
	s := open(t)
	w := graph.Window{From: t0.Add(-10 * time.Minute), To: t0.Add(10 * time.Minute)}
	if g := read(t, s, w.From, w.To); !g.Since.Equal(w.From) {
		t.Errorf("nothing was seen at all: since %s, want the begin of the window, %s", g.Since, w.From)
	}
	first := t0.Add(5*time.Minute + 20*time.Second)
	write(t, s, graph.Block{Token: "1", Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart)}, CallSites: []graph.CallSiteRow{callSite(first, key(web, cart), calls(5, 0))}})
	for name, tt := range map[string]struct{ from, want time.Time }{
		"the first calls lie in it": {w.From, first},
		"they lie before it":        {first.Add(10 * time.Second), first.Add(10 * time.Second)},
	} {
		if g := read(t, s, tt.from, w.To); !g.Since.Equal(tt.want) {
			t.Errorf("%s: since %s, want %s", name, g.Since, tt.want)
		}
	}
	if g, err := s.Graph(t.Context(), "another", w); err != nil || !g.Since.Equal(w.From) {
		t.Errorf("another tenant: since %s, %v", g.Since, err)
	}
}

func TestGraph(t *testing.T) {
	s := open(t)
	toRedis := key(cart, redis)
	write(t, s, graph.Block{
		Token: "1", Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart), nodeRow(redis), nodeRow(user)},
		CallSites: []graph.CallSiteRow{
			callSite(t0, key(user, web), calls(10, 0)), callSite(t0, key(web, cart), calls(8, 2)), callSite(t0, toRedis, calls(20, 1)),
			callSite(t0.Add(graph.Step), key(web, cart), calls(1, 0)),
		},
		Operations: []graph.OperationRow{operation(t0, web, calls(10, 2)), operation(t0, cart, calls(9, 0))},
	})
	g := read(t, s, t0.Add(3*time.Second), t0.Add(12*time.Second))
	if want := (graph.Window{From: t0, To: t0.Add(20 * time.Second)}); g.Window != want || g.Step != graph.Step {
		t.Errorf("window %v of steps of %s, want %v moved outward to 10 s", g.Window, g.Step, want)
	}
	got := map[string][2]int64{}
	for _, n := range g.Nodes {
		got[n.Name] = [2]int64{n.Calls, n.Failed}
	}
	// A service speaks for itself; redis only through its callers; a user is called by nobody.
	want := map[string][2]int64{"web": {10, 2}, "cart": {9, 0}, "redis": {20, 1}, "user": {0, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls and failures of nodes (-want +got):\n%s", diff)
	}
	if g.Edges[0].EdgeKey != toRedis || g.Edges[2].Calls != 9 || g.Edges[2].Failed != 2 {
		t.Errorf("edges %+v, want the busiest first", g.Edges)
	}
	if p, _ := g.Edges[2].Client.Quantile(0.5); p < 97*time.Millisecond || p > 103*time.Millisecond {
		t.Errorf("p50 %s, want 100 ms", p)
	}
	if diff := cmp.Diff(g, read(t, s, t0.Add(3*time.Second), t0.Add(12*time.Second))); diff != "" {
		t.Errorf("the same window twice differs:\n%s", diff)
	}
}

func TestCorrectionsTakeCallsBack(t *testing.T) {
	s := open(t)
	nodes := []graph.NodeRow{nodeRow(web), nodeRow(cart), nodeRow(redis)}
	write(t, s, graph.Block{Token: "1", Nodes: nodes, CallSites: []graph.CallSiteRow{callSite(t0, key(web, redis), calls(3, 1))}})
	write(t, s, graph.Block{Token: "2", CallSites: []graph.CallSiteRow{
		callSite(t0, key(web, redis), calls(-3, -1)), callSite(t0, key(web, cart), calls(3, 1)),
	}})
	g := read(t, s, t0, t0.Add(time.Minute))
	if len(g.Edges) != 1 || g.Edges[0].EdgeKey != key(web, cart) || g.Edges[0].Calls != 3 {
		t.Errorf("edges %+v, want web → cart with 3 calls only", g.Edges)
	}
	for _, n := range g.Nodes {
		if n.Name == "redis" {
			t.Error("redis is in the graph although all calls to it were taken back")
		}
	}
}

// TestEveryWindowIsExact asks for windows of every length and place. Whatever tiers answer, they must count
// just what was stored in the buckets of the window that they say they answer for.
func TestEveryWindowIsExact(t *testing.T) {
	s := open(t)
	r := rand.New(rand.NewPCG(1, 1))
	stored := map[time.Time]int64{}
	for block := range 6 {
		b := graph.Block{Token: fmt.Sprint(block), Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart)}}
		for range 120 {
			at := floor(t0.Add(time.Hour-time.Duration(r.Int64N(int64(60*time.Hour)))), graph.Step)
			n := 1 + r.Int64N(5)
			stored[at] += n
			b.CallSites = append(b.CallSites, callSite(at, key(web, cart), calls(n, 0)))
		}
		write(t, s, b)
	}
	for range 60 {
		length := time.Duration(1 + r.Int64N(int64(50*time.Hour)))
		if r.IntN(2) == 0 {
			length = time.Duration(1 + r.Int64N(int64(2*time.Hour)))
		}
		from := t0.Add(time.Hour - length - time.Duration(r.Int64N(int64(8*time.Hour))))
		g := read(t, s, from, from.Add(length))
		if g.Window.From.After(from) || g.Window.To.Before(from.Add(length)) {
			t.Fatalf("asked for %s + %s, answered for %v", from, length, g.Window)
		}
		var want, got int64
		for at, n := range stored {
			if !at.Before(g.Window.From) && at.Before(g.Window.To) {
				want += n
			}
		}
		for _, e := range g.Edges {
			got += e.Calls
		}
		if got != want {
			t.Fatalf("%v: %d calls, want %d", g.Window, got, want)
		}
	}
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	s := open(t)
	row := callSite(t0, key(web, cart), calls(3, 0))
	row.Tenant = "somebody else"
	write(t, s, graph.Block{Token: "1", CallSites: []graph.CallSiteRow{row}})
	if g := read(t, s, t0, t0.Add(time.Minute)); len(g.Edges) != 0 || len(g.Nodes) != 0 {
		t.Errorf("another tenant's graph is seen: %+v", g)
	}
}

func TestOperationsCallSitesAndSeries(t *testing.T) {
	s := open(t)
	write(t, s, graph.Block{
		Token: "1", Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart), nodeRow(redis)},
		CallSites: []graph.CallSiteRow{
			callSite(t0, key(web, cart), calls(8, 2)), callSite(t0.Add(30*time.Second), key(web, cart), calls(1, 0)),
			callSite(t0, key(cart, redis), calls(5, 0)),
		},
		Operations: []graph.OperationRow{operation(t0, cart, calls(9, 2))},
	})
	w := graph.Window{From: t0, To: t0.Add(time.Minute)}
	ops, _, err := s.Operations(t.Context(), tenant, w, cart.ID())
	if err != nil || len(ops) != 1 || ops[0].Operation != "GET /cart" || ops[0].Version != "1.2" || ops[0].Calls != 9 {
		t.Errorf("operations %+v, %v", ops, err)
	}
	sites, _, err := s.CallSites(t.Context(), tenant, w, key(web, cart))
	if err != nil || len(sites) != 1 || sites[0].CallerOperation != "GET /" || sites[0].Calls != 9 {
		t.Errorf("call sites %+v, %v", sites, err)
	}
	series := func(points []graph.Point, err error) (counts []int64) {
		if err != nil {
			t.Error(err)
		}
		for _, p := range points {
			counts = append(counts, p.Calls)
		}
		return counts
	}
	for name, tt := range map[string]struct{ got, want []int64 }{
		"edge":      {series(s.EdgeSeries(t.Context(), tenant, w, graph.Step, key(web, cart))), []int64{8, 0, 0, 1, 0, 0}},
		"service":   {series(s.NodeSeries(t.Context(), tenant, w, 30*time.Second, cart.ID())), []int64{9, 0}},
		"inferred":  {series(s.NodeSeries(t.Context(), tenant, w, 30*time.Second, redis.ID())), []int64{5, 0}},
		"operation": {series(s.OperationSeries(t.Context(), tenant, w, time.Minute, cart.ID(), "GET /cart")), []int64{9}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("series of the %s (-want +got):\n%s", name, diff)
		}
	}

	unknown := service("nobody")
	_, _, errOps := s.Operations(t.Context(), tenant, w, unknown.ID())
	_, _, errSites := s.CallSites(t.Context(), tenant, w, key(unknown, cart))
	_, errSeries := s.EdgeSeries(t.Context(), tenant, w, graph.Step, key(unknown, cart))
	for _, err := range []error{errOps, errSites, errSeries} {
		if !errors.Is(err, graph.ErrNotFound) {
			t.Errorf("of what nobody has seen: %v, want ErrNotFound", err)
		}
	}
}

func TestNamesWithEveryKindOfCharacterSurvive(t *testing.T) {
	s := open(t)
	odd := service("tab\tquote'back\\slash\nünïcode \x00 {x:String}")
	row := operation(t0, odd, calls(1, 0))
	row.Operation = "GET\t'\\"
	write(t, s, graph.Block{
		Token: "1", Nodes: []graph.NodeRow{nodeRow(odd)}, Operations: []graph.OperationRow{row},
		CallSites: []graph.CallSiteRow{callSite(t0, key(odd, odd), calls(1, 0))},
	})
	w := graph.Window{From: t0, To: t0.Add(time.Minute)}
	g := read(t, s, w.From, w.To)
	if len(g.Nodes) != 1 || g.Nodes[0].Name != odd.Name {
		t.Errorf("nodes %+v", g.Nodes)
	}
	if points, err := s.OperationSeries(t.Context(), tenant, w, time.Minute, odd.ID(), row.Operation); err != nil || points[0].Calls != 1 {
		t.Errorf("series of %q: %+v, %v", row.Operation, points, err)
	}
}

func TestChanged(t *testing.T) {
	s := open(t)
	if at, err := s.Changed(t.Context(), tenant); err != nil || !at.IsZero() {
		t.Errorf("nothing stored: %s, %v", at, err)
	}
	write(t, s, shop("1"))
	at, err := s.Changed(t.Context(), tenant)
	if err != nil || time.Since(at) > time.Minute || time.Since(at) < -time.Minute {
		t.Errorf("stored just now, said %s, %v", at, err)
	}
}

func TestChangedBuckets(t *testing.T) {
	s := open(t)
	w := graph.Window{From: t0, To: t0.Add(time.Minute)}
	if ago, err := s.ChangedBuckets(t.Context(), tenant, w, graph.Step); err != nil || ago == nil || len(ago) > 0 {
		t.Errorf("nothing stored: %v, %v", ago, err)
	}
	write(t, s, graph.Block{Token: "1", CallSites: []graph.CallSiteRow{
		callSite(t0.Add(-graph.Step), key(web, cart), calls(1, 0)), callSite(t0, key(web, cart), calls(8, 2)), callSite(t0.Add(30*time.Second), key(web, cart), calls(1, 0)),
	}})
	first, err := s.ChangedBuckets(t.Context(), tenant, w, graph.Step)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(ago map[int64]time.Duration) (buckets []int) {
		for at, ago := range ago {
			if ago < 0 || ago > time.Minute {
				t.Errorf("stored %s ago", ago)
			}
			buckets = append(buckets, int(time.Unix(at, 0).Sub(t0)/time.Second))
		}
		slices.Sort(buckets)
		return buckets
	}
	mustEqual(t, "buckets of calls", []int{0, 30}, changed(first))
	write(t, s, graph.Block{Token: "2", Operations: []graph.OperationRow{operation(t0.Add(30*time.Second), cart, calls(4, 0)), operation(t0.Add(50*time.Second), cart, calls(4, 0))}})
	second, err := s.ChangedBuckets(t.Context(), tenant, w, graph.Step)
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "buckets of calls and requests", []int{0, 30, 50}, changed(second))
	write(t, s, graph.Block{Token: "3", Outcomes: []graph.OutcomeRow{{Tenant: tenant, Bucket: t0, Caller: web.ID(), Operation: "GET /", OutcomeStats: graph.OutcomeStats{Requests: 1}}}})
	minutes, err := s.ChangedBuckets(t.Context(), tenant, w, graph.OutcomeStep)
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "minutes with outcomes", []int{0}, changed(minutes))
	if _, err := s.ChangedBuckets(t.Context(), tenant, w, time.Hour); err == nil {
		t.Error("when hours changed was told")
	}
	at := t0.Unix()
	if first[at] != first[at+30] {
		t.Errorf("rows of one block were stored %s and %s ago", first[at], first[at+30])
	}
	for _, bucket := range []int64{30, 50} {
		if second[at+bucket] >= second[at] {
			t.Errorf("bucket %d was stored %s ago, and that of the block before %s ago", bucket, second[at+bucket], second[at])
		}
	}
}

func TestMigrateByManyAtOnce(t *testing.T) {
	cfg := testConfig(t)
	var wg sync.WaitGroup
	for range 8 {
		s := openWith(t, cfg)
		wg.Go(func() {
			if err := s.Migrate(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := openWith(t, cfg)
	write(t, s, shop("1"))
	mustCount(t, s, 60)
}

func TestMigrateLeavesRetentionThatIsAsConfigured(t *testing.T) {
	s := open(t)
	var log bytes.Buffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	if err := s.Migrate(t.Context()); err != nil || log.Len() > 0 {
		t.Errorf("the second time: %v\n%s", err, &log)
	}
	s.cfg.Retention.Traces = time.Hour
	if err := s.Migrate(t.Context()); err != nil || strings.Count(log.String(), "retention set") != 1 {
		t.Errorf("with another retention of traces: %v\n%s", err, &log)
	}
	kept := number[string](t, s, "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'spans'")
	if !strings.Contains(kept, "TTL toDateTime(start) + toIntervalSecond(3600) ") {
		t.Errorf("engine of spans: %s", kept)
	}
}

func TestMigrateRefusesANewerSchema(t *testing.T) {
	s := open(t)
	exec(t, s, "INSERT INTO schema_migrations SELECT 9999 AS version, * EXCEPT version FROM schema_migrations LIMIT 1")
	if err := s.Migrate(t.Context()); err == nil {
		t.Error("a schema of a later release was accepted")
	} else {
		t.Log(err)
	}
}

func TestCancelledQuestionsEnd(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Graph(ctx, tenant, graph.Window{From: t0, To: t0.Add(time.Hour)}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled question: %v", err)
	}
}

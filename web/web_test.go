package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

	spec "faultline/docs/api"
	"faultline/graph"
	"faultline/web/api"
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
	hold    chan struct{} // when set, Graph waits until it is closed
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
	return graph.Graph{
		Window: graph.Window{From: w.From.Truncate(graph.Step), To: w.To.Truncate(graph.Step)}, Step: graph.Step,
		Nodes: []graph.NodeStats{
			{Node: front, LastSeen: now, Stats: stats(100, 40*time.Millisecond)},
			{Node: back, LastSeen: now, Stats: stats(50, 20*time.Millisecond)},
			{Node: pg, LastSeen: now, Stats: stats(30, time.Millisecond)},
		},
		Edges: []graph.Edge{
			{EdgeKey: call, Basis: graph.ByKinds, LastSeen: now, Stats: stats(50, 30*time.Millisecond)},
			{EdgeKey: query, Basis: graph.ByVirtual, LastSeen: now, Stats: graph.Stats{Calls: 30}},
		},
	}, s.state()
}

func (s *shop) Operations(_ context.Context, _ string, w graph.Window, id graph.NodeID) ([]graph.OperationStats, graph.Window, error) {
	if id != front.ID() {
		return nil, w, fmt.Errorf("node %s: %w", id, graph.ErrNotFound)
	}
	return []graph.OperationStats{{Operation: "GET /", Version: "1", Stats: stats(100, 40*time.Millisecond)}}, w, s.state()
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

func (s *shop) Changed(context.Context, string) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed, s.down
}

func (s *shop) Ping(context.Context) error { return s.state() }

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
		Reader: s, UI: page, Metrics: http.NotFoundHandler(), Tracer: noop.NewTracerProvider().Tracer(""),
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
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
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
			t.Errorf("GET %s: the answer breaks the contract: %v\n%s", path, err, body)
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
				Reader: r, UI: page, Metrics: http.NotFoundHandler(), Tracer: noop.NewTracerProvider().Tracer(""),
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

package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/zeebo/xxh3"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"faultline/graph"
	"faultline/graph/match"
	"faultline/ingest/exchange"
	"faultline/ingest/journal"
	"faultline/ingest/otlp"
)

// WritePipeline keeps nothing.
func (l *blockLog) WritePipeline(context.Context, graph.PipelineRow) error { return nil }

// blockLog keeps blocks as a store would: one of each token. While down it keeps nothing.
type blockLog struct {
	mu       sync.Mutex
	down     bool
	attempts []string
	blocks   map[string]graph.Block
}

func (l *blockLog) Write(_ context.Context, b graph.Block) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts = append(l.attempts, b.Token)
	if l.down {
		return errors.New("connection refused")
	}
	if l.blocks == nil {
		l.blocks = map[string]graph.Block{}
	}
	l.blocks[b.Token] = b
	return nil
}

func (l *blockLog) setDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

// calls sums the calls a → b over all blocks.
func (l *blockLog) calls() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.blocks {
		for _, r := range b.CallSites {
			if r.Caller == node("a").ID() && r.Callee == node("b").ID() {
				n += r.Calls
			}
		}
	}
	return n
}

func node(name string) graph.Node { return graph.Node{Type: graph.TypeService, Name: name} }

var decoder = otlp.NewDecoder(otlp.DefaultDecodeConfig())

// batch holds n calls a → b, as it comes from the door.
func batch(t *testing.T, n int) *otlp.Batch {
	t.Helper()
	return decode(t, body(n), time.Now())
}

func decode(t *testing.T, wire []byte, now time.Time) *otlp.Batch {
	t.Helper()
	b, err := decoder.Decode("default", otlp.Body{Received: now, Wire: wire, Hash: otlp.Hash(xxh3.Hash128(wire).Bytes())}, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// body is an export request with n calls a → b, each of a trace of its own.
func body(n int) []byte { return bodyOf([2]string{"a", "b"}, n) }

// bodyOf is the same with other services.
func bodyOf(pair [2]string, n int) []byte {
	td := ptrace.NewTraces()
	scopes := map[string]ptrace.SpanSlice{}
	for _, name := range pair {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", name)
		scopes[name] = rs.ScopeSpans().AppendEmpty().Spans()
	}
	for range n {
		next++
		trace := pcommon.TraceID{1, byte(next), byte(next >> 8), byte(next >> 16)}
		at := time.Now()
		for i, name := range pair {
			s := scopes[name].AppendEmpty()
			s.SetTraceID(trace)
			s.SetSpanID(pcommon.SpanID{byte(i + 1)})
			if i == 1 {
				s.SetParentSpanID(pcommon.SpanID{1})
				if failing {
					s.Status().SetCode(ptrace.StatusCodeError)
				}
			}
			s.SetKind(ptrace.SpanKindServer)
			s.SetName([]string{"x", "y"}[i])
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(at.Add(-time.Second)))
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(at))
		}
	}
	wire, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		panic(err)
	}
	return wire
}

var (
	next    int
	failing bool // the calls of body fail
)

// place is where the service of a test keeps its journal.
func place(t *testing.T) Config {
	cfg := DefaultConfig()
	cfg.Journal.Dir, cfg.Journal.Fsync, cfg.Journal.KeepFree = t.TempDir(), journal.Off, 0
	return cfg
}

// start runs a Service on w; stop ends it and returns what Run returned.
func start(t *testing.T, cfg Config, w Writer) (s *Service, reg *prometheus.Registry, stop func() error) {
	t.Helper()
	return startOne(t, cfg, w, nil)
}

// startOne runs one of several Services that meet in log.
func startOne(t *testing.T, cfg Config, w Writer, log exchange.Store) (s *Service, reg *prometheus.Registry, stop func() error) {
	t.Helper()
	reg = prometheus.NewRegistry()
	j, err := journal.Open(cfg.Journal, slog.New(slog.DiscardHandler), reg)
	if err != nil {
		t.Fatal(err)
	}
	s = New(cfg, j, decoder, w, log, "test", slog.New(slog.DiscardHandler), reg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, reg, func() error { cancel(); return errors.Join(<-done, j.Close()) }
}

func TestFlushAndDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &blockLog{}
		s, _, stop := start(t, place(t), w)
		if err := s.Consume(t.Context(), batch(t, 3)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		if n := w.calls(); n != 3 {
			t.Errorf("%d calls stored after one flush, want 3", n)
		}
		if err := s.Consume(t.Context(), batch(t, 4)); err != nil {
			t.Fatal(err)
		}
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if n := w.calls(); n != 7 {
			t.Errorf("%d calls stored after stopping, want 7", n)
		}
	})
}

func TestDatabaseAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &blockLog{down: true}
		s, _, stop := start(t, place(t), w)
		for range 60 { // a minute without a database, traffic all the while
			if err := s.Consume(t.Context(), batch(t, 10)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		w.setDown(false)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if n := w.calls(); n != 600 {
			t.Errorf("%d calls stored after the database came back, want 600", n)
		}
		first := w.attempts[0]
		if w.attempts[1] != first {
			t.Errorf("the second attempt has token %s, want the token of the block that failed, %s", w.attempts[1], first)
		}
		if len(w.attempts) > 40 {
			t.Errorf("%d attempts in a minute: no backoff", len(w.attempts))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestStoppingWithoutADatabase: what could not be stored is stored after the next start.
func TestStoppingWithoutADatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, w := place(t), &blockLog{down: true}
		s, _, stop := start(t, cfg, w)
		if err := s.Consume(t.Context(), batch(t, 5)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		begin := time.Now()
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if took := time.Since(begin); took > 3*cfg.DrainTimeout {
			t.Errorf("stopping took %s", took)
		}
		w.setDown(false)
		_, _, stop = start(t, cfg, w)
		time.Sleep(10 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if n := w.calls(); n != 5 {
			t.Errorf("%d calls stored after the next start, want 5", n)
		}
	})
}

// TestSlowDatabase: rows have their bound; what comes beyond waits in the journal, until that has its own.
func TestSlowDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := place(t)
		cfg.MaxRows = 50
		cfg.Journal.SegmentBytes, cfg.Journal.MaxBytes = 16<<10, 128<<10
		w := &blockLog{down: true}
		s, _, stop := start(t, cfg, w)
		sent, err := int64(0), error(nil)
		for range 2000 {
			if err = s.Consume(t.Context(), batch(t, 1)); err != nil {
				break
			}
			sent++
			time.Sleep(time.Second)
			if rows := s.rows.Load(); rows > int64(cfg.MaxRows)+20 {
				t.Fatalf("%d rows in memory, %d allowed", rows, cfg.MaxRows)
			}
		}
		if !errors.Is(err, otlp.ErrOverloaded) {
			t.Fatalf("the journal never was full: %v", err)
		}
		if s.Ready() == nil {
			t.Error("ready although nothing can be kept")
		}
		w.setDown(false)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := w.calls(); n != sent {
			t.Errorf("%d calls stored after the database came back, want %d", n, sent)
		}
		if err := s.Consume(t.Context(), batch(t, 1)); err != nil {
			t.Errorf("still full after the database came back: %v", err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestLostJournal: with the journal's files gone, what comes is not taken for what came.
// TestRestartGoesOn: what is only read again is not waited for as what has to be worked off is.
func TestRestartGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, w := place(t), &blockLog{}
		s, _, stop := start(t, cfg, w)
		for range 120 { // twenty minutes of traffic
			if err := s.Consume(t.Context(), batch(t, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		s, _, stop = start(t, cfg, w)
		if err := s.Consume(t.Context(), batch(t, 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := w.calls(); n != 121 {
			t.Errorf("%d calls stored ten seconds after a restart, want 121", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestLostJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, w := place(t), &blockLog{}
		for run := range int64(3) {
			s, _, stop := start(t, cfg, w)
			if err := s.Consume(t.Context(), batch(t, 4)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if n := w.calls(); n != 4*(run+1) {
				t.Errorf("%d calls stored after run %d, want %d", n, run, 4*(run+1))
			}
			files, err := filepath.Glob(filepath.Join(cfg.Journal.Dir, "*.wal"))
			if err != nil || len(files) == 0 {
				t.Fatalf("files %v, %v", files, err)
			}
			for _, f := range files {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestSumOf(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total"}, []string{"code"})
	reg.MustRegister(c)
	for code, n := range map[string]float64{"200": 100, "503": 7, "UNAVAILABLE": 5, "400": 1} {
		c.WithLabelValues(code).Add(n)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for values, want := range map[string]float64{"503 UNAVAILABLE": 12, "200": 100, "404": 0} {
		if got := sumOf(families[0], "code", values); got != want {
			t.Errorf("%s: %g, want %g", values, got, want)
		}
	}
	if got := sumOf(families[0], "", ""); got != 113 {
		t.Errorf("all: %g, want 113", got)
	}
}

// TestRepeats: a body sent again is acknowledged and counts once, also after a restart; so do its spans in
// another body.
func TestRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, w := place(t), &blockLog{}
		wire := body(7)
		for range 3 {
			s, reg, stop := start(t, cfg, w)
			time.Sleep(time.Second)
			for range 2 {
				if err := s.Consume(t.Context(), decode(t, wire, time.Now())); err != nil {
					t.Fatal(err)
				}
			}
			rebatched := decode(t, wire, time.Now())
			rebatched.Body.Hash[0]++
			if err := s.Consume(t.Context(), rebatched); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			if n, err := testutil.GatherAndCount(reg, "faultline_ingest_duplicates_total"); n != 2 || err != nil {
				t.Errorf("%d series of duplicates, %v", n, err)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
		if n := w.calls(); n != 7 {
			t.Errorf("%d calls stored, want 7", n)
		}
	})
}

func TestServiceGraphMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, stop := start(t, place(t), &blockLog{})
		failing = true
		defer func() { failing = false }()
		b := decode(t, body(1), time.Now())
		failing = false
		if err := s.Consume(t.Context(), batch(t, 1)); err != nil {
			t.Fatal(err)
		}
		if err := s.Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want := `# HELP traces_service_graph_unpaired_spans_total Spans whose other half did not come within the wait.
# TYPE traces_service_graph_unpaired_spans_total counter
traces_service_graph_unpaired_spans_total 0
# HELP traces_service_graph_dropped_spans_total Spans forgotten before their wait was over, for want of room.
# TYPE traces_service_graph_dropped_spans_total counter
traces_service_graph_dropped_spans_total 0
# HELP traces_service_graph_request_total Calls between two nodes, weighted by their sampling probability.
# TYPE traces_service_graph_request_total counter
traces_service_graph_request_total{client="a",client_service_namespace="",connection_type="",server="b",server_service_namespace=""} 2
traces_service_graph_request_total{client="user",client_service_namespace="",connection_type="virtual_node",server="a",server_service_namespace=""} 2
# HELP traces_service_graph_request_failed_total Failed calls between two nodes, weighted likewise.
# TYPE traces_service_graph_request_failed_total counter
traces_service_graph_request_failed_total{client="a",client_service_namespace="",connection_type="",server="b",server_service_namespace=""} 1
traces_service_graph_request_failed_total{client="user",client_service_namespace="",connection_type="virtual_node",server="a",server_service_namespace=""} 0
# HELP traces_service_graph_request_client_seconds`
		var got strings.Builder
		if _, err := s.ServiceGraph().WriteTo(&got); err != nil || !strings.HasPrefix(got.String(), want) {
			t.Errorf("%v\n%s", err, got.String())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Beyond its limit the service graph counts calls on one edge; those of edges that it knows stay told apart.
func TestServiceGraphLimit(t *testing.T) {
	names := match.NewNames(match.DefaultLimits())
	g := newServiceGraph(2)
	m := match.New(match.DefaultConfig(), names, &graphSink{g, names})
	now := time.Now()
	m.Advance(now)
	for round := range byte(2) {
		for i := range byte(5) {
			service := &graph.Service{Node: graph.Node{Type: graph.TypeService, Name: string('a' + rune(i))}}
			s := graph.Span{
				Trace: graph.TraceID{1 + i, round}, ID: graph.SpanID{1}, Start: now.UnixNano(), Weight: 1,
				Shape: &graph.Shape{Service: service, Kind: graph.KindServer, Operation: "GET /"},
			}
			m.Add("default", &s)
		}
	}
	want := `# HELP traces_service_graph_request_total Calls between two nodes, weighted by their sampling probability.
# TYPE traces_service_graph_request_total counter
traces_service_graph_request_total{client="__other__",client_service_namespace="",connection_type="",server="__other__",server_service_namespace=""} 6
traces_service_graph_request_total{client="user",client_service_namespace="",connection_type="virtual_node",server="a",server_service_namespace=""} 2
traces_service_graph_request_total{client="user",client_service_namespace="",connection_type="virtual_node",server="b",server_service_namespace=""} 2
`
	var got strings.Builder
	if _, err := g.WriteTo(&got); err != nil || !strings.Contains(got.String(), want) {
		t.Errorf("%v\n%s", err, got.String())
	}
}

// What is written is what a parser of the format reads, whatever services are called.
func TestServiceGraphText(t *testing.T) {
	g := newServiceGraph(10)
	key := sgKey{client: "a \"b\"\n\\c", server: "d", connection: "database", clientNamespace: "n\xff"}
	s := &sgSeries{requests: 3.5, failed: 1e9}
	s.clientTimes.observe(3*time.Millisecond, 2.5)
	s.clientTimes.observe(time.Minute, 1)
	g.series[key] = s
	var text bytes.Buffer
	if n, err := g.WriteTo(&text); err != nil || n != int64(text.Len()) {
		t.Fatalf("%d bytes of %d: %v", n, text.Len(), err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&text)
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 6 {
		t.Errorf("%d families", len(families))
	}
	metric := families[sgClient].Metric[0]
	labels := map[string]string{}
	for _, l := range metric.Label {
		labels[l.GetName()] = l.GetValue()
	}
	want := map[string]string{"client": key.client, "server": "d", "connection_type": "database", "client_service_namespace": "n\uFFFD", "server_service_namespace": ""}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Error(diff)
	}
	h := metric.GetHistogram()
	if h.GetSampleCount() != 3 || math.Abs(h.GetSampleSum()-60.0075) > 1e-9 || len(h.Bucket) != len(sgBuckets)+1 {
		t.Errorf("%v", h)
	}
	for i, b := range h.Bucket {
		want := uint64(2)
		if i == 0 {
			want = 0
		}
		if i == len(sgBuckets) {
			want = 3
		}
		if b.GetCumulativeCount() != want || i < len(sgBuckets) && b.GetUpperBound() != sgBuckets[i] {
			t.Errorf("bucket %d: %v", i, b)
		}
	}
	if got := families[sgFailed].Metric[0].GetCounter().GetValue(); got != 1e9 {
		t.Errorf("%v failed", got)
	}
}

// BenchmarkServiceGraphText writes as many edges as are told apart by default.
func BenchmarkServiceGraphText(b *testing.B) {
	g := newServiceGraph(10_000)
	for i := range 10_000 {
		s := &sgSeries{requests: float64(i), failed: 1}
		for range 20 {
			s.clientTimes.observe(time.Duration(i)*time.Microsecond, 1)
			s.serverTimes.observe(time.Duration(i/2)*time.Microsecond, 1)
		}
		g.series[sgKey{client: fmt.Sprint("service-", i), server: fmt.Sprint("service-", i/3)}] = s
	}
	b.ReportAllocs()
	for b.Loop() {
		n, err := g.WriteTo(io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(n)
	}
}

// graphSink hands calls to a service graph and nothing else to anybody.
type graphSink struct {
	graph *serviceGraph
	names *match.Names
}

func (s *graphSink) Call(c *match.Call)     { s.graph.count(s.names, c) }
func (*graphSink) Request(*match.Request)   {}
func (*graphSink) Half(*match.Half)         {}
func (*graphSink) Outcome(*match.Outcome)   {}
func (*graphSink) Evidence(*match.Evidence) {}

func TestConfigReportsEveryMistake(t *testing.T) {
	cfg := DefaultConfig()
	cfg.FlushEvery, cfg.MaxRows, cfg.Match.Keep = 0, -1, time.Second
	want := "ingest.flush_every must be positive\ningest.max_rows must be positive\ningest.match.keep must be at least ingest.match.wait"
	if diff := cmp.Diff(want, cfg.Validate().Error()); diff != "" {
		t.Error(diff)
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

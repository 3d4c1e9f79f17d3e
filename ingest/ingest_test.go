package ingest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faultline/graph"
	"faultline/ingest/otlp"
)

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

// batch holds n calls a → b.
func batch(n int) *otlp.Batch {
	a, b := &graph.Service{Node: node("a")}, &graph.Service{Node: node("b")}
	out := &otlp.Batch{Tenant: "default"}
	for range n {
		next++
		trace := graph.TraceID{1, byte(next), byte(next >> 8), byte(next >> 16)}
		at := time.Now().UnixNano()
		out.Spans = append(out.Spans,
			graph.Span{Trace: trace, ID: graph.SpanID{1}, Kind: graph.KindServer, Service: a, Operation: "x", Start: at, Duration: time.Second, Weight: 1},
			graph.Span{Trace: trace, ID: graph.SpanID{2}, Parent: graph.SpanID{1}, Kind: graph.KindServer, Service: b, Operation: "y", Start: at, Duration: time.Second, Weight: 1})
	}
	return out
}

var next int

// start runs a Service on w; stop ends it and returns what Run returned.
func start(t *testing.T, cfg Config, w BlockWriter) (s *Service, reg *prometheus.Registry, stop func() error) {
	reg = prometheus.NewRegistry()
	s = New(cfg, w, slog.New(slog.DiscardHandler), reg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, reg, func() error { cancel(); return <-done }
}

func TestFlushAndDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &blockLog{}
		s, _, stop := start(t, DefaultConfig(), w)
		if err := s.Consume(t.Context(), batch(3)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		if n := w.calls(); n != 3 {
			t.Errorf("%d calls stored after one flush, want 3", n)
		}
		if err := s.Consume(t.Context(), batch(4)); err != nil {
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
		s, _, stop := start(t, DefaultConfig(), w)
		for range 60 { // a minute without a database, traffic all the while
			if err := s.Consume(t.Context(), batch(10)); err != nil {
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

func TestStoppingWithoutADatabaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, stop := start(t, DefaultConfig(), &blockLog{down: true})
		if err := s.Consume(t.Context(), batch(1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		begin := time.Now()
		err := stop()
		if err == nil || !strings.Contains(err.Error(), "store the last") {
			t.Errorf("stop returned %v, want an error about the rows not stored", err)
		}
		if took := time.Since(begin); took > 3*DefaultConfig().DrainTimeout {
			t.Errorf("stopping took %s", took)
		}
	})
}

func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.MaxRows = 5
		w := &blockLog{down: true}
		s, _, stop := start(t, cfg, w)
		var err error
		for range 200 { // each bucket makes new rows until there are too many
			if err = s.Consume(t.Context(), batch(1)); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if !errors.Is(err, otlp.ErrOverloaded) {
			t.Fatalf("never overloaded with %d rows allowed: %v", cfg.MaxRows, err)
		}
		if s.Ready() == nil {
			t.Error("ready although overloaded")
		}
		w.setDown(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := s.Consume(t.Context(), batch(1)); err != nil {
			t.Errorf("still overloaded after the database came back: %v", err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestServiceGraphMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, reg, stop := start(t, DefaultConfig(), &blockLog{})
		b := batch(2)
		b.Spans[1].Outcome = graph.Failed
		if err := s.Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want := `
# HELP traces_service_graph_request_failed_total Failed calls between two nodes, weighted likewise.
# TYPE traces_service_graph_request_failed_total counter
traces_service_graph_request_failed_total{client="a",client_service_namespace="",connection_type="",server="b",server_service_namespace=""} 1
traces_service_graph_request_failed_total{client="user",client_service_namespace="",connection_type="virtual_node",server="a",server_service_namespace=""} 0
# HELP traces_service_graph_request_total Calls between two nodes, weighted by their sampling probability.
# TYPE traces_service_graph_request_total counter
traces_service_graph_request_total{client="a",client_service_namespace="",connection_type="",server="b",server_service_namespace=""} 2
traces_service_graph_request_total{client="user",client_service_namespace="",connection_type="virtual_node",server="a",server_service_namespace=""} 2
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want),
			"traces_service_graph_request_total", "traces_service_graph_request_failed_total"); err != nil {
			t.Error(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

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

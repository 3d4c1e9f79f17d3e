package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// sink is a Consumer that counts what it takes over.
type sink struct {
	mu    sync.Mutex
	spans int
	err   error
	hold  chan struct{} // when set, Consume waits until it is closed
	held  chan struct{} // gets a value when a Consume begins to wait
}

func (s *sink) Consume(ctx context.Context, b *Batch) error {
	if s.hold != nil {
		s.held <- struct{}{}
		select {
		case <-s.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.spans += len(b.Spans)
	return nil
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spans
}

// holding returns a sink that keeps its callers waiting.
func holding() *sink { return &sink{hold: make(chan struct{}), held: make(chan struct{}, 100)} }

// running is a Server under test.
type running struct {
	*Server
	url  string // of the HTTP door
	reg  *prometheus.Registry
	logs *logBuffer
	stop func() error // ends Run and returns its error
}

type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a Server on loopback, its configuration changed by change (which may be nil).
func start(t testing.TB, consumer Consumer, change func(*Config)) *running {
	t.Helper()
	cfg := DefaultConfig()
	cfg.GRPCAddr, cfg.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	if change != nil {
		change(&cfg)
	}
	r := &running{reg: prometheus.NewRegistry(), logs: &logBuffer{}}
	var err error
	if r.Server, err = New(cfg, consumer, slog.New(slog.NewTextHandler(r.logs, nil)), r.reg); err != nil {
		t.Fatal(err)
	}
	if err := r.Listen(); err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + r.HTTPAddr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if used := r.budget.used.Load(); used != 0 {
			t.Errorf("%d bytes of the budget were not returned", used)
		}
	})
	return r
}

// metric is the value of one series, by name and label values in the order of their names.
func (r *running) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && strings.Join(values, " ") == strings.Join(labels, " ") {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// eventually waits for cond to hold.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// request returns an export request of n spans as services send them: a server span, then client spans
// with the usual attributes.
func request(n int) ptraceotlp.ExportRequest {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	for k, v := range map[string]string{
		"service.name": "checkout", "service.namespace": "shop", "service.version": "1.4.2",
		"service.instance.id": "checkout-7d9c5b6f4-x2x9q", "deployment.environment.name": "production",
		"telemetry.sdk.language": "go", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": "1.40.0",
	} {
		rs.Resource().Attributes().PutStr(k, v)
	}
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp")
	now := time.Now()
	for i := range n {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1, byte(i >> 16), byte(i >> 8), byte(i), 5: 7, 15: 9})
		s.SetSpanID(pcommon.SpanID{1, byte(i >> 16), byte(i >> 8), byte(i), 7: 3})
		s.SetParentSpanID(pcommon.SpanID{2, byte(i >> 16), byte(i >> 8), byte(i), 7: 3})
		s.SetName("POST /orders/{id}")
		s.SetKind(ptrace.SpanKindClient)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-20 * time.Millisecond)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
		a := s.Attributes()
		a.PutStr("http.request.method", "POST")
		a.PutStr("url.full", fmt.Sprintf("http://payment.shop.svc:8080/charge/%d", i))
		a.PutStr("server.address", "payment.shop.svc")
		a.PutInt("server.port", 8080)
		a.PutInt("http.response.status_code", 200)
		a.PutStr("network.protocol.version", "1.1")
	}
	return ptraceotlp.NewExportRequestFromTraces(td)
}

func protobufOf(t testing.TB, r ptraceotlp.ExportRequest) []byte {
	t.Helper()
	b, err := r.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func jsonOf(t testing.TB, r ptraceotlp.ExportRequest) []byte {
	t.Helper()
	b, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	c := DefaultConfig()
	c.GRPCAddr = "4317"
	c.TLS.ClientCAFile = "ca.pem"
	c.CORSOrigins = []string{"shop.example", "https://shop.example/path", "https://*.example", "https://shop.example:8443", "*"}
	c.Limits.BodyBytes = 0
	c.Limits.IdleTime = -1
	_, err := New(c, &sink{}, slog.Default(), prometheus.NewRegistry())
	for _, want := range []string{
		"grpc_addr must be host:port", "client_ca_file needs", `"shop.example" must`, `"https://shop.example/path" must`,
		`"https://*.example" must`, "limits.body_bytes must", "limits.idle_time must",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in: %v", want, err)
		}
	}
}

func TestBudgetFollowsTheMemoryLimit(t *testing.T) {
	if got := DefaultConfig().Limits.inFlight(); got != budgetWithoutLimit {
		t.Skipf("a memory limit is set: budget %d", got)
	}
	if got := (Limits{InFlightBytes: 1234}).inFlight(); got != 1234 {
		t.Errorf("budget is %d, not the 1234 configured", got)
	}
}

func TestListenReportsAPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := DefaultConfig()
	cfg.GRPCAddr, cfg.HTTPAddr = "127.0.0.1:0", l.Addr().String()
	s, err := New(cfg, &sink{}, slog.Default(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err == nil || !strings.Contains(err.Error(), "listen for OTLP over http") {
		t.Errorf("got %v", err)
	}
}

// A request in progress at shutdown is answered with success; one that comes meanwhile is told to come
// again; then the ports are closed.
func TestShutdown(t *testing.T) {
	consumer := holding()
	s := start(t, consumer, nil)
	body := protobufOf(t, request(3))
	first := make(chan *http.Response, 1)
	go func() { first <- post(t, s.url+"/v1/traces", "application/x-protobuf", "", body) }()
	<-consumer.held

	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	eventually(t, "the gate closes", func() bool {
		s.gate.mu.Lock()
		defer s.gate.mu.Unlock()
		return s.gate.closed
	})
	if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", body); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("while draining: %s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
	if code := exportGRPC(t, s, body); code != "Unavailable" {
		t.Errorf("gRPC while draining: %s", code)
	}
	close(consumer.hold)
	if r := <-first; r.StatusCode != 200 {
		t.Errorf("the request in progress got %s", r.Status)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if consumer.count() != 3 {
		t.Errorf("%d spans were taken over", consumer.count())
	}
	if c, err := net.Dial("tcp", s.HTTPAddr().String()); err == nil {
		c.Close()
		t.Error("the port is still open")
	}
}

// A consumer that never returns cannot keep the server from ending.
func TestShutdownCutsOff(t *testing.T) {
	blocked := make(chan struct{})
	begun := make(chan struct{})
	s := start(t, consume(func(context.Context, *Batch) error { close(begun); <-blocked; return nil }),
		func(c *Config) { c.Limits.DrainTime = 50 * time.Millisecond })
	go func() {
		r, err := http.Post(s.url+"/v1/traces", "application/x-protobuf", strings.NewReader(string(protobufOf(t, request(1)))))
		if err == nil {
			r.Body.Close()
		}
	}()
	<-begun
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(s.logs.String(), "requests cut off at shutdown") {
		t.Errorf("the log does not say so: %s", s.logs)
	}
	close(blocked)
	eventually(t, "the handler ends", func() bool { return s.budget.used.Load() == 0 })
}

// consume is a Consumer made of a function.
type consume func(context.Context, *Batch) error

func (f consume) Consume(ctx context.Context, b *Batch) error { return f(ctx, b) }

// A defect in what handles a batch costs that request and no other, and leaves a trace in the log.
func TestPanic(t *testing.T) {
	s := start(t, consume(func(context.Context, *Batch) error { panic("out of cheese") }), nil)
	body := protobufOf(t, request(1))
	if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", body); r.StatusCode != 500 {
		t.Errorf("HTTP got %s", r.Status)
	}
	if code := exportGRPC(t, s, body); code != "Internal" {
		t.Errorf("gRPC got %s", code)
	}
	for _, want := range []string{"request panicked", "out of cheese", "server_test.go"} {
		if !strings.Contains(s.logs.String(), want) {
			t.Errorf("no %q in the log: %s", want, s.logs)
		}
	}
	if n := s.metric(t, "faultline_ingest_panics_total"); n != 2 {
		t.Errorf("%v panics counted", n)
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	s := start(t, &sink{}, nil)
	post(t, s.url+"/v1/traces", "application/x-protobuf", "", protobufOf(t, request(2)))
	problems, err := testutil.GatherAndLint(s.reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

var errDisk = errors.New("no space left on device")

// releaser is a Consumer that looks at batches a while later and then gives their memory back.
type releaser struct {
	batches chan *Batch
	spans   atomic.Int64
}

func (r *releaser) Consume(_ context.Context, b *Batch) error {
	r.batches <- b
	return nil
}

func (r *releaser) run(t *testing.T) {
	for b := range r.batches {
		time.Sleep(time.Millisecond)
		for i := range b.Spans {
			s := &b.Spans[i]
			if want := "op of " + s.Service.Name; s.Operation != want {
				t.Errorf("the operation is %q, not %q", s.Operation, want)
			}
			if len(s.Links) != 1 || s.Links[0].Trace != s.Trace {
				t.Errorf("links %v", s.Links)
			}
		}
		r.spans.Add(int64(len(b.Spans)))
		b.Release()
	}
}

// The memory of requests is used again, and never too early.
func TestRelease(t *testing.T) {
	consumer := &releaser{batches: make(chan *Batch, 4)}
	s := start(t, consumer, nil)
	var readers, senders sync.WaitGroup
	for range 2 {
		readers.Go(func() { consumer.run(t) })
	}
	const each, spans = 40, 200
	doors := []string{"", "gzip", "zstd", "snappy", "x-snappy-framed", "deflate", "gRPC"}
	for n, door := range doors {
		senders.Go(func() {
			for i := range each {
				name := fmt.Sprintf("service-%d-%d", n, i%7)
				td := ptrace.NewTraces()
				rs := td.ResourceSpans().AppendEmpty()
				rs.Resource().Attributes().PutStr("service.name", name)
				ss := rs.ScopeSpans().AppendEmpty()
				for id := range spans + i {
					sp := ss.Spans().AppendEmpty()
					sp.SetTraceID(pcommon.TraceID{1, byte(n), byte(i), byte(id)})
					sp.SetSpanID(pcommon.SpanID{1, byte(id)})
					sp.SetKind(ptrace.SpanKindConsumer)
					sp.SetName("op of " + name)
					sp.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
					sp.Attributes().PutStr("padding", strings.Repeat(name, 20))
					link := sp.Links().AppendEmpty()
					link.SetTraceID(sp.TraceID())
					link.SetSpanID(pcommon.SpanID{2})
				}
				body := protobufOf(t, ptraceotlp.NewExportRequestFromTraces(td))
				if door == "gRPC" {
					if code := exportGRPC(t, s, body); code != "OK" {
						t.Errorf("gRPC: %s", code)
					}
				} else if r := post(t, s.url+"/v1/traces", "application/x-protobuf", door, compressed(t, door, body)); r.StatusCode != 200 {
					t.Errorf("%s: %s", door, r.Status)
				}
			}
		})
	}
	senders.Wait()
	close(consumer.batches)
	readers.Wait()
	if want := int64(len(doors) * (each*spans + each*(each-1)/2)); consumer.spans.Load() != want {
		t.Errorf("%d spans, want %d", consumer.spans.Load(), want)
	}
}

package main_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// children lists the processes that pid started.
func children(t testing.TB, pid int) (out []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has just ended
		}
		_, rest, ok := strings.Cut(string(b), ") ")
		if fields := strings.Fields(rest); ok && len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(strings.Split(f, "/")[2])
			out = append(out, n)
		}
	}
	return out
}

// send posts n calls a → b, each a trace of its own, and returns how many were acknowledged.
func send(ctx context.Context, endpoint string, first, n int) (acked int) {
	var spans []map[string]any
	for i := range n {
		now := time.Now().UnixNano()
		trace := hex.EncodeToString(fmt.Appendf(nil, "%016d", first+i))
		spans = append(spans, map[string]any{
			"service": "a", "span": map[string]any{"traceId": trace, "spanId": "00000000000000a1", "name": "GET /a", "kind": 2, "startTimeUnixNano": now, "endTimeUnixNano": now + 5e6},
		}, map[string]any{
			"service": "b", "span": map[string]any{"traceId": trace, "spanId": "00000000000000b1", "parentSpanId": "00000000000000a1", "name": "GET /b", "kind": 2, "startTimeUnixNano": now, "endTimeUnixNano": now + 3e6},
		})
	}
	var resources []any
	for _, s := range spans {
		resources = append(resources, map[string]any{
			"resource":   map[string]any{"attributes": []any{map[string]any{"key": "service.name", "value": map[string]any{"stringValue": s["service"]}}}},
			"scopeSpans": []any{map[string]any{"spans": []any{s["span"]}}},
		})
	}
	body, err := json.Marshal(map[string]any{"resourceSpans": resources})
	if err != nil {
		panic(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0
	}
	return n
}

func TestEngineKilledUnderTraffic(t *testing.T) {
	p := up(t)
	engine := children(t, p.cmd.Process.Pid)
	if len(engine) != 1 {
		t.Fatalf("children %v, want one engine", engine)
	}
	acked := 0
	for round := range 60 {
		if round == 20 {
			if err := syscall.Kill(engine[0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		acked += send(t.Context(), p.http, round*50, 50)
		time.Sleep(100 * time.Millisecond) // the pace of the traffic
	}
	if acked != 60*50 {
		t.Errorf("%d calls acknowledged of %d: ingest must not depend on the engine", acked, 60*50)
	}
	eventually(t, time.Minute, func() error {
		g, err := p.graph("from=now-1h&to=now")
		if err != nil {
			return err
		}
		if got := g.calls()[pair{"a", "b"}]; got != int64(acked) {
			return fmt.Errorf("%d calls a → b in the graph, %d acknowledged", got, acked)
		}
		return nil
	})
	if again := children(t, p.cmd.Process.Pid); len(again) != 1 || again[0] == engine[0] {
		t.Errorf("children after the kill: %v (killed %v)", again, engine)
	}
}

func TestOwnerKilledLeavesNoEngine(t *testing.T) {
	dir := t.TempDir()
	p := upIn(t, dir)
	send(t.Context(), p.http, 0, 10)
	eventually(t, 30*time.Second, func() error {
		g, err := p.graph("from=now-1h&to=now")
		if err == nil && g.calls()[pair{"a", "b"}] != 10 {
			err = fmt.Errorf("calls %v", g.calls())
		}
		return err
	})
	engine := children(t, p.cmd.Process.Pid)
	if len(engine) != 1 {
		t.Fatalf("children %v, want one engine", engine)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
	eventually(t, 20*time.Second, func() error {
		if err := syscall.Kill(engine[0], 0); err == nil {
			return fmt.Errorf("engine %d still runs", engine[0])
		}
		return nil
	})
	// What was stored is there when it starts again on the same data.
	again := upIn(t, dir)
	eventually(t, 30*time.Second, func() error {
		g, err := again.graph("from=now-1h&to=now")
		if err == nil && g.calls()[pair{"a", "b"}] != 10 {
			err = fmt.Errorf("calls after the restart %v", g.calls())
		}
		return err
	})
}

// TestKilledUnderTraffic kills the whole product at random moments, among them its start and the middle of
// a flush. Senders send again what was not acknowledged, as SDKs do. Every call counts once.
func TestKilledUnderTraffic(t *testing.T) {
	dir := t.TempDir()
	chance := rand.New(rand.NewPCG(4, 2))
	const kills, each = 6, 25
	sent := 0
	for range kills {
		p := upIn(t, dir)
		dead := time.AfterFunc(time.Duration(chance.IntN(4000))*time.Millisecond, func() { _ = p.cmd.Process.Kill() })
		for again := true; again; {
			select {
			case <-p.done:
				again = false
			default:
				if send(t.Context(), p.http, sent, each) == each {
					sent += each // else the same goes to the next process
				}
				time.Sleep(time.Duration(chance.IntN(60)) * time.Millisecond) // the pace of the traffic
			}
		}
		dead.Stop()
	}
	p := upIn(t, dir)
	for send(t.Context(), p.http, sent, each) != each {
		time.Sleep(100 * time.Millisecond)
	}
	sent += each
	eventually(t, time.Minute, func() error {
		g, err := p.graph("from=now-1h&to=now")
		if err != nil {
			return err
		}
		if got := g.calls()[pair{"a", "b"}]; got != int64(sent) {
			return fmt.Errorf("%d calls a → b in the graph, %d sent", got, sent)
		}
		return nil
	})
	t.Logf("%d calls through %d kills", sent, kills)
}

// TestDiskFull: what cannot be kept is not acknowledged, and spans are taken again when there is room.
func TestDiskFull(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	defer syscall.Unmount(small, syscall.MNT_DETACH)
	p := up(t, "--set", "ingest.journal.dir="+filepath.Join(small, "journal"), "--set", "ingest.journal.keep_free=0",
		"--set", "ingest.journal.segment_bytes=65536", "--set", "ingest.flush_every=1s")
	filler := filepath.Join(small, "filler")
	acked := send(t.Context(), p.http, 0, 100)
	if acked != 100 {
		t.Fatalf("%d of 100 calls acknowledged on an empty disk", acked)
	}
	if err := os.WriteFile(filler, make([]byte, 8<<20), 0o600); err == nil {
		t.Fatal("the disk did not get full")
	}
	refused := 0
	for i := 1; i < 30; i++ {
		if n := send(t.Context(), p.http, i*100, 100); n == 0 {
			refused++
		} else {
			acked += n
		}
	}
	if refused == 0 {
		t.Error("nothing was refused although the disk is full")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func() error {
		if send(t.Context(), p.http, 10_000, 100) != 100 {
			return errors.New("nothing is taken although there is room again")
		}
		return nil
	})
	acked += 100
	eventually(t, time.Minute, func() error {
		g, err := p.graph("from=now-1h&to=now")
		if err == nil && g.calls()[pair{"a", "b"}] != int64(acked) {
			err = fmt.Errorf("calls %v, %d acknowledged", g.calls(), acked)
		}
		return err
	})
	t.Logf("%d requests refused", refused)
}

// TestSDKExporters sends through the OpenTelemetry Go SDK, as an instrumented service does.
func TestSDKExporters(t *testing.T) {
	p := up(t)
	var mu sync.Mutex
	var problems []error
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, err)
	}))
	overGRPC, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(p.grpc), otlptracegrpc.WithInsecure(), otlptracegrpc.WithCompressor("gzip"))
	if err != nil {
		t.Fatal(err)
	}
	overHTTP, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(p.http+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		t.Fatal(err)
	}
	provider := func(name string, exporter trace.SpanExporter) *trace.TracerProvider {
		return trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", name), attribute.String("deployment.environment.name", "test"))))
	}
	front, back := provider("front", overGRPC), provider("back", overHTTP)
	const n = 500
	for range n {
		ctx, server := front.Tracer("t").Start(t.Context(), "GET /", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
		ctx, client := front.Tracer("t").Start(ctx, "GET", oteltrace.WithSpanKind(oteltrace.SpanKindClient),
			oteltrace.WithAttributes(attribute.String("server.address", "back"), attribute.Int("server.port", 80), attribute.String("http.request.method", "GET")))
		ctx, inner := back.Tracer("t").Start(ctx, "GET /items", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
		_, db := back.Tracer("t").Start(ctx, "SELECT items", oteltrace.WithSpanKind(oteltrace.SpanKindClient),
			oteltrace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.namespace", "shop"), attribute.String("server.address", "pg")))
		db.End()
		inner.End()
		client.End()
		server.End()
	}
	for _, tp := range []*trace.TracerProvider{back, front} {
		if err := tp.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if len(problems) > 0 {
		t.Errorf("the SDK reported %v", problems)
	}
	eventually(t, 30*time.Second, func() error {
		g, err := p.graph("from=now-1h&to=now&environment=test")
		if err != nil {
			return err
		}
		got := map[string]int64{}
		names := map[string]string{}
		for _, nd := range g.Nodes {
			names[nd.ID] = nd.Type + " " + nd.Name
		}
		for _, e := range g.Edges {
			what := names[e.Caller] + " > " + names[e.Callee] + " " + e.Protocol
			got[what] = e.Calls
			if e.Halves == nil {
				return fmt.Errorf("%q does not say which halves came", what)
			}
			got[what+": both"], got[what+": caller"], got[what+": callee"] = e.Halves.Both, e.Halves.CallerOnly, e.Halves.CalleeOnly
		}
		for _, want := range []string{
			"user user > service front unknown", "user user > service front unknown: callee", "service front > service back http", "service front > service back http: both",
			"service back > database shop @ pg:5432 postgresql", "service back > database shop @ pg:5432 postgresql: caller",
		} {
			if got[want] != n {
				return fmt.Errorf("%q has %d calls, want %d; all: %v", want, got[want], n, got)
			}
		}
		return nil
	})
}

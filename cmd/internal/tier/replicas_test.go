package tier

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"faultline/storage/clickhouse/clickhousetest"
)

// shop makes traces whose graph is known: a request to the web service, which asks the cart and tells a
// queue; the cart reads a database; two consumers take the message, one by parent, one by link.
func shop(n int) (spans []ptrace.Traces, want, collapsed map[string]int64) {
	now := time.Now().Add(-time.Minute)
	one := func(trace, id, parent byte, i int, service, name string, kind ptrace.SpanKind, more func(ptrace.Span)) {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", service)
		s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{trace, 1, byte(i), byte(i >> 8)})
		s.SetSpanID(pcommon.SpanID{1, id})
		if parent != 0 {
			s.SetParentSpanID(pcommon.SpanID{1, parent})
		}
		s.SetName(name)
		s.SetKind(kind)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(id) * time.Millisecond)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(100-int(id)) * time.Millisecond)))
		if more != nil {
			more(s)
		}
		spans = append(spans, td)
	}
	queue := func(s ptrace.Span) {
		s.Attributes().PutStr("messaging.system", "kafka")
		s.Attributes().PutStr("messaging.destination.name", "orders")
	}
	for i := range n {
		one(1, 1, 0, i, "web", "GET /", ptrace.SpanKindServer, nil)
		one(1, 2, 1, i, "web", "work", ptrace.SpanKindInternal, nil)
		one(1, 3, 2, i, "web", "GET", ptrace.SpanKindClient, func(s ptrace.Span) { s.Attributes().PutStr("server.address", "cart") })
		one(1, 4, 3, i, "cart", "GET /cart", ptrace.SpanKindServer, nil)
		one(1, 5, 4, i, "cart", "SELECT", ptrace.SpanKindClient, func(s ptrace.Span) {
			s.Attributes().PutStr("db.system.name", "postgresql")
			s.Attributes().PutStr("server.address", "pg")
		})
		one(1, 6, 2, i, "web", "send orders", ptrace.SpanKindProducer, queue)
		one(1, 7, 6, i, "mail", "process orders", ptrace.SpanKindConsumer, queue)
		one(2, 1, 0, i, "audit", "process orders", ptrace.SpanKindConsumer, func(s ptrace.Span) {
			queue(s)
			l := s.Links().AppendEmpty()
			l.SetTraceID(pcommon.TraceID{1, 1, byte(i), byte(i >> 8)})
			l.SetSpanID(pcommon.SpanID{1, 6})
		})
	}
	want = map[string]int64{}
	for _, e := range []string{
		"user > web", "web > cart", "cart > postgresql @ pg:5432", "web > orders", "orders > mail", "orders > audit",
	} {
		want[e] = int64(n)
	}
	return spans, want, map[string]int64{"web > mail": int64(n), "web > audit": int64(n)}
}

// edges is the graph as the API tells it.
func edges(t *testing.T, ui, query string) map[string]int64 {
	t.Helper()
	_, body := get(t, ui+"/api/v1/graph?from=now-1h&to=now"+query)
	var g struct {
		Nodes []struct{ ID, Name string }
		Edges []struct {
			Caller, Callee, Mode string
			Calls                int64
		}
	}
	if err := json.Unmarshal([]byte(body), &g); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	names := map[string]string{}
	for _, n := range g.Nodes {
		names[n.ID] = n.Name
	}
	got := map[string]int64{}
	for _, e := range g.Edges {
		if query == "" || e.Mode == "async" {
			got[names[e.Caller]+" > "+names[e.Callee]] += e.Calls
		}
	}
	return got
}

// TestReplicas gives every span to another one of three processes, in any order, many of them twice, and
// kills one in the middle. The graph is that of one process that saw everything.
func TestReplicas(t *testing.T) {
	engine := clickhousetest.New(t)
	env := []string{"FAULTLINE_CLICKHOUSE__PASSWORD=" + engine.Password}
	common := []string{
		"--clickhouse-addr", engine.Addr, "--clickhouse-user", engine.User, "--clickhouse-database", engine.Database, "--admin", "127.0.0.1:0",
	}
	data := t.TempDir()
	replica := func(n int) *program {
		return launch(t, "ingest", env, append(common, "--data-dir", fmt.Sprint(data, "/", n), "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0")...)
	}
	replicas := []*program{replica(0), replica(1), replica(2)}
	api := start(t, "api", env, append(common, "--listen", "127.0.0.1:0")...)

	const calls = 300
	spans, want, collapsed := shop(calls)
	chance := rand.New(rand.NewPCG(1, 2))
	chance.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
	for i, td := range spans {
		if i == len(spans)/2 {
			if err := replicas[1].cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_ = replicas[1].cmd.Wait()
			replicas[1] = replica(1)
		}
		for range 1 + chance.IntN(2) {
			post(t, replicas[chance.IntN(3)].addresses["otlp_http"], td)
		}
	}
	deadline := time.Now().Add(2 * time.Minute)
	for {
		diff := cmp.Diff(want, edges(t, api["ui"], ""))
		if diff == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the graph of three replicas differs (-want +got):\n%s", diff)
		}
		time.Sleep(500 * time.Millisecond)
	}
	if diff := cmp.Diff(collapsed, edges(t, api["ui"], "&queues=collapse")); diff != "" {
		t.Errorf("from producers to consumers (-want +got):\n%s", diff)
	}
}

func post(t *testing.T, endpoint string, td ptrace.Traces) {
	t.Helper()
	body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("a span was not taken: %s", strings.TrimSpace(resp.Status))
	}
}

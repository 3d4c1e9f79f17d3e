package main_test

import (
	"fmt"
	"testing"
	"time"

	known "faultline/ingest/truth"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestDeadServiceKeepsItsEdge: a service answers for a while and then does not any more. The calls to it stay on
// its edge, where they fail; no host appears beside it.
func TestDeadServiceKeepsItsEdge(t *testing.T) {
	p := up(t, "--set", "ingest.match.wait=2s", "--set", "ingest.match.settle=1s")
	const answered, dead = 400, 50
	begin := time.Now().Add(-time.Minute)
	var spans []known.Span
	for i := range answered + dead {
		trace := pcommon.TraceID{1, 14: byte(i >> 8), 15: byte(i)}
		at := begin.Add(time.Duration(i) * 10 * time.Millisecond)
		if i >= answered {
			at = at.Add(30 * time.Second) // in a bucket of its own
		}
		add := func(id, parent byte, service, name string, kind ptrace.SpanKind, failed bool) {
			s := known.Span{
				Trace: trace, ID: pcommon.SpanID{id}, Service: service, Name: name, Kind: kind, Failed: failed,
				Start: at.Add(time.Duration(id) * time.Millisecond), End: at.Add(time.Duration(9-id) * time.Millisecond),
				Text: map[string]string{"http.request.method": "GET"},
			}
			if parent > 0 {
				s.Parent = pcommon.SpanID{parent}
			}
			if kind == ptrace.SpanKindClient {
				s.Text["server.address"], s.Numbers = "10.1.2.3", map[string]int64{"server.port": 8080}
			}
			spans = append(spans, s)
		}
		add(1, 0, "web", "GET /", ptrace.SpanKindServer, false)
		add(2, 1, "web", "GET", ptrace.SpanKindClient, i >= answered)
		if i < answered {
			add(3, 2, "cart", "GET /cart", ptrace.SpanKindServer, false)
		}
	}
	p.insists(t, "application/x-protobuf", known.Encode(spans...))
	eventually(t, time.Minute, func() error {
		g, err := p.graph("from=" + begin.Add(20*time.Second).UTC().Format(time.RFC3339))
		if err != nil {
			return err
		}
		if len(g.Edges) != 2 {
			return fmt.Errorf("edges %+v, want those from the user and to the cart", g.Edges)
		}
		for _, e := range g.Edges {
			if e.Calls != dead || e.Failed != e.Aliased || e.Aliased != 0 && (e.Aliased != dead || e.Halves.CallerOnly != dead || e.Halves.Both != 0) {
				return fmt.Errorf("edge %+v", e)
			}
		}
		if got := g.calls()[pair{"web", "cart"}]; got != dead {
			return fmt.Errorf("%d calls to the cart, want %d", got, dead)
		}
		return nil
	})
}

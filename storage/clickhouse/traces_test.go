package clickhouse

import (
	"errors"
	"slices"
	"testing"
	"time"

	"faultline/graph"
)

// span is a span of 10 ms.
func span(id graph.TraceID, n byte, at time.Time, node graph.Node) graph.SpanRow {
	return graph.SpanRow{
		Tenant: tenant, Trace: id, ID: graph.SpanID{7: n}, Start: at.UnixNano(), Duration: 10 * time.Millisecond,
		Node: node.ID(), Operation: "GET /", Kind: graph.KindServer, Protocol: "http", Why: graph.WhyBaseline,
	}
}

// call is a span that stands for a call on an edge.
func call(s graph.SpanRow, caller, callee graph.Node, outcome graph.Outcome) graph.SpanRow {
	s.Kind, s.Caller, s.Callee, s.Outcome = graph.KindClient, caller.ID(), callee.ID(), outcome
	return s
}

func traces(t *testing.T, s *Store, q graph.TraceQuery) []graph.TraceSummary {
	t.Helper()
	found, err := s.Traces(t.Context(), tenant, q)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTrace(t *testing.T) {
	s := open(t)
	root := span(trace(1), 1, t0.Add(123456789), web)
	root.Outcome, root.Operation, root.Protocol = graph.Failed|graph.Synthetic, hostile, hostile
	client := call(span(trace(1), 2, t0.Add(123456790), web), web, redis, graph.TimedOut)
	client.Parent, client.Duration, client.Why = root.ID, -1, graph.WhyError
	server := span(trace(1), 2, t0.Add(123456790), cart) // the id of its caller's span, as some tracers do
	server.Parent = root.ID
	bare := client // the same span before its call was known
	bare.Caller, bare.Callee = 0, 0
	earliest := span(trace(1), 0xff, t0, user)
	write(t, s, graph.Block{Token: "1", Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart), nodeRow(redis), nodeRow(service("else"))},
		Spans: []graph.SpanRow{bare, server, root, span(trace(2), 1, t0, web)}})
	write(t, s, graph.Block{Token: "2", Spans: []graph.SpanRow{client, root, earliest}})

	got, err := s.Trace(t.Context(), tenant, trace(1))
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "trace", graph.Trace{
		ID:    trace(1),
		Spans: []graph.SpanRow{earliest, root, server, client},
		Nodes: map[graph.NodeID]graph.Node{web.ID(): web, cart.ID(): cart, redis.ID(): redis}, // user was never stored
	}, got)

	for name, ask := range map[string]struct {
		tenant string
		id     graph.TraceID
	}{
		"unknown trace": {tenant, trace(3)}, "no trace": {tenant, graph.TraceID{}}, "another tenant's": {hostile, trace(1)},
	} {
		if got, err := s.Trace(t.Context(), ask.tenant, ask.id); !errors.Is(err, graph.ErrNotFound) {
			t.Errorf("%s: %+v, %v; want ErrNotFound", name, got, err)
		}
	}
}

func TestTraces(t *testing.T) {
	s := open(t)
	at := func(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }
	slow := span(trace(1), 9, at(1).Add(time.Second), cart)
	slow.Duration, slow.Why = 5*time.Second, graph.WhySlow
	// Traces 5 and 6: users gives up waiting for cart, which answers in the end; its span is the child of that of the call, or has the same id.
	givesUp := func(id graph.TraceID, minute int, sameID bool) []graph.SpanRow {
		client, server := span(id, 1, at(minute), user), call(span(id, 2, at(minute), cart), user, cart, 0)
		client.Kind, client.Outcome, server.Kind, server.Parent = graph.KindClient, graph.Failed|graph.TimedOut, graph.KindServer, client.ID
		if sameID {
			server.ID, server.Parent = client.ID, graph.SpanID{}
		}
		return []graph.SpanRow{client, server}
	}
	failed := span(trace(3), 1, at(3), web)
	failed.Outcome, failed.Why = graph.Failed|graph.TimedOut, graph.WhyError
	b := graph.Block{Token: "1", Spans: []graph.SpanRow{
		// Trace 1: two spans, one of them stored twice; the call went well.
		call(span(trace(1), 1, at(1), web), web, cart, 0), slow, slow,
		// Trace 2: the call web → cart failed, the one to redis did not.
		call(span(trace(2), 1, at(2), web), web, cart, graph.Failed), call(span(trace(2), 2, at(2).Add(time.Second), cart), cart, redis, 0),
		// Trace 3: failed without any call.
		failed,
		// Trace 4: as new as trace 3, begins before the window of some questions.
		span(trace(4), 1, at(3), web), span(trace(4), 2, at(10), web),
	}}
	write(t, s, b)
	write(t, s, graph.Block{Token: "2", Spans: b.Spans})
	write(t, s, graph.Block{Token: "3", Spans: slices.Concat(givesUp(trace(5), 70, false), givesUp(trace(6), 71, true))})

	hour := graph.Window{From: t0, To: at(60)}
	yes, no := true, false
	for name, tt := range map[string]struct {
		q    graph.TraceQuery
		want []byte
	}{
		"all, newest first":       {graph.TraceQuery{Window: hour, Limit: 10}, []byte{3, 4, 2, 1}},
		"limit":                   {graph.TraceQuery{Window: hour, Limit: 3}, []byte{3, 4, 2}},
		"no limit":                {graph.TraceQuery{Window: hour}, nil},
		"negative limit":          {graph.TraceQuery{Window: hour, Limit: -1}, nil},
		"failed":                  {graph.TraceQuery{Window: hour, Failed: &yes, Limit: 10}, []byte{3, 2}},
		"of a service":            {graph.TraceQuery{Window: hour, Node: cart.ID(), Limit: 10}, []byte{2, 1}},
		"calls to it failed":      {graph.TraceQuery{Window: hour, Node: cart.ID(), Failed: &yes, Limit: 10}, []byte{2}},
		"of a database":           {graph.TraceQuery{Window: hour, Node: redis.ID(), Limit: 10}, []byte{2}},
		"no call to it failed":    {graph.TraceQuery{Window: hour, Node: redis.ID(), Failed: &no, Limit: 10}, []byte{2}},
		"not failed":              {graph.TraceQuery{Window: hour, Failed: &no, Limit: 10}, []byte{4, 1}},
		"not failed, limited":     {graph.TraceQuery{Window: hour, Failed: &no, Limit: 1}, []byte{4}},
		"edge":                    {graph.TraceQuery{Window: hour, Caller: web.ID(), Callee: cart.ID(), Limit: 10}, []byte{2, 1}},
		"edge, limited":           {graph.TraceQuery{Window: hour, Caller: web.ID(), Callee: cart.ID(), Limit: 1}, []byte{2}},
		"edge, failed":            {graph.TraceQuery{Window: hour, Caller: web.ID(), Callee: cart.ID(), Failed: &yes, Limit: 10}, []byte{2}},
		"edge, not failed":        {graph.TraceQuery{Window: hour, Caller: web.ID(), Callee: cart.ID(), Failed: &no, Limit: 10}, []byte{1}},
		"caller gave up":          {graph.TraceQuery{Window: graph.Window{From: at(60), To: at(80)}, Caller: user.ID(), Callee: cart.ID(), Failed: &yes, Limit: 10}, []byte{6, 5}},
		"caller gave up, not ok":  {graph.TraceQuery{Window: graph.Window{From: at(60), To: at(80)}, Caller: user.ID(), Callee: cart.ID(), Failed: &no, Limit: 10}, nil},
		"another edge went well":  {graph.TraceQuery{Window: hour, Caller: cart.ID(), Callee: redis.ID(), Failed: &no, Limit: 10}, []byte{2}},
		"edge the wrong way":      {graph.TraceQuery{Window: hour, Caller: cart.ID(), Callee: web.ID(), Limit: 10}, nil},
		"half an edge":            {graph.TraceQuery{Window: hour, Caller: web.ID(), Limit: 10}, nil},
		"slowest first":           {graph.TraceQuery{Window: hour, Slowest: true, Limit: 10}, []byte{1, 2, 3, 4}},
		"slowest":                 {graph.TraceQuery{Window: hour, Slowest: true, Limit: 1}, []byte{1}},
		"slowest of a service":    {graph.TraceQuery{Window: hour, Node: cart.ID(), Slowest: true, Limit: 10}, []byte{1, 2}},
		"slowest on an edge":      {graph.TraceQuery{Window: hour, Caller: web.ID(), Callee: cart.ID(), Slowest: true, Limit: 10}, []byte{1, 2}},
		"window ends before":      {graph.TraceQuery{Window: graph.Window{From: t0, To: at(2)}, Limit: 10}, []byte{1}},
		"window begins in trace":  {graph.TraceQuery{Window: graph.Window{From: at(4), To: at(60)}, Limit: 10}, []byte{4}},
		"window of a nanosecond":  {graph.TraceQuery{Window: graph.Window{From: at(2), To: at(2).Add(1)}, Limit: 10}, []byte{2}},
		"edge outside the window": {graph.TraceQuery{Window: graph.Window{From: at(3), To: at(60)}, Caller: web.ID(), Callee: cart.ID(), Limit: 10}, nil},
	} {
		var got []byte
		for _, summary := range traces(t, s, tt.q) {
			got = append(got, summary.ID[0])
		}
		mustEqual(t, name, tt.want, got)
	}

	all := traces(t, s, graph.TraceQuery{Window: hour, Limit: 10})
	slices.SortFunc(all, func(a, b graph.TraceSummary) int { return int(a.ID[0]) - int(b.ID[0]) })
	mustEqual(t, "summaries", []graph.TraceSummary{
		{ID: trace(1), Start: at(1), Duration: 6 * time.Second, Node: web.ID(), Operation: "GET /", Spans: 2, Why: graph.WhySlow},
		{ID: trace(2), Start: at(2), Duration: 1010 * time.Millisecond, Node: web.ID(), Operation: "GET /", Spans: 2, Failed: 1, Why: graph.WhyBaseline},
		{ID: trace(3), Start: at(3), Duration: 10 * time.Millisecond, Node: web.ID(), Operation: "GET /", Spans: 1, Failed: 1, Why: graph.WhyError},
		{ID: trace(4), Start: at(3), Duration: 7*time.Minute + 10*time.Millisecond, Node: web.ID(), Operation: "GET /", Spans: 2, Why: graph.WhyBaseline},
	}, all)

	if others, err := s.Traces(t.Context(), hostile, graph.TraceQuery{Window: hour, Limit: 10}); err != nil || len(others) != 0 {
		t.Errorf("another tenant sees %+v, %v", others, err)
	}
	if _, err := s.Traces(t.Context(), tenant, graph.TraceQuery{Window: graph.Window{From: t0, To: t0}, Limit: 10}); err == nil {
		t.Error("an empty window was accepted")
	}
}

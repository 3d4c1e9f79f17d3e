// Package truth makes up systems whose dependency graph is known before anybody looks at a span. It writes
// down, beside each span, what has to be counted for it by the rules of the documentation, and uses nothing
// of the code that counts. Tests send the spans in every way that must not matter and compare whole tables.
package truth

import (
	"encoding/binary"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"faultline/graph"
)

// Span is a span as its tracer sends it.
type Span struct {
	Trace      pcommon.TraceID
	ID, Parent pcommon.SpanID
	Service    string
	Name       string
	Kind       ptrace.SpanKind
	Start, End time.Time
	Failed     bool
	Text       map[string]string
	Numbers    map[string]int64
	Links      []Link
}

// Link names another span.
type Link struct {
	Trace pcommon.TraceID
	ID    pcommon.SpanID
}

// IsServer reports whether the span is the callee's half of a call.
func (s *Span) IsServer() bool {
	return s.Kind == ptrace.SpanKindServer || s.Kind == ptrace.SpanKindConsumer
}

// Encode makes an export request of spans.
func Encode(spans ...Span) []byte {
	td := ptrace.NewTraces()
	scopes := map[string]ptrace.SpanSlice{}
	for i := range spans {
		s := &spans[i]
		scope, ok := scopes[s.Service]
		if !ok {
			rs := td.ResourceSpans().AppendEmpty()
			rs.Resource().Attributes().PutStr("service.name", s.Service)
			scope = rs.ScopeSpans().AppendEmpty().Spans()
			scopes[s.Service] = scope
		}
		s.encode(scope.AppendEmpty())
	}
	wire, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		panic(err)
	}
	return wire
}

func (s *Span) encode(to ptrace.Span) {
	to.SetTraceID(s.Trace)
	to.SetSpanID(s.ID)
	to.SetParentSpanID(s.Parent)
	to.SetName(s.Name)
	to.SetKind(s.Kind)
	to.SetStartTimestamp(pcommon.NewTimestampFromTime(s.Start))
	to.SetEndTimestamp(pcommon.NewTimestampFromTime(s.End))
	if s.Failed {
		to.Status().SetCode(ptrace.StatusCodeError)
	}
	for k, v := range s.Text {
		to.Attributes().PutStr(k, v)
	}
	for k, v := range s.Numbers {
		to.Attributes().PutInt(k, v)
	}
	for _, l := range s.Links {
		link := to.Links().AppendEmpty()
		link.SetTraceID(l.Trace)
		link.SetSpanID(l.ID)
	}
}

// CallSite is a pair of operations with calls between them. Nodes are written as type and name.
type CallSite struct {
	Caller, Callee, Via string
	Protocol            string
	Mode                graph.Mode
	CallerOp, CalleeOp  string
}

// Operation is an operation of a service.
type Operation struct{ Node, Name string }

// Calls are counts of calls, or of requests.
type Calls struct{ Calls, Failed, Resends int64 }

// Fare is the subject of an outcome; Callee is "" for requests as a whole.
type Fare struct{ Caller, Operation, Callee string }

// Outcome is how requests fared.
type Outcome struct {
	Requests, Failed, Clean, CleanFailed int64

	Calls, Attempts, FailedAttempts, Rescued int64

	TotalFatal, TotalSurvived, ContestedFatal, ContestedSurvived int64

	Blamed, Unexplained int64
}

// Half is a kind of halves.
type Half struct {
	Node string
	Side graph.Side
	Fate graph.Fate
}

// Tables are what spans add up to.
type Tables struct {
	CallSites  map[CallSite]Calls
	Operations map[Operation]Calls
	Outcomes   map[Fare]Outcome
	Halves     map[Half]int64
}

// NewTables returns empty Tables.
func NewTables() Tables {
	return Tables{map[CallSite]Calls{}, map[Operation]Calls{}, map[Fare]Outcome{}, map[Half]int64{}}
}

// Edges are the sums of the call sites of each edge.
func (t *Tables) Edges() map[CallSite]Calls {
	edges := map[CallSite]Calls{}
	for k, c := range t.CallSites {
		k.CallerOp, k.CalleeOp = "", ""
		c.add(edges[k])
		edges[k] = c
	}
	return edges
}

func (c *Calls) add(o Calls) {
	c.Calls += o.Calls
	c.Failed += o.Failed
	c.Resends += o.Resends
}

// AddCalls adds calls between two operations. Sums of nothing are left out, here and in the following.
func (t *Tables) AddCalls(k CallSite, c Calls) { addTo(t.CallSites, k, c) }

// AddRequests adds requests to an operation.
func (t *Tables) AddRequests(k Operation, c Calls) { addTo(t.Operations, k, c) }

func addTo[K comparable](m map[K]Calls, k K, c Calls) {
	c.add(m[k])
	if c == (Calls{}) {
		delete(m, k)
		return
	}
	m[k] = c
}

// AddOutcome adds o to how the requests of k fared.
func (t *Tables) AddOutcome(k Fare, o Outcome) {
	sum := t.Outcomes[k]
	to, from := sum.counters(), o.counters()
	for i := range to {
		*to[i] += *from[i]
	}
	if sum == (Outcome{}) {
		delete(t.Outcomes, k)
		return
	}
	t.Outcomes[k] = sum
}

func (o *Outcome) counters() []*int64 {
	return []*int64{
		&o.Requests, &o.Failed, &o.Clean, &o.CleanFailed, &o.Calls, &o.Attempts, &o.FailedAttempts, &o.Rescued,
		&o.TotalFatal, &o.TotalSurvived, &o.ContestedFatal, &o.ContestedSurvived, &o.Blamed, &o.Unexplained,
	}
}

// AddHalves adds n halves.
func (t *Tables) AddHalves(k Half, n int64) {
	if t.Halves[k] += n; t.Halves[k] == 0 {
		delete(t.Halves, k)
	}
}

// Name is how the tables write a node.
func Name(n *graph.Node) string { return string(n.Type) + " " + n.Name }

// Add adds the rows of a block. names are those of its nodes and of earlier ones, to which it adds.
func (t *Tables) Add(b *graph.Block, names map[graph.NodeID]string) {
	for i := range b.Nodes {
		names[b.Nodes[i].ID] = Name(&b.Nodes[i].Node)
	}
	for i := range b.CallSites {
		r := &b.CallSites[i]
		t.AddCalls(CallSite{
			names[r.Caller], names[r.Callee], names[r.Via], r.Protocol, r.Mode, r.CallerOperation, r.CalleeOperation,
		}, Calls{r.Calls, r.Failed, r.Resends})
	}
	for i := range b.Operations {
		r := &b.Operations[i]
		t.AddRequests(Operation{names[r.Node], r.Operation}, Calls{r.Calls, r.Failed, r.Resends})
	}
	for i := range b.Outcomes {
		r := &b.Outcomes[i]
		t.AddOutcome(Fare{names[r.Caller], r.Operation, names[r.Callee]}, Outcome{
			r.Requests, r.Failed, r.Clean, r.CleanFailed, r.Calls, r.Attempts, r.FailedAttempts, r.Rescued,
			r.TotalFatal, r.TotalSurvived, r.ContestedFatal, r.ContestedSurvived, r.Blamed, r.Unexplained,
		})
	}
	for i := range b.Halves {
		r := &b.Halves[i]
		t.AddHalves(Half{names[r.Node], r.Side, r.Fate}, r.N)
	}
}

// ids gives out trace and span ids.
type ids struct{ traces, spans uint64 }

func (g *ids) trace() (id pcommon.TraceID) {
	g.traces++
	binary.BigEndian.PutUint64(id[:], 0x7472757468<<24)
	binary.BigEndian.PutUint64(id[8:], g.traces)
	return id
}

func (g *ids) span() (id pcommon.SpanID) {
	g.spans++
	binary.BigEndian.PutUint64(id[:], g.spans)
	return id
}

package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/graph"
	"faultline/web/api/gen"
)

// ListTraces answers GET /api/v1/traces.
func (a *API) ListTraces(c *gin.Context, p gen.ListTracesParams) {
	q, err := traceQuery(p)
	if err = errors.Join(known(c, p), err); err != nil {
		a.fail(c, err)
		return
	}
	if q.Window, err = a.window(p.From, p.To); err != nil {
		a.fail(c, err)
		return
	}
	g, _, err := a.read(c.Request.Context(), question(p.From, p.To), q.Window)
	if err != nil {
		a.fail(c, err)
		return
	}
	var found []graph.TraceSummary
	err = a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
		found, err = a.reader.Traces(ctx, tenant, q)
		return err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	names := make(map[graph.NodeID]string, len(g.Nodes))
	for i := range g.Nodes {
		names[g.Nodes[i].ID()] = g.Nodes[i].Name
	}
	out := gen.Traces{Window: wireWindow(q.Window, graph.Step), Traces: make([]gen.TraceSummary, len(found))}
	for i := range found {
		t := &found[i]
		out.Traces[i] = gen.TraceSummary{
			Id: hex.EncodeToString(t.ID[:]), Start: t.Start.UTC(), DurationMs: wireMs(t.Duration),
			Node: t.Node.String(), Service: names[t.Node], Operation: t.Operation,
			Spans: t.Spans, Failed: t.Failed, Why: gen.Why(t.Why),
		}
	}
	c.JSON(http.StatusOK, out)
}

func traceQuery(p gen.ListTracesParams) (graph.TraceQuery, error) {
	q := graph.TraceQuery{Limit: 20}
	var errs []error
	if p.Edge != nil {
		var err error
		q.Caller, q.Callee, err = ends(*p.Edge)
		errs = append(errs, err)
	}
	if p.Node != nil {
		if p.Edge != nil {
			errs = append(errs, badRequestError("give at most one of node and edge"))
		}
		node, err := nodeID(*p.Node)
		errs = append(errs, err)
		q.Node = node
	}
	if p.Outcome != nil {
		if !p.Outcome.Valid() {
			errs = append(errs, badRequestError(fmt.Sprintf("outcome is %q; it can be failed or ok", *p.Outcome)))
		}
		failed := *p.Outcome == gen.ListTracesParamsOutcomeFailed
		q.Failed = &failed
	}
	if p.Order != nil {
		if !p.Order.Valid() {
			errs = append(errs, badRequestError(fmt.Sprintf("order is %q; it can be newest or slowest", *p.Order)))
		}
		q.Slowest = *p.Order == gen.Slowest
	}
	if p.Limit != nil {
		if q.Limit = *p.Limit; q.Limit < 1 || q.Limit > 500 {
			errs = append(errs, badRequestError("limit must be 1 to 500"))
		}
	}
	return q, errors.Join(errs...)
}

// GetTrace answers GET /api/v1/traces/{id}.
func (a *API) GetTrace(c *gin.Context, text string) {
	id, err := traceID(text)
	if err = errors.Join(known(c, nil), err); err != nil {
		a.fail(c, err)
		return
	}
	var t graph.Trace
	err = a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
		t, err = a.reader.Trace(ctx, tenant, id)
		return err
	})
	if errors.Is(err, graph.ErrNotFound) || err == nil && len(t.Spans) == 0 {
		err = notFoundError(fmt.Sprintf("Trace %s is not kept. Traces with failures, the slowest and some others are kept, "+
			"for as long as the retention of evidence says.", hex.EncodeToString(id[:])))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, wireTrace(&t, a.edgesDuring(c.Request.Context(), &t)))
}

// traceID reads a trace id as 32 hex digits.
func traceID(s string) (id graph.TraceID, err error) {
	if len(s) != 2*len(id) {
		return id, badRequestError(fmt.Sprintf("trace id %q has %d characters; it must have 32, all hex digits", s, len(s)))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return id, badRequestError(fmt.Sprintf("trace id %q is not all hex digits (0-9, a-f)", s))
	}
	if id == (graph.TraceID{}) {
		return id, badRequestError("a trace id of zeros is the id of no trace")
	}
	return id, nil
}

// edgesDuring returns the edges of the graph in the minutes of a trace. A trace can be shown without them, so
// it has none when storage does not answer.
func (a *API) edgesDuring(ctx context.Context, t *graph.Trace) []graph.Edge {
	from, to := extent(t.Spans)
	w := graph.Window{From: time.Unix(0, from).UTC().Add(-time.Minute), To: time.Unix(0, to).UTC().Add(time.Minute)}
	var g graph.Graph
	err := a.ask(ctx, func(ctx context.Context) (err error) {
		g, err = a.reader.Graph(ctx, tenant, w)
		return err
	})
	if err != nil {
		a.log.WarnContext(ctx, "trace shown without links to its edges", "err", err)
	}
	return g.Edges
}

// extent is from the first start of spans to their last end, in Unix ns.
func extent(spans []graph.SpanRow) (from, to int64) {
	from, to = spans[0].Start, spans[0].Start
	for i := range spans {
		from = min(from, spans[i].Start)
		to = max(to, spans[i].Start+int64(spans[i].Duration))
	}
	return from, to
}

func wireTrace(t *graph.Trace, edges []graph.Edge) gen.Trace {
	from, to := extent(t.Spans)
	out := gen.Trace{
		Id: hex.EncodeToString(t.ID[:]), Start: time.Unix(0, from).UTC(), DurationMs: wireMs(time.Duration(to - from)),
		Why: gen.Why(t.Spans[0].Why), Spans: make([]gen.TraceSpan, 0, len(t.Spans)), Nodes: []gen.NodeIdentity{},
	}
	order, depths := waterfall(t.Spans)
	seen := map[graph.NodeID]bool{}
	name := func(id graph.NodeID) string {
		n, ok := t.Nodes[id]
		if ok && !seen[id] {
			seen[id] = true
			out.Nodes = append(out.Nodes, identity(id, n))
		}
		return n.Name
	}
	for i, at := range order {
		s := &t.Spans[at]
		span := gen.TraceSpan{
			Id: hex.EncodeToString(s.ID[:]), Depth: depths[i], Node: s.Node.String(), Service: name(s.Node),
			Operation: s.Operation, Kind: spanKind(s.Kind), StartMs: wireMs(time.Duration(s.Start - from)), DurationMs: wireMs(s.Duration),
			Outcomes: spanOutcomes(s.Outcome), Protocol: s.Protocol,
		}
		if s.Parent != (graph.SpanID{}) {
			parent := hex.EncodeToString(s.Parent[:])
			span.ParentId = &parent
		}
		if s.Caller != 0 && s.Callee != 0 {
			span.Call = &gen.SpanCall{
				Caller: s.Caller.String(), CallerName: name(s.Caller), Callee: s.Callee.String(), CalleeName: name(s.Callee),
				Edge: edgeOf(s, edges),
			}
		}
		if s.Outcome&graph.Failed != 0 {
			out.Failed++
		}
		out.Spans = append(out.Spans, span)
	}
	return out
}

// edgeOf returns the id of the edge that the call of a span is on. A span says neither the mode of the edge
// nor, always, its protocol, so of several edges between the two ends the busiest that fits is it.
func edgeOf(s *graph.SpanRow, edges []graph.Edge) *string {
	var id *string
	for i := range edges {
		e := &edges[i]
		if e.Caller != s.Caller || e.Callee != s.Callee {
			continue
		}
		if fits := e.Via == 0 && e.Protocol == s.Protocol; id == nil || fits {
			text := e.EdgeKey.String()
			if id = &text; fits {
				break
			}
		}
	}
	return id
}

// waterfall orders spans, which are by start, as a tree: each after its parent, children of one parent by
// start. It returns the places of the spans in that order, and how deep each is. A span whose parent is not
// there is a root, and of a circle of parents the first span is.
//
// The two halves of a call may share one id; then the incoming half is the child of the outgoing one, and
// their children are those of the half that is of the same node, else of the incoming one.
func waterfall(spans []graph.SpanRow) (order, depths []int) {
	byID := make(map[graph.SpanID][]int, len(spans))
	for i := range spans {
		byID[spans[i].ID] = append(byID[spans[i].ID], i)
	}
	children := make(map[int][]int, len(spans))
	var roots []int
	for i := range spans {
		if p := parentOf(spans, byID, i); p >= 0 {
			children[p] = append(children[p], i)
		} else {
			roots = append(roots, i)
		}
	}
	type place struct{ at, depth int }
	placed := make([]bool, len(spans))
	walk := func(root int) {
		stack := []place{{root, 0}}
		for len(stack) > 0 {
			p := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if placed[p.at] {
				continue
			}
			placed[p.at] = true
			order, depths = append(order, p.at), append(depths, p.depth)
			for k := len(children[p.at]) - 1; k >= 0; k-- {
				stack = append(stack, place{children[p.at][k], p.depth + 1})
			}
		}
	}
	for _, r := range roots {
		walk(r)
	}
	for i := range spans {
		walk(i) // only what hangs in a circle is left
	}
	return order, depths
}

// parentOf returns the place of the parent of the span at i, or -1.
func parentOf(spans []graph.SpanRow, byID map[graph.SpanID][]int, i int) int {
	s := &spans[i]
	if s.Kind.IsIncoming() {
		for _, twin := range byID[s.ID] {
			if spans[twin].Kind.IsOutgoing() {
				return twin
			}
		}
	}
	parent, best := -1, 0
	for _, p := range byID[s.Parent] {
		rank := 1
		if spans[p].Kind.IsIncoming() {
			rank = 2
		}
		if spans[p].Node == s.Node {
			rank += 2
		}
		if p != i && s.Parent != s.ID && rank > best {
			parent, best = p, rank
		}
	}
	return parent
}

func spanKind(k graph.Kind) gen.SpanKind {
	switch k {
	case graph.KindInternal:
		return gen.SpanKindInternal
	case graph.KindServer:
		return gen.SpanKindServer
	case graph.KindClient:
		return gen.SpanKindClient
	case graph.KindProducer:
		return gen.SpanKindProducer
	case graph.KindConsumer:
		return gen.SpanKindConsumer
	default:
		return gen.SpanKindUnspecified
	}
}

func spanOutcomes(o graph.Outcome) []gen.SpanOutcome {
	words := []gen.SpanOutcome{}
	for _, b := range []struct {
		bit  graph.Outcome
		word gen.SpanOutcome
	}{
		{graph.Failed, gen.SpanOutcomeFailed}, {graph.Throttled, gen.SpanOutcomeThrottled}, {graph.ClientError, gen.SpanOutcomeClientError},
		{graph.TimedOut, gen.SpanOutcomeTimedOut}, {graph.Cancelled, gen.SpanOutcomeCancelled}, {graph.Resent, gen.SpanOutcomeResent},
		{graph.Receive, gen.SpanOutcomeReceive}, {graph.Synthetic, gen.SpanOutcomeSynthetic},
	} {
		if o&b.bit != 0 {
			words = append(words, b.word)
		}
	}
	return words
}

package api

import (
	"cmp"
	"math"
	"strconv"
	"time"

	"faultline/graph"
	"faultline/web/api/gen"
)

// ms is a quantile in milliseconds, rounded to what the histogram can tell; nil when there was nothing.
func ms(h graph.Histogram, q float64) *float64 {
	d, ok := h.Quantile(q)
	if !ok {
		return nil
	}
	v := float64(d) / float64(time.Millisecond)
	if short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64); err == nil {
		v = short
	}
	return &v
}

// red is stats with the percentiles of the given distribution.
func red(s *graph.Stats, h graph.Histogram) gen.Red {
	weighted, interval := s.Weight, 0.0
	if weighted <= 0 {
		weighted = float64(s.Calls)
	}
	// Each call stands for w calls: it was kept with probability 1/w (Horvitz and Thompson's estimator).
	if variance := s.WeightSquared - s.Weight; variance > 1e-6 {
		interval = 1.96 * math.Sqrt(variance)
	}
	return gen.Red{
		Calls: s.Calls, CallsWeighted: weighted, CallsInterval: interval,
		SamplingKnown: s.Sampled >= s.Calls && s.Calls > 0,
		Failed:        s.Failed, Throttled: s.Throttled, ClientErrors: s.ClientErrors, Timeouts: s.Timeouts, Resends: s.Resends,
		P50Ms: ms(h, 0.50), P95Ms: ms(h, 0.95), P99Ms: ms(h, 0.99),
	}
}

func wireWindow(w graph.Window, step time.Duration) gen.Window {
	return gen.Window{From: w.From.UTC(), To: w.To.UTC(), StepMs: step.Milliseconds()}
}

// graphWindow is the window of a graph with the time from when on it can be counted.
func graphWindow(g *graph.Graph) gen.Window {
	w := wireWindow(g.Window, g.Step)
	if g.Since.After(g.Window.From) {
		since := g.Since.UTC()
		w.Since = &since
	}
	return w
}

// wireMs is a duration in milliseconds, to the microsecond.
func wireMs(d time.Duration) float64 { return float64(d.Round(time.Microsecond).Microseconds()) / 1000 }

// identity is who a node is. One that nobody described has made spans, so it is a service.
func identity(id graph.NodeID, n graph.Node) gen.NodeIdentity {
	return gen.NodeIdentity{
		Id: id.String(), Name: n.Name, Namespace: n.Namespace, Environment: n.Environment,
		Type: gen.NodeType(cmp.Or(n.Type, graph.TypeService)), System: n.System,
	}
}

func wireNode(n *graph.NodeStats) gen.Node {
	return gen.Node{
		Red: red(&n.Stats, n.Duration()),
		Id:  n.ID().String(), Name: n.Name, Namespace: n.Namespace, Environment: n.Environment,
		Type: gen.NodeType(n.Type), System: n.System, LastSeen: n.LastSeen.UTC(),
	}
}

func wireEdge(e *graph.Edge) gen.Edge {
	basis := []gen.Basis{}
	for _, b := range e.Basis.Names() {
		basis = append(basis, gen.Basis(b))
	}
	out := gen.Edge{
		Red: red(&e.Stats, e.Duration()),
		Id:  e.EdgeKey.String(), Caller: e.Caller.String(), Callee: e.Callee.String(), Protocol: e.Protocol,
		Mode: gen.Mode(e.Mode), Basis: basis, LastSeen: e.LastSeen.UTC(), Aliased: e.Aliased,
		ServerP50Ms: ms(e.Server, 0.50), ServerP95Ms: ms(e.Server, 0.95), ServerP99Ms: ms(e.Server, 0.99),
	}
	if e.Via != 0 {
		via := e.Via.String()
		out.Via = &via
	}
	if e.AnsweredBy != 0 {
		service := e.AnsweredBy.String()
		out.AnsweredBy = &service
	}
	if h, ok := e.Halves(); ok {
		out.Halves = &gen.EdgeHalves{Both: h.Both, CallerOnly: h.CallerOnly, CalleeOnly: h.CalleeOnly}
	}
	return out
}

func wireNodes(nodes []graph.NodeStats) []gen.Node {
	out := make([]gen.Node, len(nodes))
	for i := range nodes {
		out[i] = wireNode(&nodes[i])
	}
	return out
}

func wireEdges(edges []graph.Edge) []gen.Edge {
	out := make([]gen.Edge, len(edges))
	for i := range edges {
		out[i] = wireEdge(&edges[i])
	}
	return out
}

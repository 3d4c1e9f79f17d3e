package match

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

// seeds is how many made-up traces the tests of all orders take.
var seeds = flag.Uint64("seeds", 500, "made-up traces for each test of what must not matter")

// ledger sums what a matcher says, in words that do not depend on the order of arrival.
type ledger struct {
	names *Names
	calls map[string]int64
	reqs  map[string]int64
	fates map[string]int64
	outs  map[string]int64
	spans []Evidence
}

func newLedger(limits Limits) *ledger {
	return &ledger{
		names: NewNames(limits), calls: map[string]int64{}, reqs: map[string]int64{}, fates: map[string]int64{}, outs: map[string]int64{},
	}
}

func (l *ledger) node(r NodeRef) string {
	if r == 0 {
		return "-"
	}
	n, _, _, _ := l.names.Node(r)
	return string(n.Type) + ":" + n.Name
}

func (l *ledger) Call(c *Call) {
	k := fmt.Sprintf("%s(%s) -> %s(%s) via %s %s %s %v %b start=%d client=%d server=%d w=%g",
		l.node(c.Caller), l.names.Name(c.CallerOp), l.node(c.Callee), l.names.Name(c.CalleeOp), l.node(c.Via),
		c.Protocol, c.Mode, c.Basis.Names(), c.Outcome, c.Start, c.ClientTime, c.ServerTime, c.Weight)
	l.add(l.calls, k, c.N)
}

func (l *ledger) Request(r *Request) {
	l.add(l.reqs, fmt.Sprintf("%s(%s) %s %b start=%d server=%d w=%g", l.node(r.Node), l.names.Name(r.Op),
		l.names.Name(r.Version), r.Outcome, r.Start, r.ServerTime, r.Weight), r.N)
}

func (l *ledger) Half(h *Half) {
	l.add(l.fates, fmt.Sprintf("%s %s %s %d", l.node(h.Node), h.Side, h.Fate, h.Start), h.N)
}

func (l *ledger) Outcome(o *Outcome) {
	k := fmt.Sprintf("%s(%s) %s -> %s", l.node(o.Node), l.names.Name(o.Op), l.names.Name(o.Version), l.node(o.Callee))
	for i, c := range o.Counters() {
		if *c != 0 {
			k += fmt.Sprintf(" %s=%d", graph.OutcomeCounterNames[i], *c)
		}
	}
	k += fmt.Sprint(" ", o.Start, o.Trace, o.FatalTrace, o.SurvivedTrace, o.PatienceTrace, o.RetryTrace, slices.Sorted(slices.Values(o.Patience)), slices.Sorted(slices.Values(o.FailedTimes)),
		slices.Sorted(slices.Values(o.Gaps)), slices.Sorted(slices.Values(o.GapRatios)), slices.Sorted(slices.Values(o.Tries)))
	l.add(l.outs, k, o.N)
}

func (l *ledger) Evidence(s *Evidence) { l.spans = append(l.spans, *s) }

func (l *ledger) add(m map[string]int64, k string, n int64) {
	if m[k] += n; m[k] == 0 {
		delete(m, k)
	}
}

var t0 = time.Unix(1_700_000_000, 0)

// feed gives the spans to a new matcher, gap apart, lets every wait end, and returns what it said.
func feed(cfg Config, spans []*graph.Span, gap time.Duration) (*ledger, *Matcher) {
	l := newLedger(cfg.Limits)
	m := New(cfg, l.names, l)
	now := t0
	for _, s := range spans {
		m.Advance(now)
		m.Add("default", s)
		now = now.Add(gap)
	}
	m.Advance(now.Add(cfg.Wait))
	return l, m
}

var services = map[string]*graph.Service{}

func service(name string) *graph.Service {
	if services[name] == nil {
		services[name] = &graph.Service{Node: graph.Node{Type: graph.TypeService, Name: name}, Version: "1"}
	}
	return services[name]
}

func id(n int) (s graph.SpanID) {
	if n != 0 {
		s[0], s[6], s[7] = 1, byte(n>>8), byte(n)
	}
	return s
}

func peer(s string) graph.Peer {
	typ, name, _ := strings.Cut(s, ":")
	switch {
	case s == "":
		return graph.Peer{}
	case typ == "own":
		return graph.Peer{Node: graph.Node{Type: graph.TypeExternal, Name: name}, Own: true}
	case typ == "stub":
		return graph.Peer{Node: graph.Node{Type: graph.TypeExternal, Name: name, System: Unresolved}}
	}
	return graph.Peer{Node: graph.Node{Type: graph.NodeType(typ), Name: name}}
}

// span builds a span of trace 1 in one line; start and duration follow from n.
func span(svc string, n, parent int, kind graph.Kind, to string, links ...int) *graph.Span {
	s := &graph.Span{
		Trace: graph.TraceID{1}, ID: id(n), Parent: id(parent), Weight: 1,
		Start: int64(n) * 1000, Duration: time.Duration(n) * time.Millisecond,
		Shape: &graph.Shape{Kind: kind, Service: service(svc), Operation: fmt.Sprintf("op%d", n), Peer: peer(to)},
	}
	for _, l := range links {
		s.Links = append(s.Links, graph.Link{Trace: s.Trace, ID: id(l)})
	}
	return s
}

const (
	un  = graph.KindUnspecified
	in  = graph.KindInternal
	srv = graph.KindServer
	cli = graph.KindClient
	pro = graph.KindProducer
	con = graph.KindConsumer
)

func failed(s *graph.Span) *graph.Span   { s.Outcome |= graph.Failed; return s }
func received(s *graph.Span) *graph.Span { s.Outcome |= graph.Receive; return s }
func ofLocal(s *graph.Span) *graph.Span  { s.Outcome |= graph.LocalParent; return s }

// short says what a ledger holds in few words: "a(op) -> b(op) xN", sorted.
func (l *ledger) short() []string {
	sums := map[string]int64{}
	for k, n := range l.calls {
		f := strings.Fields(k)
		s := strings.Join(f[:3], " ")
		if via := f[4]; via != "-" {
			s += " via " + via
		}
		if strings.Contains(k, " async ") {
			s += " async"
		}
		sums[s] += n
	}
	var out []string
	for k, n := range sums {
		if n != 0 {
			out = append(out, fmt.Sprintf("%s x%d", strings.ReplaceAll(k, "service:", ""), n))
		}
	}
	slices.Sort(out)
	return out
}

func (l *ledger) requests() []string {
	var out []string
	for k, n := range l.reqs {
		out = append(out, fmt.Sprintf("%s x%d", strings.TrimPrefix(strings.Fields(k)[0], "service:"), n))
	}
	slices.Sort(out)
	return out
}

func TestSituations(t *testing.T) {
	tests := map[string]struct {
		spans    []*graph.Span
		calls    []string
		requests []string
	}{
		"client and server": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "external:b"), span("b", 3, 2, srv, "")},
			calls:    []string{"a(op1) -> b(op3) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "b(op3) x1"},
		},
		"no kinds at all: the boundary decides": {
			spans:    []*graph.Span{span("a", 1, 0, un, ""), span("a", 2, 1, un, ""), span("b", 3, 2, un, ""), span("b", 4, 3, un, "")},
			calls:    []string{"a(op1) -> b(op3) x1"},
			requests: []string{"a(op1) x1", "b(op3) x1"},
		},
		"a store with a service name of its own and CLIENT kind": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("redis", 2, 1, cli, "cache:redis")},
			calls:    []string{"a(op1) -> redis(op2) x1", "redis(op2) -> cache:redis(op2) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "redis(op2) x1"},
		},
		"own service as peer gives no inferred edge": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("mysql", 2, 1, cli, "own:mysql")},
			calls:    []string{"a(op1) -> mysql(op2) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "mysql(op2) x1"},
		},
		"several children of one client span are several calls": {
			spans: []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "external:b"), span("b", 3, 2, srv, ""), span("b", 4, 2, srv, "")},
			calls: []string{"a(op1) -> b(op3) x1", "a(op1) -> b(op4) x1", "user:user() -> a(op1) x1"},
			requests: []string{
				"a(op1) x1", "b(op3) x1", "b(op4) x1",
			},
		},
		"internal spans are climbed to the caller's operation": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, in, ""), span("a", 3, 2, in, ""), span("a", 4, 3, cli, "database:pg")},
			calls:    []string{"a(op1) -> database:pg(op4) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1"},
		},
		"background work": {
			spans: []*graph.Span{span("a", 1, 0, in, ""), span("a", 2, 1, cli, "database:pg")},
			calls: []string{"a((background)) -> database:pg(op2) x1"},
		},
		"server whose parent never came": {
			spans:    []*graph.Span{span("a", 2, 1, srv, "")},
			calls:    []string{"unknown:unknown() -> a(op2) x1"},
			requests: []string{"a(op2) x1"},
		},
		"server with a parent in its own process is no entry": {
			spans: []*graph.Span{ofLocal(span("a", 2, 1, srv, ""))},
		},
		"client without a partner": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), failed(span("a", 2, 1, cli, "external:pay:443"))},
			calls:    []string{"a(op1) -> external:pay:443(op2) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1"},
		},
		"nested clients are one call": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "database:dynamo"), span("a", 3, 2, cli, "external:aws:443")},
			calls:    []string{"a(op1) -> database:dynamo(op2) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1"},
		},
		"the outer client learns its peer from the inner": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "stub:unresolved"), span("a", 3, 2, cli, "external:aws:443")},
			calls:    []string{"a(op1) -> external:aws:443(op2) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1"},
		},
		"nested clients with an answer inside": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "external:b"), span("a", 3, 2, cli, "external:b:80"), span("b", 4, 3, srv, "")},
			calls:    []string{"a(op1) -> b(op4) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "b(op4) x1"},
		},
		"database client with a callee of its own": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "database:pg"), span("pgproxy", 3, 2, srv, "")},
			calls:    []string{"a(op1) -> pgproxy(op3) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "pgproxy(op3) x1"},
		},
		"gateway with client spans only": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "external:gw"), span("gw", 3, 2, cli, "external:b"), span("b", 4, 3, srv, "")},
			calls:    []string{"a(op1) -> gw(op3) x1", "gw(op3) -> b(op4) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "b(op4) x1", "gw(op3) x1"},
		},
		"sidecar and application in one service are one request": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, srv, ""), span("a", 3, 2, cli, "cache:redis")},
			calls:    []string{"a(op1) -> cache:redis(op3) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1"},
		},
		"a service calls itself": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "external:a"), span("a", 3, 2, srv, "")},
			calls:    []string{"a(op1) -> a(op3) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "a(op3) x1"},
		},
		"shared ids of client and server": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, cli, "external:b"), span("b", 2, 1, srv, ""), span("b", 3, 2, in, ""), span("b", 4, 3, cli, "database:pg")},
			calls:    []string{"a(op1) -> b(op2) x1", "b(op2) -> database:pg(op4) x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "b(op2) x1"},
		},
		"shared ids at the root": {
			spans:    []*graph.Span{span("a", 2, 0, cli, "external:b"), span("b", 2, 0, srv, "")},
			calls:    []string{"a((background)) -> b(op2) x1"},
			requests: []string{"b(op2) x1"},
		},
		"queue by parent": {
			spans:    []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, pro, "queue:orders"), span("b", 3, 2, con, "queue:orders")},
			calls:    []string{"a(op1) -> b(op3) via queue:orders async x1", "a(op1) -> queue:orders(op2) x1", "queue:orders() -> b(op3) async x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "b(op3) x1"},
		},
		"queue with two consumers by link": {
			spans: []*graph.Span{span("a", 1, 0, srv, ""), span("a", 2, 1, pro, "queue:orders"),
				span("b", 3, 0, con, "queue:orders", 2), span("c", 4, 0, con, "queue:orders", 2)},
			calls: []string{"a(op1) -> b(op3) via queue:orders async x1", "a(op1) -> c(op4) via queue:orders async x1",
				"a(op1) -> queue:orders(op2) x1", "queue:orders() -> b(op3) async x1", "queue:orders() -> c(op4) async x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "b(op3) x1", "c(op4) x1"},
		},
		"a batch of three messages, one producer unseen": {
			spans: []*graph.Span{span("a", 1, 0, pro, "queue:orders"), span("a", 2, 0, pro, "queue:orders"),
				span("b", 4, 0, con, "queue:orders", 1, 2, 3, 1)},
			calls: []string{"a((background)) -> b(op4) via queue:orders async x2",
				"a((background)) -> queue:orders(op1) x1", "a((background)) -> queue:orders(op2) x1", "queue:orders() -> b(op4) async x3"},
			requests: []string{"b(op4) x1"},
		},
		"consumer that does not name its queue": {
			spans: []*graph.Span{span("a", 1, 0, pro, "queue:orders"), span("b", 2, 1, con, "")},
			calls: []string{"a((background)) -> b(op2) via queue:orders async x1", "a((background)) -> queue:orders(op1) x1",
				"queue:orders() -> b(op2) async x1"},
			requests: []string{"b(op2) x1"},
		},
		"producer span missing, consumer under the sender's server span": {
			spans: []*graph.Span{span("a", 1, 0, srv, ""), span("b", 2, 1, con, "queue:orders")},
			calls: []string{"a(op1) -> b(op2) via queue:orders async x1", "a(op1) -> queue:orders(op1) x1",
				"queue:orders() -> b(op2) async x1", "user:user() -> a(op1) x1"},
			requests: []string{"a(op1) x1", "b(op2) x1"},
		},
		"producer and consumer without messaging attributes": {
			spans:    []*graph.Span{span("a", 1, 0, pro, "stub:unresolved"), span("b", 2, 1, con, "")},
			calls:    []string{"a((background)) -> b(op2) async x1"},
			requests: []string{"b(op2) x1"},
		},
		"receive span with the processing inside": {
			spans: []*graph.Span{span("a", 1, 0, pro, "queue:orders"), received(span("b", 2, 0, con, "queue:orders", 1)), span("b", 3, 2, con, "queue:orders", 1)},
			calls: []string{"a((background)) -> b(op3) via queue:orders async x1", "a((background)) -> queue:orders(op1) x1",
				"queue:orders() -> b(op3) async x1"},
			requests: []string{"b(op3) x1"},
		},
		"receive span alone": {
			spans: []*graph.Span{received(span("b", 2, 0, cli, "queue:orders"))},
			calls: []string{"queue:orders() -> b(op2) async x1"},
		},
		"consumer at the root is not called by the user": {
			spans:    []*graph.Span{span("b", 2, 0, con, "queue:orders")},
			calls:    []string{"queue:orders() -> b(op2) async x1"},
			requests: []string{"b(op2) x1"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			permute(tt.spans, func(spans []*graph.Span) {
				for _, gap := range []time.Duration{0, 7 * time.Second, 40 * time.Second} {
					l, _ := feed(DefaultConfig(), append(spans, spans[0]), gap)
					if diff := cmp.Diff(tt.calls, l.short()); diff != "" {
						t.Fatalf("calls of %v, %s apart (-want +got):\n%s", order(spans), gap, diff)
					}
					if diff := cmp.Diff(tt.requests, l.requests()); diff != "" {
						t.Fatalf("requests of %v, %s apart (-want +got):\n%s", order(spans), gap, diff)
					}
				}
			})
		})
	}
}

func order(spans []*graph.Span) (ops []string) {
	for _, s := range spans {
		ops = append(ops, s.Service.Name+"/"+s.Operation)
	}
	return ops
}

// permute calls f with every order of s.
func permute(s []*graph.Span, f func([]*graph.Span)) {
	var rec func(int)
	rec = func(i int) {
		if i == len(s) {
			f(slices.Clone(s))
			return
		}
		for j := i; j < len(s); j++ {
			s[i], s[j] = s[j], s[i]
			rec(i + 1)
			s[i], s[j] = s[j], s[i]
		}
	}
	rec(0)
}

// randomSpans makes a tangle of spans: every kind, any parent, shared ids, links across traces.
func randomSpans(r *rand.Rand) []*graph.Span {
	kinds := []graph.Kind{un, in, srv, srv, cli, cli, cli, pro, con}
	peers := []string{"", "own:x", "stub:unresolved", "external:pay:443", "external:mail:25", "database:pg", "cache:redis", "queue:orders", "queue:mails"}
	n := 2 + r.IntN(30)
	spans := make([]*graph.Span, 0, n)
	for i := 1; i <= n; i++ {
		parent := 0
		if i > 1 && r.IntN(5) > 0 {
			parent = 1 + r.IntN(i+1) // may be itself, or one that never comes
		}
		kind := kinds[r.IntN(len(kinds))]
		to := ""
		if kind.IsOutgoing() || kind == con {
			to = peers[r.IntN(len(peers))]
		}
		s := span(string(rune('a'+r.IntN(4))), i, min(parent, i-1+2*r.IntN(2)), kind, to)
		if kind == con || kind.IsOutgoing() && r.IntN(6) == 0 {
			for range r.IntN(3) {
				s.Links = append(s.Links, graph.Link{Trace: s.Trace, ID: id(1 + r.IntN(n+1))})
			}
			if r.IntN(4) == 0 {
				received(s)
			}
		}
		if r.IntN(10) == 0 {
			failed(s)
		}
		if r.IntN(20) == 0 {
			ofLocal(s)
		}
		spans = append(spans, s)
		if kind == cli && s.Outcome&graph.Receive == 0 && r.IntN(4) == 0 { // its server half under the same id
			twin := span(string(rune('a'+r.IntN(4))), i, 0, srv, "")
			twin.Parent = s.Parent
			spans = append(spans, twin)
		}
	}
	return spans
}

// TestOrderDoesNotMatter is promise 1: whatever the order, the repeats and the gaps, the sum is the same.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range *seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		spans := randomSpans(r)
		if hasCycle(spans) {
			continue // which link of a cycle is dropped depends on the order, by nature
		}
		want, _ := feed(DefaultConfig(), spans, 0)
		if n, fates := halves(spans), sum(want.fates); n != fates {
			t.Fatalf("seed %d: %d halves, %d fates: %v", seed, n, fates, want.fates)
		}
		for range 4 {
			shuffled := slices.Concat(spans, spans[:r.IntN(len(spans))])
			r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			gap := time.Duration(r.IntN(12)) * time.Second
			got, _ := feed(DefaultConfig(), shuffled, gap)
			if diff := differ(want.calls, got.calls); diff != "" {
				t.Fatalf("seed %d: calls differ (-in order +shuffled, %s apart):\n%s", seed, gap, diff)
			}
			if diff := differ(want.reqs, got.reqs); diff != "" {
				t.Fatalf("seed %d: requests differ (-in order +shuffled, %s apart):\n%s", seed, gap, diff)
			}
			if diff := differ(want.fates, got.fates); diff != "" {
				t.Fatalf("seed %d: fates of halves differ (-in order +shuffled, %s apart):\n%s", seed, gap, diff)
			}
			if diff := differ(want.outs, got.outs); diff != "" {
				t.Fatalf("seed %d: outcomes differ (-in order +shuffled, %s apart):\n%s", seed, gap, diff)
			}
		}
	}
}

// differ is cmp.Diff for what nearly always is equal.
func differ(want, got map[string]int64) string {
	if maps.Equal(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

// halves counts the spans that are half of a call.
func halves(spans []*graph.Span) (n int64) {
	type key struct {
		id       graph.SpanID
		incoming bool
	}
	seen := map[key]bool{}
	for _, s := range spans {
		if k := (key{s.ID, s.Kind.IsIncoming()}); (s.Kind.IsIncoming() || s.Kind.IsOutgoing()) && !seen[k] {
			seen[k] = true
			n++
		}
	}
	return n
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// TestForgetting takes the room and the time away that exactness needs. Nothing said may then be taken back
// twice, and nothing may break.
func TestForgetting(t *testing.T) {
	for seed := range *seeds {
		r := rand.New(rand.NewPCG(seed, 2))
		var spans []*graph.Span
		for trace := range byte(4) {
			for _, s := range randomSpans(r) {
				s.Trace[1] = trace
				spans = append(spans, s)
			}
		}
		r.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		cfg := DefaultConfig()
		cfg.MaxSpans = 3 + r.IntN(40)
		cfg.Keep = time.Duration(1+r.IntN(120)) * time.Second
		l, m := feed(cfg, spans, time.Duration(r.IntN(20))*time.Second)
		for k, n := range l.calls {
			if n < 0 {
				t.Fatalf("seed %d: %s counted %d times", seed, k, n)
			}
		}
		if n := m.Counters().Remembered; n > cfg.MaxSpans+8 {
			t.Fatalf("seed %d: %d spans remembered, %d allowed", seed, n, cfg.MaxSpans)
		}
	}
}

// TestLongRun wraps the numbers of slots around and drops and reuses chunks.
func TestLongRun(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxSpans = 3 << chunkBits
	l := newLedger(cfg.Limits)
	m := New(cfg, l.names, l)
	m.table.oldest, m.table.next = ^seq(0)-5000, ^seq(0)-5000
	m.Advance(t0)
	for i := range 15_000 {
		for n, s := range []*graph.Span{span("b", 3, 2, srv, ""), span("a", 2, 1, cli, "external:b"), span("a", 1, 0, srv, "")} {
			s.Trace = graph.TraceID{1, byte(i), byte(i >> 8)}
			s.Start = int64(n)
			m.Add("default", s)
		}
	}
	want := []string{"a(op1) -> b(op3) x15000", "user:user() -> a(op1) x15000"}
	if diff := cmp.Diff(want, l.short()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// What memory has no room for is on disk and still finds its other half, however late that comes; what the disk has
// no room for is forgotten, and counted.
func TestSpill(t *testing.T) {
	const calls = 10_000
	tests := map[string]struct {
		spill    *pages
		paired   int64
		overflow bool
	}{
		"room on disk":    {&pages{room: 100}, calls, false},
		"too little room": {&pages{room: 1}, 0, true},
		"nowhere to go":   {nil, 0, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.MaxSpans = 2 << chunkBits
			l := newLedger(cfg.Limits)
			m := New(cfg, l.names, l)
			if tt.spill != nil {
				m.SpillTo(tt.spill)
			}
			m.Advance(t0)
			for _, half := range []*graph.Span{span("a", 2, 1, cli, "external:b"), span("a", 1, 0, srv, ""), span("b", 3, 2, srv, "")} {
				for i := range calls {
					half.Trace = graph.TraceID{1, byte(i), byte(i >> 8)}
					m.Add("default", half)
				}
			}
			paired := int64(0)
			for _, line := range l.short() {
				if n, ok := strings.CutPrefix(line, "a(op1) -> b(op3) x"); ok {
					paired, _ = strconv.ParseInt(n, 10, 64)
				}
			}
			c := m.Counters()
			if tt.paired > 0 && paired != tt.paired || tt.paired == 0 && paired == calls || (c.Overflowed > 0) != tt.overflow {
				t.Errorf("%d of %d calls paired, %d spans forgotten early", paired, calls, c.Overflowed)
			}
			if tt.spill != nil && c.Spilled == 0 || c.Remembered-c.Spilled > cfg.MaxSpans+m.slack() {
				t.Errorf("%d spans remembered, %d of these on disk", c.Remembered, c.Spilled)
			}
			m.Advance(t0.Add(time.Hour))
			m.Advance(t0.Add(2 * time.Hour))
			if c := m.Counters(); c.Remembered != 0 || c.Spilled != 0 || tt.spill != nil && tt.spill.free != tt.spill.stored {
				t.Errorf("after their time %d are remembered, %d spilled, %+v", c.Remembered, c.Spilled, tt.spill)
			}
		})
	}
}

// pages is a Spill in other memory, with room for a few pieces.
type pages struct {
	room         int
	stored, free int
}

func (p *pages) Store(b []byte) ([]byte, error) {
	if p.stored-p.free == p.room {
		return nil, errors.New("no room")
	}
	p.stored++
	elsewhere := new(chunk).bytes()
	copy(elsewhere, b)
	return elsewhere, nil
}

func (p *pages) Free([]byte) { p.free++ }

func BenchmarkMatch(b *testing.B) {
	cfg := DefaultConfig()
	names := NewNames(cfg.Limits)
	m := New(cfg, names, discard{})
	var spans []*graph.Span
	for i := range 8 { // a request through eight services, 3 spans each, servers first
		svc := fmt.Sprintf("svc%d", i)
		spans = append(spans, span(svc, 3*i+1, 3*i, srv, ""), span(svc, 3*i+2, 3*i+1, in, ""), span(svc, 3*i+3, 3*i+2, cli, "external:x"))
	}
	slices.Reverse(spans)
	b.ReportAllocs()
	now := t0
	for i := 0; b.Loop(); i++ {
		s := spans[i%len(spans)]
		if i%len(spans) == 0 {
			now = now.Add(300 * time.Microsecond) // 80,000 spans a second
			m.Advance(now)
		}
		n := uint64(i / len(spans))
		for j := range 8 {
			s.Trace[15-j] = byte(n >> (8 * j))
		}
		m.Add("default", s)
	}
}

type discard struct{}

func (discard) Call(*Call)         {}
func (discard) Request(*Request)   {}
func (discard) Half(*Half)         {}
func (discard) Outcome(*Outcome)   {}
func (discard) Evidence(*Evidence) {}

func hasCycle(spans []*graph.Span) bool {
	parent := map[graph.SpanID]graph.SpanID{}
	for _, s := range spans {
		if s.Parent != s.ID {
			parent[s.ID] = s.Parent
		}
	}
	for id := range parent {
		at := id
		for range len(parent) + 1 {
			at = parent[at]
		}
		if at != (graph.SpanID{}) {
			return true
		}
	}
	return false
}

// moody fails once.
type moody struct {
	pages
	fail bool
}

func (p *moody) Store(b []byte) ([]byte, error) {
	if p.fail {
		p.fail = false
		return nil, errors.New("this once")
	}
	return p.pages.Store(b)
}

// One attempt to spill that fails must not cost what was spilled before.
func TestSpillFailsOnce(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxSpans = 2 << chunkBits
	l := newLedger(cfg.Limits)
	m := New(cfg, l.names, l)
	p := &moody{pages: pages{room: 1000}}
	m.SpillTo(p)
	m.Advance(t0)
	add := func(i int) {
		s := span("a", 1, 0, srv, "")
		s.Trace = graph.TraceID{1, byte(i), byte(i >> 8), byte(i >> 16)}
		m.Add("default", s)
	}
	for i := range 40_000 {
		add(i)
	}
	before := m.Counters()
	m.Advance(t0.Add(10e9))
	p.fail = true
	for i := range 5000 {
		add(40_000 + i)
	}
	after := m.Counters()
	if after.Remembered < before.Remembered/2 {
		t.Errorf("of %d spans remembered (%d on disk) %d are left (%d)", before.Remembered, before.Spilled, after.Remembered, after.Spilled)
	}
}

// A hundred jobs at a time, others every day, and one service that stays and whose operations are others every day: no limit
// is on what was long ago.
func TestLimitsAreOnADay(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Limits = Limits{Nodes: 250, Operations: 20}
	l := newLedger(cfg.Limits)
	m := New(cfg, l.names, l)
	n := 0
	add := func(name, operation string) {
		n++
		s := span("a", 1, 0, srv, "")
		s.Trace = graph.TraceID{1, byte(n), byte(n >> 8), byte(n >> 16)}
		s.Shape = &graph.Shape{Service: &graph.Service{Node: graph.Node{Type: graph.TypeService, Name: name}}, Kind: srv, Operation: operation}
		m.Add("default", s)
	}
	for day := range 30 {
		m.Advance(t0.Add(time.Duration(day) * 24 * time.Hour))
		for i := range 100 {
			add(fmt.Sprintf("job-%d-%d", day, i), "run")
		}
		for i := range 15 {
			add("api", fmt.Sprintf("operation-%d-%d", day, i))
		}
	}
	if over := l.names.Over(); over.Nodes > 0 || over.Operations > 30*15/2 {
		t.Errorf("%d nodes and %d operations are __other__", over.Nodes, over.Operations)
	}
	before := l.names.Over()
	for i := range 400 {
		add(fmt.Sprintf("flood-%d", i), "run")
	}
	if over := l.names.Over(); over.Nodes-before.Nodes < 150 {
		t.Errorf("of 400 nodes at once only %d are __other__", over.Nodes-before.Nodes)
	}
}

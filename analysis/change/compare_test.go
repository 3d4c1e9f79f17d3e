package change

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"faultline/graph"
)

var (
	user  = graph.Node{Type: graph.TypeUser, Name: "user"}
	web   = graph.Node{Type: graph.TypeService, Name: "web", Environment: "prod"}
	cart  = graph.Node{Type: graph.TypeService, Name: "cart", Environment: "prod"}
	pay   = graph.Node{Type: graph.TypeService, Name: "pay", Environment: "prod"}
	redis = graph.Node{Type: graph.TypeCache, Name: "redis", Environment: "prod"}
	trial = graph.Node{Type: graph.TypeService, Name: "trial", Environment: "test"}
	port  = graph.Node{Type: graph.TypeExternal, Name: "cart:8080", Environment: "prod"}

	named = []graph.Node{user, web, cart, pay, redis, trial, port}
	noon  = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

func nameOf(id graph.NodeID) string {
	for _, n := range named {
		if n.ID() == id {
			return n.Name
		}
	}
	return id.String()
}

// scene is what a window saw, as a test puts it down.
type scene struct {
	calls    map[string]int64  // "web>cart": calls
	failed   map[string]int64  // of them, or of an operation
	took     map[string]string // "20ms" or "20ms 300ms": half of them each
	served   map[string]int64  // "web GET /": requests
	version  map[string]string // of a node; "1"
	outcomes map[string]graph.OutcomeStats
	meant    map[string]string // "web>cart:8080": "cart"
}

func node(name string) graph.Node {
	i := slices.IndexFunc(named, func(n graph.Node) bool { return n.Name == name })
	return named[i]
}

func timed(n int64, took string) (h graph.Histogram) {
	if took == "" {
		took = "20ms"
	}
	parts := strings.Fields(took)
	for _, part := range parts {
		d, err := time.ParseDuration(part)
		if err != nil {
			panic(err)
		}
		h.Observe(d, n/int64(len(parts)))
	}
	return h
}

func (s scene) snapshot(w graph.Window) *Snapshot {
	shot := NewSnapshot(w)
	aliases := map[graph.Alias]graph.NodeID{}
	for k, service := range s.meant {
		from, to, _ := strings.Cut(k, ">")
		aliases[graph.Alias{Caller: node(from).ID(), Callee: node(to).ID()}] = node(service).ID()
	}
	shot.Resolve(aliases)
	var g graph.Graph
	seen := map[string]bool{}
	add := func(name string) graph.NodeID {
		if n := node(name); !seen[name] {
			seen[name] = true
			g.Nodes = append(g.Nodes, graph.NodeStats{Node: n})
		}
		return node(name).ID()
	}
	for k, n := range s.calls {
		from, to, _ := strings.Cut(k, ">")
		key := graph.EdgeKey{Caller: add(from), Callee: add(to), Protocol: "http", Mode: graph.Sync}
		g.Edges = append(g.Edges, graph.Edge{EdgeKey: key, Stats: graph.Stats{Calls: n, Failed: s.failed[k], Client: timed(n, s.took[k])}})
	}
	for k, n := range s.served {
		name, op, _ := strings.Cut(k, " ")
		version := s.version[name]
		if version == "" {
			version = "1"
		}
		shot.AddOperation(&graph.OperationRow{
			Node: add(name), Operation: op, Version: version, Stats: graph.Stats{Calls: n, Failed: s.failed[k], Server: timed(n, s.took[k])},
		})
	}
	shot.AddGraph(&g)
	for k, o := range s.outcomes {
		from, to, _ := strings.Cut(k, ">")
		shot.AddOutcome(&graph.OutcomeRow{Caller: node(from).ID(), Callee: node(to).ID(), OutcomeStats: o})
	}
	return shot
}

// said is a report in short: one line for each item, the uncertain ones with a question mark.
func said(r *Report) (lines []string) {
	for i, items := range [][]Item{r.Items, r.Uncertain} {
		for _, x := range items {
			line := string(x.Kind) + " " + nameOf(x.Node)
			if x.Callee != 0 {
				line += ">" + nameOf(x.Callee)
			}
			if x.Operation != "" {
				line += " " + x.Operation
			}
			for _, v := range x.Versions {
				line += fmt.Sprintf(" (%s %s to %s)", nameOf(v.Node), v.From, v.To)
			}
			line += " " + string(x.Rating)
			if i == 1 {
				line += "?"
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

func TestCompare(t *testing.T) {
	// A usual hour: the shop calls its cart with every second request, and that its cache.
	usual := func() scene {
		return scene{
			calls:  map[string]int64{"user>web": 1000, "web>cart": 500, "cart>redis": 500},
			served: map[string]int64{"web GET /": 800, "web GET /cart": 200, "cart GET /items": 500},
			failed: map[string]int64{}, took: map[string]string{}, version: map[string]string{}, outcomes: map[string]graph.OutcomeStats{},
		}
	}
	tests := map[string]struct {
		before, after func(*scene)
		known         Knowledge
		want          []string
	}{
		"nothing": {},
		"less traffic is no change": {after: func(s *scene) {
			for k := range s.calls {
				s.calls[k] /= 4
			}
			for k := range s.served {
				s.served[k] /= 4
			}
		}},
		"a new edge": {
			after: func(s *scene) { s.calls["web>redis"] = 3 },
			want:  []string{"edge_new web>redis notice"},
		},
		"two calls are not enough": {
			after: func(s *scene) { s.calls["web>redis"] = 2 },
			want:  []string{"edge_new web>redis notice?"},
		},
		"calls of a service that was down are calls of the service": {
			before: func(s *scene) {
				s.calls["web>cart:8080"], s.failed["web>cart:8080"], s.took["web>cart:8080"] = 100, 100, "1ms"
				s.calls["web>cart"], s.calls["cart>redis"], s.served["cart GET /items"] = 400, 400, 400
				s.meant = map[string]string{"web>cart:8080": "cart"}
			},
			want: []string{"errors web>cart better"},
		},
		"a service that is down all the time": {
			after: func(s *scene) {
				s.calls["web>cart:8080"], s.failed["web>cart:8080"] = 500, 500
				delete(s.calls, "web>cart")
				delete(s.calls, "cart>redis")
				delete(s.served, "cart GET /items")
				s.meant = map[string]string{"web>cart:8080": "cart"}
			},
			want: []string{"edge_lost cart>redis risk?", "errors web>cart worse", "node_lost redis risk?", "operation_lost cart GET /items notice?"},
		},
		"an address that another caller calls too stays": {
			before: func(s *scene) {
				s.calls["web>cart:8080"], s.calls["cart>cart:8080"] = 100, 100
				s.meant = map[string]string{"web>cart:8080": "cart"}
			},
			want: []string{"edge_lost cart>cart:8080 risk", "node_lost cart:8080 risk"},
		},
		"a caller with too few requests before": {
			before: func(s *scene) { s.served["web GET /"], s.served["web GET /cart"] = 49, 50 },
			after:  func(s *scene) { s.calls["web>redis"] = 50 },
			want:   []string{"edge_new web>redis notice?"},
		},
		"a new edge with a deploy": {
			after: func(s *scene) { s.calls["web>redis"] = 30; s.version["web"] = "2" },
			want:  []string{"edge_new web>redis (web 1 to 2) notice"},
		},
		"a new edge into another environment": {
			before: func(s *scene) { s.calls["user>trial"], s.served["trial GET /"] = 100, 100 },
			after:  func(s *scene) { s.calls["user>trial"], s.served["trial GET /"], s.calls["web>trial"] = 100, 130, 30 },
			want:   []string{"edge_new web>trial risk"},
		},
		"a new service": {
			after: func(s *scene) { s.calls["web>pay"], s.served["pay POST /pay"], s.calls["pay>redis"] = 40, 40, 40 },
			want:  []string{"edge_new web>pay notice", "node_new pay notice"},
		},
		"a lost edge": {
			before: func(s *scene) { s.calls["web>redis"] = 100 },
			want:   []string{"edge_lost web>redis risk"},
		},
		"a lost edge with a deploy": {
			before: func(s *scene) { s.calls["web>redis"] = 100 },
			after:  func(s *scene) { s.version["web"] = "2" },
			want:   []string{"edge_lost web>redis (web 1 to 2) notice"},
		},
		"nine expected calls are not enough": { // e^-9 > 1e-4
			before: func(s *scene) { s.calls["web>redis"] = 9 },
			want:   []string{"edge_lost web>redis risk?"},
		},
		"ten expected calls are": {
			before: func(s *scene) { s.calls["web>redis"] = 10 },
			want:   []string{"edge_lost web>redis risk"},
		},
		"a caller with little to do calls little": {
			before: func(s *scene) { s.calls["web>redis"] = 100 },
			after: func(s *scene) {
				for k := range s.served {
					s.served[k] /= 20
				}
				for k := range s.calls {
					s.calls[k] /= 20
				}
			},
			want: []string{"edge_lost web>redis risk?"},
		},
		"a job of one request that calls a hundred times": {
			before: func(s *scene) {
				s.calls["web>redis"] = 100
				s.outcomes["web>redis"] = graph.OutcomeStats{Requests: 1, Attempts: 100, Calls: 100}
			},
			want: []string{"edge_lost web>redis risk?"},
		},
		"a lost service": {
			after: func(s *scene) {
				delete(s.calls, "web>cart")
				delete(s.calls, "cart>redis")
				delete(s.served, "cart GET /items")
			},
			want: []string{"edge_lost web>cart risk", "node_lost cart risk", "node_lost redis risk?"},
		},
		"operations come and go": {
			after: func(s *scene) { s.served["web GET /cart"] = 0; s.served["web GET /basket"] = 200 },
			want:  []string{"operation_lost web GET /cart notice", "operation_new web GET /basket notice"},
		},
		"more calls for each request": {
			after: func(s *scene) { s.calls["cart>redis"] = 1000 },
			want:  []string{"rate cart>redis notice"},
		},
		"calls that come a hundred at a time vary": {
			before: func(s *scene) {
				s.outcomes["cart>redis"] = graph.OutcomeStats{Requests: 5, Attempts: 500, Calls: 500}
			},
			after: func(s *scene) {
				s.calls["cart>redis"] = 1000
				s.outcomes["cart>redis"] = graph.OutcomeStats{Requests: 10, Attempts: 1000, Calls: 1000}
			},
		},
		"more failures": {
			before: func(s *scene) { s.failed["web>cart"] = 5 },
			after:  func(s *scene) { s.failed["web>cart"] = 50 },
			want:   []string{"errors web>cart worse"},
		},
		"a few more failures may be chance": {
			before: func(s *scene) { s.failed["web>cart"] = 5 },
			after:  func(s *scene) { s.failed["web>cart"] = 12 },
		},
		"fewer failures": {
			before: func(s *scene) { s.failed["cart GET /items"] = 100 },
			want:   []string{"errors cart GET /items better"},
		},
		"slower": {
			before: func(s *scene) { s.took["web>cart"] = "20ms" },
			after:  func(s *scene) { s.took["web>cart"] = "20ms 30ms" },
			want:   []string{"latency web>cart worse"},
		},
		"slower by less than a fifth": {
			before: func(s *scene) { s.took["web>cart"] = "20ms" },
			after:  func(s *scene) { s.took["web>cart"] = "23ms" },
		},
		"retries begin": {
			before: func(s *scene) {
				s.outcomes["web>cart"] = graph.OutcomeStats{Requests: 500, Calls: 500, Attempts: 500, FailedAttempts: 100}
			},
			after: func(s *scene) {
				s.outcomes["web>cart"] = graph.OutcomeStats{Requests: 500, Calls: 500, Attempts: 650, FailedAttempts: 170}
			},
			want: []string{"amplification web>cart worse", "retries web>cart notice"},
		},
		"a new cycle": {
			after: func(s *scene) { s.calls["cart>web"] = 10 },
			want:  []string{"cycle_new cart>web risk", "edge_new cart>web notice"},
		},
		"a cycle that was there": {
			before: func(s *scene) { s.calls["cart>web"] = 10 },
			after:  func(s *scene) { s.calls["cart>web"] = 10 },
		},
		"a dependency became hard": {
			known: Knowledge{
				Verdicts: []VerdictChange{
					{Caller: cart.ID(), Callee: redis.ID(), Operation: "GET /items", From: "soft", To: "hard", At: noon.Add(time.Minute), BeforeVersion: "1", AfterVersion: "2"},
					{Caller: web.ID(), Callee: cart.ID(), From: "soft", To: "hard", At: noon.Add(-2 * time.Hour)}, // before both
				},
				Hard:    func(graph.NodeID, graph.NodeID) bool { return true },
				Entries: []graph.NodeID{web.ID()},
			},
			want: []string{"criticality cart>redis GET /items (cart 1 to 2) worse", "hard_dependency_new cart>redis risk"},
		},
		"no entry needs what became hard": {
			known: Knowledge{
				Verdicts: []VerdictChange{{Caller: cart.ID(), Callee: redis.ID(), From: "hard", To: "soft", At: noon}},
				Hard:     func(graph.NodeID, graph.NodeID) bool { return false },
				Entries:  []graph.NodeID{web.ID()},
			},
			want: []string{"criticality cart>redis better"},
		},
		"a new hard dependency": {
			after: func(s *scene) { s.calls["cart>pay"] = 40 },
			known: Knowledge{Hard: func(_, callee graph.NodeID) bool { return callee != redis.ID() }, Entries: []graph.NodeID{web.ID()}},
			want:  []string{"edge_new cart>pay notice", "hard_dependency_new cart>pay risk", "node_new pay notice"},
		},
	}
	p, q := graph.Window{From: noon.Add(-time.Hour), To: noon}, graph.Window{From: noon, To: noon.Add(time.Hour)}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := usual(), usual()
			if test.before != nil {
				test.before(&before)
			}
			if test.after != nil {
				test.after(&after)
			}
			r := Compare(before.snapshot(p), after.snapshot(q), test.known)
			if got := said(&r); !slices.Equal(got, test.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
		})
	}
}

// The numbers of an item are those that were counted.
func TestMeasures(t *testing.T) {
	s := scene{calls: map[string]int64{"user>web": 1000, "web>cart": 500}, served: map[string]int64{"web GET /": 1000}}
	before := s.snapshot(graph.Window{To: noon})
	s.failed = map[string]int64{"web>cart": 50}
	r := Compare(before, s.snapshot(graph.Window{From: noon, To: noon.Add(time.Hour)}), Knowledge{})
	if len(r.Items) != 1 || r.Requests != [2]float64{1000, 1000} || r.Compared != 3 {
		t.Fatalf("%+v", r)
	}
	x := r.Items[0]
	if x.Before != (Measure{Of: 500}) || x.After != (Measure{Value: 0.1, Count: 50, Of: 500}) || x.P <= 0 || x.P > level || x.Edge.Protocol != "http" {
		t.Errorf("%+v", x)
	}
}

// Two versions of one service are compared by what each did, at the same time.
func TestCompareVersions(t *testing.T) {
	w := graph.Window{From: noon, To: noon.Add(time.Hour)}
	version := func(name string, failed int64, callees ...graph.Node) *Snapshot {
		s := NewSnapshot(w)
		s.AddOperation(&graph.OperationRow{Node: web.ID(), Operation: "GET /", Version: name, Stats: graph.Stats{Calls: 1000, Failed: failed, Server: timed(1000, "")}})
		for _, callee := range callees {
			s.AddVersionOutcome(&graph.OutcomeRow{Caller: web.ID(), Callee: callee.ID(), OutcomeStats: graph.OutcomeStats{Requests: 1000, Calls: 1000, Attempts: 1000}})
		}
		return s
	}
	r := Compare(version("1", 1, cart, redis), version("2", 60, cart, pay), Knowledge{})
	want := []string{
		"edge_lost web>redis (web 1 to 2) notice", "edge_new web>pay (web 1 to 2) notice", "errors web GET / (web 1 to 2) worse",
	}
	if got := said(&r); !slices.Equal(got, want) || r.Requests != [2]float64{1000, 1000} {
		t.Errorf("got %q of %v", got, r.Requests)
	}
}

// chance are two windows of a system that has not changed: a service with n callees, each called with a share of
// the requests.
func chance(rnd *rand.Rand, n int, requests float64) *Snapshot {
	s := NewSnapshot(graph.Window{From: noon, To: noon.Add(time.Hour)})
	s.AddOperation(&graph.OperationRow{Node: web.ID(), Operation: "GET /", Stats: graph.Stats{Calls: int64(requests)}})
	g := graph.Graph{Nodes: []graph.NodeStats{{Node: web}}}
	for i := range n {
		calls := poisson(rnd, requests*math.Exp2(-float64(i%10)))
		e := graph.Edge{EdgeKey: graph.EdgeKey{Caller: web.ID(), Callee: graph.NodeID(i + 1), Mode: graph.Sync}}
		e.Calls, e.Failed = calls, poisson(rnd, 0.01*float64(calls))
		for range min(calls, 150) {
			e.Client.Observe(time.Duration(20*math.Exp(rnd.NormFloat64())*float64(time.Millisecond)), 1)
		}
		g.Edges = append(g.Edges, e)
	}
	s.AddGraph(&g)
	return s
}

func poisson(rnd *rand.Rand, mean float64) (n int64) {
	if mean > 50 {
		return int64(max(0, math.Round(mean+math.Sqrt(mean)*rnd.NormFloat64())))
	}
	for left := rnd.ExpFloat64(); left < mean; left += rnd.ExpFloat64() {
		n++
	}
	return n
}

// Where nothing has changed, next to nothing is told: 100 comparisons of 150 edges.
func TestChance(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	told := 0
	for range 100 {
		r := Compare(chance(rnd, 150, 20_000), chance(rnd, 150, 20_000), Knowledge{})
		if len(r.Items) > 0 {
			told++
		}
	}
	if told > 5 { // 5 % of the comparisons
		t.Errorf("%d of 100 comparisons say that something has changed", told)
	}
}

func TestStatistics(t *testing.T) {
	near := func(name string, got, want float64) {
		if math.Abs(got-want) > 1e-3*want {
			t.Errorf("%s: %g, want %g", name, got, want)
		}
	}
	near("P(Bin(10, 0.1) >= 3)", binomialTail(3, 10, 0.1), 0.0701908)
	near("P(Bin(300, 0.001) >= 5)", binomialTail(5, 300, 0.001), 1.53267e-5)
	near("all of 10 on one side", split(0, 100, 10, 100), 2*math.Exp2(-10))
	near("even", split(10, 100, 10, 100), 1)
	near("successes are the rarer", proportions(100, 100, 90, 100), split(0, 100, 10, 100))
	near("Student, 2.228 with 10", studentTail(2.228, 10), 0.05)
	near("Kolmogorov, 1.63", distanceChance(1.63*math.Sqrt(2.0/100), 100, 100), 0.00985)

	var a, b graph.Histogram
	a.Observe(10*time.Millisecond, 100)
	b.Observe(10*time.Millisecond, 60)
	b.Observe(50*time.Millisecond, 30)
	b.Observe(time.Millisecond, 10)
	if d := distance(a, b); math.Abs(d-0.3) > 1e-9 {
		t.Errorf("distance %g", d)
	}

	got := benjaminiYekutieli([]float64{0.01, 0.5, 0.02}, 3)
	for i, want := range []float64{0.01 * 3 * 11 / 6, 0.5 * 11 / 6, 0.02 * 3 / 2 * 11 / 6} {
		if math.Abs(got[i]-want) > 1e-9 {
			t.Errorf("corrected %v", got)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	const nodes, edges = 10_000, 100_000
	rnd := rand.New(rand.NewPCG(1, 2))
	shot := func() *Snapshot {
		s := NewSnapshot(graph.Window{From: noon, To: noon.Add(time.Hour)})
		var g graph.Graph
		var ids []graph.NodeID
		for i := range nodes {
			n := graph.Node{Type: graph.TypeService, Name: fmt.Sprint(i)}
			g.Nodes, ids = append(g.Nodes, graph.NodeStats{Node: n}), append(ids, n.ID())
			for op := range 3 {
				s.AddOperation(&graph.OperationRow{Node: ids[i], Operation: fmt.Sprint(op), Stats: graph.Stats{Calls: 1000, Failed: int64(rnd.IntN(10)), Server: timed(1000, "10ms 20ms 30ms")}})
			}
		}
		for i := range edges {
			e := graph.Edge{EdgeKey: graph.EdgeKey{Caller: ids[i%nodes], Callee: ids[(i*7919+i/nodes)%nodes], Mode: graph.Sync}}
			e.Calls, e.Failed = int64(500+rnd.IntN(100)), int64(rnd.IntN(10))
			for d := range 40 {
				e.Client.Observe(time.Duration(1+d)*time.Millisecond, int64(rnd.IntN(30)))
			}
			g.Edges = append(g.Edges, e)
		}
		s.AddGraph(&g)
		return s
	}
	p, q := shot(), shot()
	b.ReportAllocs()
	for b.Loop() {
		Compare(p, q, Knowledge{Hard: func(graph.NodeID, graph.NodeID) bool { return true }})
	}
}

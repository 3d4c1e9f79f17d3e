package slo

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
	"faultline/graph/spread"
)

func TestParse(t *testing.T) {
	got, err := Parse([]byte("- {service: checkout, operation: POST /pay, target: 99.9, latency_ms: 300}\n- {service: checkout, environment: prod, target: 99.5}\n"))
	want := []Objective{{Service: "checkout", Operation: "POST /pay", Target: 99.9, LatencyMS: 300}, {Service: "checkout", Environment: "prod", Target: 99.5}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	_, err = Parse([]byte("- {service: a, target: 99}\n- {service: a, target: 98}\n- {servic: b, target: 100}\n- {service: c, target: high, latency_ms: -1}\n"))
	for _, want := range []string{
		"line 2: the same service and operation have an objective on line 1", `line 3: there is no key "servic"`, "line 3: service is missing",
		"line 3: target is 100 and must be a percentage", "line 4: target must be a number", "line 4: latency_ms is -1",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %q: %v", want, err)
		}
	}
}

const (
	front = graph.NodeID(1 + iota)
	cart
	pay
	db
)

var names = map[graph.NodeID]graph.Node{
	front: {Type: graph.TypeService, Name: "front"}, cart: {Type: graph.TypeService, Name: "cart"},
	pay: {Type: graph.TypeService, Name: "pay"}, db: {Type: graph.TypeDatabase, Name: "db"},
}

// op is 100,000 requests of which so many fail on their own.
func op(node graph.NodeID, own int64, sites ...Site) Operation {
	o := Operation{Operation: spread.Operation{Node: node, Name: "op"}, Requests: 100_000, CleanFailed: own, Failed: own, Sites: sites}
	o.Clean = o.Requests
	for _, s := range sites {
		o.Clean -= s.Alone
		o.Failed += int64(float64(s.Alone) * s.hardness())
	}
	return o
}

// site is used by every request, and in so many of them the callee failed, alone.
func site(callee graph.NodeID, failed int64) Site {
	return Site{Callee: callee, To: []spread.Share{{Operation: "op", Share: 1}}, Coupling: Hard, Hardness: 1, Requests: 100_000, Failed: failed, Alone: failed}
}

func with(s Site, change func(*Site)) Site {
	change(&s)
	return s
}

// near compares up to what is lost by arithmetic.
func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestAssess(t *testing.T) {
	objective := func(target float64) []Objective { return []Objective{{Service: "front", Target: target}} }
	for name, tt := range map[string]struct {
		objectives []Objective
		operations []Operation
		want       Verdict
		lost       Range
		breaks     []graph.NodeID
		required   float64 // of the first dependency
		softened   Verdict // if it were survived
	}{
		"no dependency fails": {
			objective(99.9), []Operation{op(front, 50, site(cart, 0))}, Feasible, Range{0, 0}, nil, 1 - 0.0005, Feasible,
		},
		"one alone breaks it": {
			objective(99.9), []Operation{op(front, 50, site(cart, 80), site(pay, 10))}, Infeasible, Range{0.0008, 0.0009}, []graph.NodeID{cart}, 1 - 0.00025, Feasible,
		},
		"two together may": {
			objective(99.9), []Operation{op(front, 10, site(cart, 60), site(pay, 50))}, Depends, Range{0.0006, 0.0011}, nil, 1 - 0.00045, Feasible,
		},
		"own failures suffice": {
			objective(99.9), []Operation{op(front, 200, site(cart, 1))}, Infeasible, Range{0.00001, 0.00001}, []graph.NodeID{cart}, 1, Infeasible,
		},
		"few requests use it": {
			objective(99.9), []Operation{op(front, 0, with(site(cart, 80), func(s *Site) { s.Requests = 1000 }))}, Feasible, Range{0.0008, 0.0008}, nil, 1 - 0.1, Feasible,
		},
		"half of its failures are fatal": {
			objective(99.9), []Operation{op(front, 0, with(site(cart, 180), func(s *Site) { s.Coupling, s.Hardness = Partial, 0.5 }))}, Feasible, Range{0.0009, 0.0009}, nil, 1 - 0.002, Feasible,
		},
		"it is survived": {
			objective(99.9), []Operation{op(front, 0, with(site(cart, 9000), func(s *Site) { s.Coupling = Soft }))}, Feasible, Range{0, 0}, nil, 0, "",
		},
		"it may be fatal": {
			objective(99.9), []Operation{op(front, 0, with(site(cart, 9000), func(s *Site) { s.Coupling = Assumed }))}, Depends, Range{0, 0.09}, nil, 1 - 0.001, Feasible,
		},
		"its own objective allows too much": {
			append(objective(99.9), Objective{Service: "cart", Target: 99}), []Operation{op(front, 0, site(cart, 0))}, Infeasible, Range{0.01, 0.01}, []graph.NodeID{cart}, 1 - 0.001, Feasible,
		},
		"too few requests": {
			objective(99.999), []Operation{op(front, 0, site(cart, 80))}, Insufficient, Range{0.0008, 0.0008}, []graph.NodeID{cart}, 1 - 0.00001, Insufficient,
		},
		"no request": {objective(99.9), nil, Insufficient, Range{}, nil, 0, ""},
	} {
		a := Assess(tt.objectives, &System{Nodes: names, Operations: tt.operations})[0]
		if a.Verdict != tt.want || !near(a.Lost.Low, tt.lost.Low) || !near(a.Lost.High, tt.lost.High) {
			t.Errorf("%s: %s, %v lost; want %s, %v", name, a.Verdict, a.Lost, tt.want, tt.lost)
		}
		var breaks []graph.NodeID
		for _, d := range a.Dependencies {
			if d.Breaks {
				breaks = append(breaks, d.Callee)
			}
		}
		if diff := cmp.Diff(tt.breaks, breaks); diff != "" {
			t.Errorf("%s: what breaks it (-want +got):\n%s", name, diff)
		}
		if tt.softened == "" {
			if len(a.Dependencies) > 0 {
				t.Errorf("%s: dependencies %+v", name, a.Dependencies)
			}
			continue
		}
		if d := a.Dependencies[0]; math.Abs(d.Required-tt.required) > 1e-6 || d.Softened.Verdict != tt.softened {
			t.Errorf("%s: required %v and %s if softened; want %v and %s", name, d.Required, d.Softened.Verdict, tt.required, tt.softened)
		}
	}
}

func TestWhatAnObjectiveIsAbout(t *testing.T) {
	two := map[graph.NodeID]graph.Node{1: {Name: "front", Environment: "prod"}, 2: {Name: "front", Environment: "dev"}}
	s := &System{Nodes: two, Operations: []Operation{op(1, 10), op(2, 20)}}
	a := Assess([]Objective{
		{Service: "front", Target: 99}, {Service: "front", Environment: "dev", Target: 99}, {Service: "front", Operation: "other", Target: 99}, {Service: "gone", Target: 99},
	}, s)
	var got [][2]float64
	for _, x := range a {
		got = append(got, [2]float64{float64(x.Node), float64(x.Requests)})
	}
	if diff := cmp.Diff([][2]float64{{1, 100_000}, {2, 100_000}, {2, 100_000}, {1, 0}, {2, 0}, {0, 0}}, got); diff != "" {
		t.Errorf("nodes and requests (-want +got):\n%s", diff)
	}
}

// What two dependencies share fails both at once, and counts once.
func TestSharedDependencyCountsOnce(t *testing.T) {
	s := &System{Nodes: names, Operations: []Operation{
		op(front, 0, site(cart, 100), site(pay, 100)), op(cart, 0, site(db, 100)), op(pay, 0, site(db, 100)),
	}}
	a := Assess([]Objective{{Service: "front", Target: 99.85}}, s)[0]
	if a.Verdict != Depends || !near(a.Best, 0.999) || !near(a.Dependencies[0].Softened.Best, 0.999) {
		t.Errorf("%s, at best %v, and %v with one made soft; want depends and 0.999 for both", a.Verdict, a.Best, a.Dependencies[0].Softened.Best)
	}
}

// game plays requests one by one through services whose callees fail at once with each other more or less.
type game struct {
	r        *rand.Rand
	own      float64
	used     []float64
	hard     []float64
	fails    []float64
	together float64 // share of requests in which one draw decides about all callees
}

// play returns what is counted, and the share of requests that the callees took down and in which any failed.
func (g *game) play(requests int) (o Operation, lost, union float64) {
	o = Operation{Operation: spread.Operation{Node: front, Name: "op"}, Requests: int64(requests)}
	for i := range g.used {
		o.Sites = append(o.Sites, Site{Callee: graph.NodeID(10 + i), Coupling: Hard, Hardness: g.hard[i]})
	}
	for range requests {
		common, all := g.r.Float64(), g.r.Float64() < g.together
		var failed []int
		fatal := false
		for i := range g.used {
			if g.r.Float64() >= g.used[i] {
				continue
			}
			o.Sites[i].Requests++
			lot := g.r.Float64()
			if all {
				lot = common
			}
			if lot < g.fails[i] {
				failed = append(failed, i)
				o.Sites[i].Failed++
				fatal = fatal || g.r.Float64() < g.hard[i]
			}
		}
		own := g.r.Float64() < g.own
		switch {
		case len(failed) == 0:
			o.Clean++
			if own {
				o.CleanFailed++
			}
		case len(failed) == 1:
			o.Sites[failed[0]].Alone++
		}
		if len(failed) > 0 {
			union++
		}
		if fatal {
			lost++
		}
		if own || fatal {
			o.Failed++
		}
	}
	return o, lost / float64(requests), union / float64(requests)
}

// However failures coincide, what dependencies take down lies between the bounds, and what is said to be measured
// is what happened. A promise that is called feasible can be kept and one called infeasible cannot, in all systems of which there is
// enough evidence.
func TestBoundsHold(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	verdicts := map[Verdict]int{}
	for range 80 {
		g := &game{r: r, own: 0.002 * r.Float64(), together: []float64{0, 1, r.Float64()}[r.IntN(3)]}
		for range 1 + r.IntN(5) {
			g.used = append(g.used, []float64{1, 0.3}[r.IntN(2)])
			g.hard = append(g.hard, []float64{1, 0.9}[r.IntN(2)])
			g.fails = append(g.fails, 0.02*r.Float64())
		}
		o, lost, union := g.play(40_000)
		target := 100 * (1 - 0.03*r.Float64() - 0.001)
		a := Assess([]Objective{{Service: "front", Target: target}}, &System{Nodes: names, Operations: []Operation{o}})[0]
		const noise = 0.002
		if lost < a.Lost.Low-noise || lost > a.Lost.High+noise {
			t.Errorf("%+v: %.4f lost, said %v", g, lost, a.Lost)
		}
		if !near(a.Measured.Low, union) || !near(a.Measured.High, union) {
			t.Errorf("%+v: a callee failed in %.5f, measured %v", g, union, a.Measured)
		}
		achieved := 1 - share(o.Failed, o.Requests)
		if a.Verdict == Feasible && achieved < target/100-noise || a.Verdict == Infeasible && achieved > target/100+noise {
			t.Errorf("%+v: %s, and %.4f achieved of %.4f", g, a.Verdict, achieved, target/100)
		}
		verdicts[a.Verdict]++
	}
	if verdicts[Feasible] < 8 || verdicts[Infeasible] < 8 || verdicts[Depends] < 8 {
		t.Errorf("verdicts %v: too few of a kind to say anything", verdicts)
	}
}

// The union over hard callees is exact if only such failed together, and else lies within what is said.
func TestMeasuredUnion(t *testing.T) {
	for name, tt := range map[string]struct {
		soft      Site
		low, high float64
	}{
		"only hard ones failed together":  {Site{}, 0.0170, 0.0170},
		"a soft one may have been in all": {Site{Failed: 700, Alone: 0}, 0.0150, 0.0170},
	} {
		// 1,000 requests in which cart failed alone, 700 in which several callees failed: cart in 500 of them, pay in 400.
		o := Operation{Requests: 100_000, Clean: 100_000 - 1700, Sites: []Site{
			{Callee: cart, Coupling: Hard, Failed: 1500, Alone: 1000}, {Callee: pay, Coupling: Hard, Failed: 400}, tt.soft,
		}}
		if low, high := o.union(); !near(low, tt.low) || !near(high, tt.high) {
			t.Errorf("%s: %v to %v, want %v to %v", name, low, high, tt.low, tt.high)
		}
	}
}

// TestClosureAgainstBruteForce compares the availability to expect with requests played one by one through systems in which
// services share what they depend on.
func TestClosureAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	var worst float64
	for range 20 {
		nodes := 5 + r.IntN(8)
		s := &System{Nodes: map[graph.NodeID]graph.Node{1: {Name: "front"}}}
		own := make([]float64, nodes+1)
		for n := 1; n <= nodes; n++ {
			own[n] = 0.02 * r.Float64()
			o := Operation{Operation: spread.Operation{Node: graph.NodeID(n), Name: "op"}, Requests: 1e6, Clean: 1e6, CleanFailed: int64(own[n] * 1e6)}
			for to := n + 1; to <= nodes; to++ {
				if r.Float64() < 0.5 {
					o.Sites = append(o.Sites, Site{
						Callee: graph.NodeID(to), To: []spread.Share{{Operation: "op", Share: 1}}, Coupling: Hard,
						Requests: int64([]float64{1, 0.4}[r.IntN(2)] * 1e6), Hardness: []float64{1, 0.8}[r.IntN(2)],
					})
				}
			}
			s.Operations = append(s.Operations, o)
		}
		const requests = 40_000
		failed := 0
		for range requests {
			fails := make([]int, nodes+1) // not decided, no, yes
			var serve func(n int) bool
			serve = func(n int) bool {
				if fails[n] == 0 {
					bad := r.Float64() < own[n]
					for i := range s.Operations[n-1].Sites {
						site := &s.Operations[n-1].Sites[i]
						if r.Float64() < float64(site.Requests)/1e6 && serve(int(site.Callee)) && r.Float64() < site.Hardness {
							bad = true
						}
					}
					fails[n] = 1
					if bad {
						fails[n] = 2
					}
				}
				return fails[n] == 2
			}
			if serve(1) {
				failed++
			}
		}
		a := Assess([]Objective{{Service: "front", Target: 99}}, s)[0]
		worst = max(worst, math.Abs(1-a.Best-float64(failed)/requests))
	}
	t.Logf("the availability to expect is off by at most %.4f", worst)
	if worst > 0.01 {
		t.Error("that is too much")
	}
}

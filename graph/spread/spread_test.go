package spread

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"faultline/graph"
)

// system reads sites like "1>2 1": operation "" of node 1 depends on node 2 with q·h = 1. The entry is node 1.
func system(sites map[string]float64) (*System, func(site, world int) float64) {
	var list []Site
	var p []float64
	for from := 1; from < 100; from++ { // in a fixed order
		for to := 1; to < 100; to++ {
			if q, ok := sites[fmt.Sprintf("%d>%d", from, to)]; ok {
				list = append(list, Site{Caller: graph.NodeID(from), Callee: graph.NodeID(to)})
				p = append(p, q)
			}
		}
	}
	return New(list, []Entry{{Operation{Node: 1}, 1}}), func(site, _ int) float64 { return p[site] }
}

func shares(s *System, p func(site, world int) float64) map[graph.NodeID]float64 {
	found := map[graph.NodeID]float64{}
	s.Draw(0, p).Reach(0, nil).Nodes(func(n graph.NodeID, m Mask) { found[n] = m.Share() })
	return found
}

func TestReach(t *testing.T) {
	const within = 0.1 // more than three standard errors
	for name, tt := range map[string]struct {
		sites map[string]float64
		want  map[graph.NodeID]float64
	}{
		"nothing":                     {nil, map[graph.NodeID]float64{1: 1}},
		"a chain multiplies":          {map[string]float64{"1>2": 0.8, "2>3": 0.5}, map[graph.NodeID]float64{1: 1, 2: 0.8, 3: 0.4}},
		"soft is not passed on":       {map[string]float64{"1>2": 0, "2>3": 1}, map[graph.NodeID]float64{1: 1}},
		"two ways are one or both":    {map[string]float64{"1>2": 0.5, "1>3": 0.5, "2>4": 1, "3>4": 1}, map[graph.NodeID]float64{1: 1, 2: 0.5, 3: 0.5, 4: 0.75}},
		"what they share counts once": {map[string]float64{"1>2": 1, "1>3": 1, "2>4": 1, "3>4": 1, "4>5": 0.5}, map[graph.NodeID]float64{1: 1, 2: 1, 3: 1, 4: 1, 5: 0.5}},
		"a cycle ends":                {map[string]float64{"1>2": 1, "2>3": 0.5, "3>2": 1, "3>1": 1}, map[graph.NodeID]float64{1: 1, 2: 1, 3: 0.5}},
	} {
		got := shares(system(tt.sites))
		for n, want := range tt.want {
			if math.Abs(got[n]-want) > within || want == 1 && got[n] != 1 {
				t.Errorf("%s: node %d fails the entry in %.2f, want %.2f", name, n, got[n], want)
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// A site may lead to several operations of the callee. If the node is down the site fails; if one operation is,
// the requests that call it.
func TestOperationsOfACallee(t *testing.T) {
	s := New([]Site{
		{Caller: 1, Operation: "in", Callee: 2, To: []Share{{"read", 0.75}, {"write", 0.25}}},
		{Caller: 2, Operation: "write", Callee: 3},
	}, []Entry{{Operation{1, "in"}, 1}})
	r := s.Draw(0, func(int, int) float64 { return 1 }).Reach(0, nil)
	r.Nodes(func(n graph.NodeID, m Mask) {
		if n == 2 && m != All {
			t.Errorf("node 2 fails the entry in %.2f, want all", m.Share())
		}
		if n == 3 && math.Abs(m.Share()-0.25) > 0.1 {
			t.Errorf("node 3 fails the entry in %.2f, want 0.25", m.Share())
		}
	})
	read, write := r.Operation(Operation{2, "read"}), r.Operation(Operation{2, "write"})
	if read.And(write) != (Mask{}) || read.Or(write) != All || r.Site(0) != All {
		t.Error("each request calls one of the two operations")
	}
	if r.Operation(Operation{2, "gone"}) != (Mask{}) {
		t.Error("an unknown operation matters")
	}
}

// Adding sites does not change what is known of others, nor does it in which order they come.
func TestCommonRandomNumbers(t *testing.T) {
	few := map[string]float64{"1>2": 0.5, "2>3": 0.5, "1>4": 0.3}
	many := map[string]float64{"1>2": 0.5, "2>3": 0.5, "1>4": 0.3, "1>5": 0.9, "5>6": 0.9}
	a, b := shares(system(few)), shares(system(many))
	for n, p := range a {
		if b[n] != p {
			t.Errorf("node %d: %v, and %v with other sites beside it", n, p, b[n])
		}
	}
	more := map[string]float64{"1>2": 0.6, "2>3": 0.5, "1>4": 0.3}
	if c := shares(system(more)); c[3] < a[3] || c[2] < a[2] {
		t.Errorf("a harder site made failure less probable: %v, %v", a, c)
	}
}

// Simulated requests, one by one and in many more worlds, fail as often.
func TestAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var worst float64
	for range 30 {
		nodes := 6 + r.IntN(20)
		sites := map[string]float64{}
		for range 2 * nodes {
			if a, b := 1+r.IntN(nodes), 1+r.IntN(nodes); a != b {
				sites[fmt.Sprintf("%d>%d", a, b)] = float64(r.IntN(3)) / 2 * r.Float64()
			}
		}
		s, p := system(sites)
		got := shares(s, p)
		count := map[graph.NodeID]int{}
		const requests = 4000
		for range requests {
			reached := map[graph.NodeID]bool{1: true}
			for stack := []graph.NodeID{1}; len(stack) > 0; {
				at := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				for i := range s.Sites {
					if to := s.Sites[i].Callee; s.Sites[i].Caller == at && !reached[to] && r.Float64() < p(i, 0) {
						reached[to] = true
						stack = append(stack, to)
					}
				}
			}
			for n := range reached {
				count[n]++
			}
		}
		for n := range graph.NodeID(nodes + 1) {
			worst = max(worst, math.Abs(got[n]-float64(count[n])/requests))
		}
	}
	if worst > 0.13 { // four standard errors of 256 worlds
		t.Errorf("off by %.3f", worst)
	}
}

func BenchmarkReach(b *testing.B) {
	for _, size := range []struct{ nodes, sites, entries int }{{1000, 10_000, 50}, {10_000, 100_000, 200}} {
		b.Run(fmt.Sprintf("sites=%d", size.sites), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			var sites []Site
			var entries []Entry
			for range size.entries {
				entries = append(entries, Entry{Operation{Node: graph.NodeID(1 + r.IntN(size.nodes/10))}, 1})
			}
			for range size.sites {
				from := 1 + r.IntN(size.nodes-1)
				sites = append(sites, Site{Caller: graph.NodeID(from), Callee: graph.NodeID(from + 1 + r.IntN(size.nodes-from))})
			}
			b.ReportAllocs()
			for b.Loop() {
				s := New(sites, entries)
				l := s.Draw(0, func(site, _ int) float64 { return float64(site%10) / 20 })
				var memory *Reach
				for e := range entries {
					memory = l.Reach(e, memory)
				}
			}
		})
	}
}

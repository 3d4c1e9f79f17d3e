package hotspot

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"faultline/graph"
)

func score(n Node) float64 {
	s := Rank([]Node{n})
	if len(s) == 0 {
		return 0
	}
	return s[0].Fragility
}

func TestParts(t *testing.T) {
	for name, tt := range map[string]struct {
		node Node
		want float64
	}{
		"nothing known: redundancy may be missing":  {Node{Impact: 1}, 7.5},
		"redundant and quiet":                       {Node{Impact: 1, Raw: map[Part]float64{Redundancy: 0}}, 0},
		"burning at 14.4":                           {Node{Impact: 1, Raw: map[Part]float64{Redundancy: 0, Burn: 14.4}}, 60},
		"burning faster is no worse":                {Node{Impact: 1, Raw: map[Part]float64{Redundancy: 0, Burn: 100}}, 60},
		"half the impact, half the score":           {Node{Impact: 0.5, Raw: map[Part]float64{Redundancy: 0, Burn: 14.4}}, 30},
		"hazards multiply":                          {Node{Impact: 1, Raw: map[Part]float64{Redundancy: 1, Burn: 14.4}}, 72},
		"two tries for each call":                   {Node{Impact: 1, Raw: map[Part]float64{Redundancy: 0, Amplification: 2}}, 20},
		"no impact, no hotspot, whatever its state": {Node{Impact: 0.009, Raw: map[Part]float64{Redundancy: 1, Burn: 100}}, 0},
	} {
		if got := score(tt.node); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %.3f, want %.3f", name, got, tt.want)
		}
	}
}

// More of anything bad never lowers a score, and the points add up to it.
func TestMonotoneAndExplained(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		n := Node{Impact: r.Float64(), Raw: map[Part]float64{}}
		for _, h := range hazards {
			if r.IntN(3) > 0 {
				n.Raw[h.part] = 3 * r.Float64()
			}
		}
		before := score(n)
		for _, s := range Rank([]Node{n}) {
			sum := 0.0
			for _, p := range s.Parts {
				sum += p.Points
			}
			if math.Abs(sum-s.Fragility) > 1e-9 {
				t.Fatalf("points add up to %v, the score is %v", sum, s.Fragility)
			}
		}
		worse := n
		worse.Impact = min(1, n.Impact+0.1)
		if score(worse) < before {
			t.Errorf("more impact lowered %v to %v", before, score(worse))
		}
		for part := range n.Raw {
			worse := n
			worse.Raw = maps.Clone(n.Raw)
			worse.Raw[part] += 0.5
			if score(worse) < before {
				t.Errorf("more %s lowered %v to %v", part, before, score(worse))
			}
		}
	}
}

func TestOrder(t *testing.T) {
	same := map[Part]float64{Redundancy: 0, Burn: 5}
	scores := Rank([]Node{
		{ID: 1, Impact: 0.02, Raw: same}, // soft: little depends on it
		{ID: 2, Impact: 0.8, Raw: same},
		{ID: 3, Impact: 0.8, Raw: map[Part]float64{Redundancy: 1}},
		{ID: 4, Impact: 0.001, Raw: same},
	})
	var order []graph.NodeID
	for _, s := range scores {
		order = append(order, s.ID)
		if s.Single != (s.ID == 3) {
			t.Errorf("node %s: single point of failure %v", s.ID, s.Single)
		}
	}
	if fmt.Sprint(order) != fmt.Sprint([]graph.NodeID{3, 2, 1}) {
		t.Errorf("order %v", order)
	}
}

func BenchmarkRank(b *testing.B) {
	nodes := make([]Node, 10_000)
	for i := range nodes {
		nodes[i] = Node{ID: graph.NodeID(i + 1), Impact: float64(i%100) / 100, Raw: map[Part]float64{Burn: float64(i % 7), Tail: 0.1}}
	}
	b.ReportAllocs()
	for b.Loop() {
		Rank(nodes)
	}
}

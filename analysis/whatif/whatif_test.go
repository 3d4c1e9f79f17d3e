package whatif

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"faultline/graph"
	"faultline/graph/spread"
)

func site(caller, callee int, used, alpha, beta float64) Site {
	return Site{
		Site: spread.Site{Caller: graph.NodeID(caller), Operation: "op", Callee: graph.NodeID(callee), To: []spread.Share{{Operation: "op", Share: 1}}},
		Used: used, Alpha: alpha, Beta: beta, Known: alpha+beta > 3, Waits: 1, Calls: 1,
	}
}

func entry(node int) Entry {
	return Entry{Operation: spread.Operation{Node: graph.NodeID(node), Name: "op"}, PerSecond: 10, Weight: 1}
}

const surely = 1e6

func TestAsk(t *testing.T) {
	chain := []Site{site(1, 2, 1, surely, 0.1), site(2, 3, 0.5, surely, 0.1), site(2, 4, 1, 0.1, surely)}
	for name, tt := range map[string]struct {
		actions []Action
		fails   float64
		slower  float64
	}{
		"nothing":                       {nil, 0, 0},
		"a hard dependency is down":     {[]Action{{Kind: Down, Node: 2}}, 1, 0},
		"one that half of requests use": {[]Action{{Kind: Down, Node: 3}}, 0.5, 0},
		"a soft one":                    {[]Action{{Kind: Down, Node: 4}}, 0, 0},
		"it fails a third":              {[]Action{{Kind: Errors, Node: 2, Share: 0.3}}, 0.3, 0},
		"the entry itself":              {[]Action{{Kind: Down, Node: 1}}, 1, 0},
		"an edge is cut":                {[]Action{{Kind: Cut, Node: 1, Callee: 2}}, 1, 0},
		"it was made soft before":       {[]Action{{Kind: Down, Node: 2}, {Kind: Soften, Node: 1, Callee: 2}}, 0, 0},
		"two at once":                   {[]Action{{Kind: Down, Node: 3}, {Kind: Down, Node: 4}}, 0.5, 0},
		"slow":                          {[]Action{{Kind: Slow, Node: 3, Delay: 400}}, 0, 200},
	} {
		a := Ask(chain, []Entry{entry(1)}, tt.actions)
		slower := 0.0
		if len(a.Fates) > 0 {
			slower = a.Fates[0].Slower
		}
		if math.Abs(a.Fails-tt.fails) > 0.1 || math.Abs(slower-tt.slower) > 40 {
			t.Errorf("%s: %.2f fail, %.0f ms slower; want %.2f and %.0f", name, a.Fails, slower, tt.fails, tt.slower)
		}
	}
}

// Little evidence makes a wide interval, much a narrow one, and what is not known and matters is worth a test.
func TestUncertainty(t *testing.T) {
	down := []Action{{Kind: Down, Node: 2}}
	vague := Ask([]Site{site(1, 2, 1, 0.6, 0.4), site(1, 3, 0.1, 0.6, 0.4)}, []Entry{entry(1)}, down)
	sharp := Ask([]Site{site(1, 2, 1, 60, 40)}, []Entry{entry(1)}, down)
	if vague.High-vague.Low < 0.5 || sharp.High-sharp.Low > 0.3 || math.Abs(sharp.Fails-0.6) > 0.1 {
		t.Errorf("vague %.2f–%.2f, sharp %.2f (%.2f–%.2f)", vague.Low, vague.High, sharp.Fails, sharp.Low, sharp.High)
	}
	if x := vague.Learn[0]; math.Abs(x.Decides-1) > 0.01 || math.Abs(x.Expect-0.6) > 0.01 || math.Abs(x.Effect-x.Decides*(x.High-x.Low)) > 1e-12 {
		t.Errorf("experiment %+v", x)
	}
	if len(vague.Learn) != 1 || vague.Learn[0].Site != 0 || len(sharp.Learn) != 0 {
		t.Errorf("experiments %+v, and with much evidence %+v", vague.Learn, sharp.Learn)
	}
}

// What is said of all requests is what is said of each entry together, though little is known.
func TestWholeIsTheSumOfItsEntries(t *testing.T) {
	entries := []Entry{entry(1), entry(2), entry(3)}
	for i, weight := range []float64{0.6, 0.3, 0.1} {
		entries[i].Weight = weight
	}
	a := Ask([]Site{site(1, 4, 1, 0.6, 0.4), site(2, 4, 1, 1, 3), site(3, 4, 0.5, 2, 0.5)}, entries, []Action{{Kind: Down, Node: 4}})
	sum := 0.0
	for _, f := range a.Fates {
		sum += f.Weight * f.Fails
	}
	if len(a.Fates) != 3 || math.Abs(sum-a.Fails) > 1e-9 {
		t.Errorf("%d entries, %.3f of their requests together, %.3f of all", len(a.Fates), sum, a.Fails)
	}
}

// The impact of a node is what its failure is said to do, and both are near what can be computed for a chain.
func TestImpactIsTheAnswer(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var sites []Site
	for from := 1; from < 40; from++ {
		for range 3 {
			sites = append(sites, site(from, from+1+r.IntN(6), 0.3+0.7*r.Float64(), 0.6+5*r.Float64(), 0.4+2*r.Float64()))
		}
	}
	entries := []Entry{entry(1), entry(2)}
	entries[0].Weight, entries[1].Weight = 0.7, 0.3
	impacts := Impacts(sites, entries)
	if len(impacts) < 20 {
		t.Fatalf("impacts of %d nodes", len(impacts))
	}
	for node, impact := range impacts {
		a := Ask(sites, entries, []Action{{Kind: Down, Node: node}})
		if math.Abs(a.Fails-impact) > 1e-9 || a.Low > a.Fails || a.High < a.Fails {
			t.Errorf("node %d: its impact is %.4f, and %.4f (%.4f to %.4f) fail if it is down", node, impact, a.Fails, a.Low, a.High)
		}
	}
	chain := []Site{site(1, 2, 1, 0.6, 0.4), site(2, 3, 0.9, 0.6, 0.4), site(3, 4, 0.5, 0.6, 0.4), site(4, 5, 1, 0.6, 0.4)}
	want := 1.0
	for i, s := range chain {
		want *= s.Used * s.mean()
		if got := Impacts(chain, []Entry{entry(1)})[graph.NodeID(i+2)]; math.Abs(got-want) > 0.02 {
			t.Errorf("node %d: impact %.4f, want %.4f", i+2, got, want)
		}
	}
}

// truth simulates requests one by one through the true couplings with a node down.
func truth(r *rand.Rand, sites []Site, hard []float64, down graph.NodeID, requests int) float64 {
	failed := 0
	var serve func(n graph.NodeID, state map[graph.NodeID]bool, under map[graph.NodeID]bool) bool
	serve = func(n graph.NodeID, state, under map[graph.NodeID]bool) (fails bool) {
		if n == down {
			return true
		}
		if known, done := state[n]; done {
			return known
		}
		if under[n] {
			return false
		}
		under[n] = true
		for i := range sites {
			if sites[i].Caller == n && r.Float64() < sites[i].Used && serve(sites[i].Callee, state, under) && r.Float64() < hard[i] {
				fails = true
			}
		}
		state[n] = fails
		return fails
	}
	for range requests {
		if serve(1, map[graph.NodeID]bool{}, map[graph.NodeID]bool{}) {
			failed++
		}
	}
	return float64(failed) / float64(requests)
}

// TestAgainstBruteForce predicts, from as many failures as a real system shows, what every node's failure does to
// an entry, and compares with what happens.
func TestAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var sum, squares, hardSquares, n float64
	for range 25 {
		nodes := 6 + r.IntN(15)
		var sites, allHard []Site
		var hard []float64
		for from := 1; from < nodes; from++ {
			for range 1 + r.IntN(3) {
				to := from + 1 + r.IntN(nodes-from)
				h := []float64{1, 1, 0, 0.5}[r.IntN(4)]
				used := []float64{1, 1, 0.3}[r.IntN(3)]
				fatal := 0.0
				const failures = 20
				for range failures {
					if r.Float64() < h {
						fatal++
					}
				}
				sites = append(sites, site(from, to, used, fatal+0.3, failures-fatal+0.2))
				allHard = append(allHard, site(from, to, 1, surely, 0.01))
				hard = append(hard, h)
			}
		}
		for down := 2; down <= nodes; down++ {
			want := truth(r, sites, hard, graph.NodeID(down), 400)
			action := []Action{{Kind: Down, Node: graph.NodeID(down)}}
			got := Ask(sites, []Entry{entry(1)}, action).Fails
			naive := Ask(allHard, []Entry{entry(1)}, action).Fails
			sum += math.Abs(got - want)
			squares += (got - want) * (got - want)
			hardSquares += (naive - want) * (naive - want)
			n++
		}
	}
	t.Logf("%.0f questions: mean absolute error %.3f, mean square error %.4f; with all edges hard %.4f", n, sum/n, squares/n, hardSquares/n)
	if sum/n > 0.05 || squares/n > 0.01 || squares > hardSquares/5 {
		t.Error("the prediction is too far off")
	}
}

func BenchmarkImpacts(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var sites []Site
	for range 100_000 {
		from := 1 + r.IntN(9_999)
		sites = append(sites, site(from, from+1+r.IntN(10_000-from), 0.5, 1, 2))
	}
	var entries []Entry
	for i := range 200 {
		entries = append(entries, entry(1+i*5))
	}
	b.Run("ask", func(b *testing.B) {
		for b.Loop() {
			Ask(sites, entries, []Action{{Kind: Down, Node: 5000}})
		}
	})
	b.Run(fmt.Sprintf("sites=%d", len(sites)), func(b *testing.B) {
		for b.Loop() {
			Impacts(sites, entries)
		}
	})
}

// Package whatif answers what would become of the operations that users call if something failed: a game day on
// paper. It simulates requests through the call sites with the hardness that evidence gives them, and says by how
// much the answer may be off for lack of evidence.
//
// There are two levels of chance (analysis specification, F). Requests are simulated as package spread does, with the mean
// hardness of every site: hardness is independent from site to site, so that this is the mean over all it may be, and what is
// said of all entries is the sum of what is said of each. Each of Draws draws takes the hardness of every site from its posterior
// instead; the spread of these is the interval of the answer.
//
// The package is pure, and equal questions have equal answers.
package whatif

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"faultline/graph"
	"faultline/graph/spread"
)

// Draws is how often the hardness of all sites is drawn.
const Draws = 16

// Site is a call site with what is known of it.
type Site struct {
	spread.Site
	Used        float64 // share of the operation's requests that call the callee
	Alpha, Beta float64 // of the posterior of the probability that its failure is fatal
	Known       bool    // there is a verdict, and not only a prior
	Waits       float64 // share of requests that wait for a call to the callee
	Calls       float64 // for each request that calls at all
}

// Entry is an operation that is called from outside.
type Entry struct {
	spread.Operation
	PerSecond float64
	Weight    float64 // its share of all requests from outside, by importance
}

// Action is one thing that goes wrong, or is changed.
type Action struct {
	Kind   Kind
	Node   graph.NodeID
	Callee graph.NodeID // of an edge: of Cut and Soften
	Share  float64      // of requests to the node that fail: of Errors
	Delay  float64      // ms: of Slow
}

// Kind is what an action does.
type Kind string

// The kinds of actions.
const (
	Down   Kind = "down"   // the node answers nobody
	Errors Kind = "errors" // it fails a share of its requests
	Slow   Kind = "slow"   // it takes longer
	Cut    Kind = "cut"    // calls of the node to the callee fail
	Soften Kind = "soften" // the node survives failures of the callee
)

// Fate is what becomes of an entry.
type Fate struct {
	Entry
	Fails     float64 // share of its requests that is expected to
	Low, High float64 // 90 % interval
	Slower    float64 // ms on average
}

// Experiment is a call site that would be worth a test: how it behaves is not known, and much hangs on it.
type Experiment struct {
	Site    int     // in the list given
	Decides float64 // share of the requests from outside that its hardness decides about: how their failures grow with it
	Low     float64 // 90 % interval of its hardness
	High    float64
	Expect  float64 // share of the requests from outside that are expected to fail by it while the callee is down
	Effect  float64 // what a test would teach: Decides times the width of the interval
}

// Answer is what becomes of everything.
type Answer struct {
	Fates []Fate // that change, the hardest hit first by requests
	Fails float64
	Low   float64
	High  float64      // share of all requests from outside, by weight
	Learn []Experiment // on the way from what the actions change to the entries
}

// Ask simulates actions together.
func Ask(sites []Site, entries []Entry, actions []Action) Answer {
	kept := upwards(sites, actions)
	all := sites
	sites = make([]Site, len(kept))
	for i, k := range kept {
		sites[i] = all[k]
	}
	m := newModel(sites, entries, actions)
	fails := m.mean(blocks(len(all)))
	shares := make([][]float64, len(entries)) // by entry and draw
	for d := range Draws {
		m.draw(d, shares)
	}
	a := Answer{}
	total := make([]float64, Draws)
	slower := m.slower()
	for i, e := range entries {
		for d, s := range shares[i] {
			total[d] += e.Weight * s
		}
		a.Fails += e.Weight * fails[i]
		f := Fate{Entry: e, Fails: fails[i], Slower: slower[i]}
		f.Low, f.High = interval(shares[i], f.Fails)
		if f.High > 0 || f.Slower > 0 {
			a.Fates = append(a.Fates, f)
		}
	}
	a.Low, a.High = interval(total, a.Fails)
	slices.SortFunc(a.Fates, func(x, y Fate) int {
		return cmp.Or(
			cmp.Compare(y.Fails*y.PerSecond, x.Fails*x.PerSecond), cmp.Compare(y.Slower*y.PerSecond, x.Slower*x.PerSecond),
			cmp.Compare(x.Node, y.Node), cmp.Compare(x.Name, y.Name),
		)
	})
	a.Learn = Experiments(sites, entries, mostExperiments)
	for i := range a.Learn {
		a.Learn[i].Site = kept[a.Learn[i].Site]
	}
	return a
}

// upwards are the sites by which what the actions change may be felt: those that lead to one of their nodes.
func upwards(sites []Site, actions []Action) (kept []int) {
	callers := map[graph.NodeID][]graph.NodeID{}
	for i := range sites {
		callers[sites[i].Callee] = append(callers[sites[i].Callee], sites[i].Caller)
	}
	felt := map[graph.NodeID]bool{}
	var queue []graph.NodeID
	feel := func(n graph.NodeID) {
		if !felt[n] {
			felt[n] = true
			queue = append(queue, n)
		}
	}
	for _, a := range actions {
		feel(a.Node)
		if a.Kind == Cut || a.Kind == Soften {
			feel(a.Callee)
		}
	}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, caller := range callers[n] {
			feel(caller)
		}
	}
	for i := range sites {
		if felt[sites[i].Callee] {
			kept = append(kept, i)
		}
	}
	return kept
}

// interval is the 90 % interval of draws around a mean that is known better than by them.
func interval(draws []float64, mean float64) (low, high float64) {
	if len(draws) == 0 {
		return mean, mean
	}
	sorted := slices.Sorted(slices.Values(draws))
	by := mean - stat.Mean(sorted, nil)
	q := func(p float64) float64 { return min(max(stat.Quantile(p, stat.LinInterp, sorted, nil)+by, 0), 1) }
	return min(q(0.05), mean), max(q(0.95), mean)
}

// blocks is how many blocks of worlds the mean of a system of so many sites is found in: as many as take a moment.
func blocks(sites int) int { return min(max(blockSites/max(sites, 1), 1), mostBlocks) }

const blockSites, mostBlocks = 50_000, 32

// model is a question made ready.
type model struct {
	sites   []Site
	entries []Entry
	system  *spread.System
	down    map[graph.NodeID]float64 // share of requests that fail
	slow    map[graph.NodeID]float64 // ms
	cut     map[int]bool             // sites
	soft    map[int]bool
	memory  *spread.Reach
}

func newModel(sites []Site, entries []Entry, actions []Action) *model {
	m := &model{
		sites: sites, entries: entries, down: map[graph.NodeID]float64{}, slow: map[graph.NodeID]float64{}, cut: map[int]bool{}, soft: map[int]bool{},
	}
	plain := make([]spread.Site, len(sites))
	for i := range sites {
		plain[i] = sites[i].Site
	}
	top := make([]spread.Entry, len(entries))
	for i := range entries {
		top[i] = spread.Entry{Operation: entries[i].Operation, Weight: entries[i].Weight}
	}
	m.system = spread.New(plain, top)
	for _, a := range actions {
		switch a.Kind {
		case Down:
			m.down[a.Node] = 1
		case Errors:
			m.down[a.Node] = max(m.down[a.Node], min(a.Share, 1))
		case Slow:
			m.slow[a.Node] += a.Delay
		case Cut, Soften:
			for i := range sites {
				if sites[i].Caller == a.Node && sites[i].Callee == a.Callee {
					m.cut[i] = m.cut[i] || a.Kind == Cut
					m.soft[i] = m.soft[i] || a.Kind == Soften
				}
			}
		}
	}
	return m
}

// mean is the share of the requests of each entry that is expected to fail.
func (m *model) mean(blocks int) []float64 {
	shares := make([]float64, len(m.entries))
	for block := range blocks {
		lots := m.system.Draw(block, func(site, _ int) float64 {
			if m.soft[site] {
				return 0
			}
			return m.sites[site].Used * m.sites[site].mean()
		})
		for e := range m.entries {
			shares[e] += m.failing(lots, e).Share() / float64(blocks)
		}
	}
	return shares
}

// draw simulates one draw and adds the share of failing requests of each entry.
func (m *model) draw(d int, shares [][]float64) {
	hard := make([]float64, len(m.sites))
	for i := range m.sites {
		if !m.soft[i] {
			hard[i] = m.sites[i].hardness((float64(d) + 0.5) / Draws)
		}
	}
	lots := m.system.Draw(0, func(site, _ int) float64 { return m.sites[site].Used * hard[site] })
	for e := range m.entries {
		shares[e] = append(shares[e], m.failing(lots, e).Share())
	}
}

// failing are the worlds in which an entry fails.
func (m *model) failing(lots *spread.Lots, entry int) (failed spread.Mask) {
	m.memory = lots.Reach(entry, m.memory)
	m.memory.Nodes(func(n graph.NodeID, worlds spread.Mask) {
		if share := m.down[n]; share > 0 {
			failed = failed.Or(worlds.And(some(n, share)))
		}
	})
	for site := range m.cut {
		failed = failed.Or(m.memory.Site(site))
	}
	return failed
}

// hardness is what a draw takes the hardness of a site to be. Each edge goes through the quantiles from a place of
// its own, always the same, so that edges err independently and questions differ by what was asked.
func (s *Site) hardness(u float64) float64 {
	const prime, goldenRatio = 1_000_003, 0.6180339887
	place := float64((uint64(s.Caller)*31+uint64(s.Callee))%prime) * goldenRatio
	b := distuv.Beta{Alpha: max(s.Alpha, 0.01), Beta: max(s.Beta, 0.01)}
	return b.Quantile(math.Mod(u+place, 1))
}

// some is a share of the worlds, always the same for a node.
func some(n graph.NodeID, share float64) (m spread.Mask) {
	if share >= 1 {
		return spread.All
	}
	x := uint64(n)
	for world := range spread.Worlds {
		x = x*6364136223846793005 + 1442695040888963407
		if float64(x>>11)/(1<<53) < share {
			m[world/64] |= 1 << (world % 64)
		}
	}
	return m
}

// slower is by how many ms entries take longer on average.
func (m *model) slower() []float64 {
	more := make([]float64, len(m.entries))
	if len(m.slow) == 0 {
		return more
	}
	lots := m.system.Draw(0, func(site, _ int) float64 { return m.sites[site].Used * m.sites[site].Waits })
	for e := range m.entries {
		m.memory = lots.Reach(e, m.memory)
		for i := range m.sites {
			if delay := m.slow[m.sites[i].Callee]; delay > 0 {
				more[e] += delay * max(m.sites[i].Calls, 1) * m.memory.Site(i).Share()
			}
		}
		if delay := m.slow[m.entries[e].Node]; delay > 0 {
			more[e] += delay
		}
	}
	return more
}

// mostExperiments is how many experiments are suggested with an answer.
const mostExperiments = 5

// AllHard is the simplest of models: every dependency that is waited for is hard.
func AllHard(sites []Site) []Site {
	hard := slices.Clone(sites)
	for i := range hard {
		if hard[i].Waits > 0 {
			hard[i].Alpha, hard[i].Beta = 1e6, 0.01
		}
	}
	return hard
}

// Experiments finds the sites whose test would teach most about the system: those that are unknown and that matter.
func Experiments(sites []Site, entries []Entry, most int) (found []Experiment) {
	plain := newModel(sites, entries, nil)
	lots := plain.system.Draw(0, func(site, _ int) float64 { return sites[site].Used * sites[site].mean() })
	effect := make([]float64, len(sites))
	var memory *spread.Reach
	for e := range entries {
		memory = lots.Reach(e, memory)
		for i := range sites {
			if s := &sites[i]; !s.Known {
				reached := memory.Operation(spread.Operation{Node: s.Caller, Name: s.Operation}).Share()
				effect[i] += entries[e].Weight * reached * s.Used
			}
		}
	}
	for i := range sites {
		if effect[i] > 0 {
			b := distuv.Beta{Alpha: max(sites[i].Alpha, 0.01), Beta: max(sites[i].Beta, 0.01)}
			x := Experiment{Site: i, Decides: effect[i], Low: b.Quantile(0.05), High: b.Quantile(0.95), Expect: effect[i] * sites[i].mean()}
			x.Effect = x.Decides * (x.High - x.Low)
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b Experiment) int { return cmp.Or(cmp.Compare(b.Effect, a.Effect), cmp.Compare(a.Site, b.Site)) })
	return found[:min(len(found), most)]
}

func (s *Site) mean() float64 { return s.Alpha / (s.Alpha + s.Beta) }

// Impacts is the share of the requests from outside, by weight, that fail if a node does, for all nodes on
// which any entry depends. It is what Ask says if the node is down.
func Impacts(sites []Site, entries []Entry) map[graph.NodeID]float64 {
	m := newModel(sites, entries, nil)
	impact := map[graph.NodeID]float64{}
	blocks := blocks(len(sites))
	for block := range blocks {
		lots := m.system.Draw(block, func(site, _ int) float64 { return sites[site].Used * sites[site].mean() })
		for e := range entries {
			m.memory = lots.Reach(e, m.memory)
			m.memory.Nodes(func(n graph.NodeID, worlds spread.Mask) {
				impact[n] += entries[e].Weight * worlds.Share() / float64(blocks)
			})
		}
	}
	return impact
}

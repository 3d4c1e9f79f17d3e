// Package slo says whether a promise can be kept: whether a service can be as available as its objective says,
// given the dependencies that take its requests down (analysis specification, G, "Feasibility").
//
// A request fails for the service's own reasons (the leak: it fails although no call of it did), or because a
// callee on which it depends failed. A dependency takes down the share q·h·u of requests: q of them use it, a failure of it
// is fatal with the probability h, and it fails a share u of the time. How much several dependencies take down together depends on
// how their failures coincide: at least as much as the worst of them, at most their sum. So a promise is infeasible, feasible, or
// depends on that.
//
// The package is pure, and equal questions have equal answers.
package slo

import (
	"cmp"
	"slices"

	"faultline/graph"
	"faultline/graph/spread"
)

// enough is how many failures an objective must have allowed among the requests seen: with fewer requests not even a
// service that keeps its promise could be told from one that does not.
const enough = 5

// Coupling is how a request depends on a callee.
type Coupling string

// The couplings.
const (
	Hard    Coupling = "hard"    // it fails when the callee does
	Partial Coupling = "partial" // sometimes
	Assumed Coupling = "assumed" // not known; it is reckoned with that it does
	Soft    Coupling = "soft"    // it does not
)

// Operation is what was seen of the requests of an operation.
type Operation struct {
	spread.Operation
	Requests, Failed   int64
	Clean, CleanFailed int64 // requests in which no call failed, and those of them that failed all the same
	Sites              []Site
}

// Site is what was seen of their calls to one callee.
type Site struct {
	Callee   graph.NodeID
	To       []spread.Share // operations of the callee; they add up to 1
	Coupling Coupling
	Hardness float64 // probability that a failure of the callee is fatal
	Requests int64   // that called it
	Failed   int64   // of these, in which a call to it failed in the end
	Alone    int64   // of these, in which calls to no other callee did
}

// failing is the share of requests that used the callee in which it failed.
func (s *Site) failing() float64 { return share(s.Failed, s.Requests) }

// hardness is the probability with which a failure of the callee is reckoned to be fatal.
func (s *Site) hardness() float64 {
	if s.Coupling == Soft {
		return 0
	}
	return s.Hardness
}

// Verdict is whether a promise can be kept.
type Verdict string

// The verdicts.
const (
	Infeasible   Verdict = "infeasible"   // not even if all failures of dependencies coincide
	Feasible     Verdict = "feasible"     // also if no two failures coincide
	Depends      Verdict = "depends"      // on how failures coincide, or on dependencies that are not known to be hard
	Insufficient Verdict = "insufficient" // too little was seen
)

// Range is what a share lies in.
type Range struct{ Low, High float64 }

// Outlook is what can be expected of a service.
type Outlook struct {
	Verdict Verdict
	Lost    Range   // share of requests that dependencies take down: the worst of them, and their sum
	Best    float64 // availability to expect if operations and leaves fail as they did, independently, each counted once
}

// Assessment is how an objective fares.
type Assessment struct {
	Objective
	Node     graph.NodeID // 0: nothing of that name was seen
	Requests int64
	Achieved float64 // share of requests that did not fail
	Own      float64 // share of requests that fail for the service's own reasons
	OwnAlone bool    // these alone break the promise
	Measured Range   // share of requests in which a hard dependency failed: between the two, which are mostly equal
	Outlook
	Dependencies []Dependency // the ones that take most down first
}

// Dependency is what one dependency does to an objective.
type Dependency struct {
	Callee    graph.NodeID
	Coupling  Coupling // the strongest of its call sites
	Used      float64  // share of requests that use it
	Hardness  float64  // probability that its failure is fatal to such a request
	Failing   float64  // share of the time that it fails
	Promised  bool     // Failing is what its own objective allows; else it is measured
	Takes     float64  // share of requests that it takes down
	Breaks    bool     // that, with the service's own failures, is more than the objective allows
	Required  float64  // availability of it at which all hard dependencies share what is allowed; 1: it must never fail
	NineMore  bool     // it has one nine more than the objective, as a hard dependency should
	Softened  Outlook  // if its failures were survived
	calls     int64
	fatal     float64 // of calls, by hardness
	failed    float64 // of calls
	unpledged bool    // some of its call sites go to something without an objective
}

// System is what was seen.
type System struct {
	Nodes      map[graph.NodeID]graph.Node
	Operations []Operation
}

// Assess says how objectives fare: each once for every service of its name, in the order given. Without
// one, Node is 0.
func Assess(objectives []Objective, s *System) (all []Assessment) {
	m := newModel(objectives, s)
	for i := range objectives {
		nodes := m.named(&objectives[i])
		for _, n := range nodes {
			all = append(all, m.assess(&objectives[i], n))
		}
		if len(nodes) == 0 {
			all = append(all, Assessment{Objective: objectives[i], Outlook: Outlook{Verdict: Insufficient}})
		}
	}
	return all
}

// model is a System made ready.
type model struct {
	*System
	operations map[spread.Operation]*Operation
	of         map[graph.NodeID][]*Operation
	promised   map[spread.Operation]float64
	own        map[spread.Operation]float64 // share that fails for its own reasons
	leaves     map[spread.Operation]failures
}

type failures struct{ failed, requests int64 }

func newModel(objectives []Objective, s *System) *model {
	m := &model{
		System: s, operations: map[spread.Operation]*Operation{}, of: map[graph.NodeID][]*Operation{},
		promised: map[spread.Operation]float64{}, own: map[spread.Operation]float64{}, leaves: map[spread.Operation]failures{},
	}
	for i := range s.Operations {
		o := &s.Operations[i]
		m.operations[o.Operation] = o
		m.of[o.Node] = append(m.of[o.Node], o)
		m.own[o.Operation] = share(o.CleanFailed, o.Clean)
	}
	for i := range objectives {
		for _, n := range m.named(&objectives[i]) {
			m.promised[spread.Operation{Node: n, Name: objectives[i].Operation}] = objectives[i].Budget()
		}
	}
	for i := range s.Operations {
		for j := range s.Operations[i].Sites {
			site := &s.Operations[i].Sites[j]
			for _, to := range site.targets() {
				o := spread.Operation{Node: site.Callee, Name: to.Operation}
				f := m.leaves[o]
				m.leaves[o] = failures{f.failed + site.Failed, f.requests + site.Requests}
			}
		}
	}
	return m
}

var nameless = []spread.Share{{Share: 1}}

func (s *Site) targets() []spread.Share {
	if len(s.To) == 0 {
		return nameless
	}
	return s.To
}

// named are the nodes that an objective is about, by id.
func (m *model) named(o *Objective) (ids []graph.NodeID) {
	for id, n := range m.Nodes {
		if o.About(n) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// pledge is the share of the calls at a site that may fail by the objectives of what it calls.
func (m *model) pledge(s *Site) (allowed float64, ok bool) {
	for _, to := range s.targets() {
		budget, known := m.promised[spread.Operation{Node: s.Callee, Name: to.Operation}]
		if !known {
			budget, known = m.promised[spread.Operation{Node: s.Callee}]
		}
		if !known {
			return 0, false
		}
		allowed += to.Share * budget
	}
	return allowed, true
}

func (m *model) assess(o *Objective, node graph.NodeID) Assessment {
	a := Assessment{Objective: *o, Node: node}
	var about []*Operation
	var failed int64
	for _, op := range m.of[node] {
		if o.Operation == "" || op.Name == o.Operation {
			about = append(about, op)
			a.Requests += op.Requests
			failed += op.Failed
		}
	}
	if a.Requests == 0 {
		a.Verdict = Insufficient
		return a
	}
	a.Achieved = 1 - share(failed, a.Requests)
	for _, op := range about {
		weight := share(op.Requests, a.Requests)
		a.Own += weight * m.own[op.Operation]
		low, high := op.union()
		a.Measured.Low += weight * low
		a.Measured.High += weight * high
	}
	budget := o.Budget()
	a.OwnAlone = over(a.Own, budget)
	a.Dependencies = m.dependencies(about, a.Requests)
	closure := m.closureOf(about, a.Requests)
	a.Outlook = m.outlook(&a, closure, 0)
	hard := 0
	for i := range a.Dependencies {
		if a.Dependencies[i].Coupling == Hard {
			hard++
		}
	}
	room := max(budget-a.Own, 0) / float64(max(hard, 1))
	for i := range a.Dependencies {
		d := &a.Dependencies[i]
		d.Breaks = d.Coupling != Assumed && over(a.Own+d.Takes, budget)
		d.Required = 1 - min(1, room/(d.Used*d.Hardness))
		d.NineMore = !over(d.Failing, budget/10)
		d.Softened = m.outlook(&a, closure, d.Callee)
	}
	return a
}

// outlook is what can be expected if failures of one callee, or of none, were survived.
func (m *model) outlook(a *Assessment, c *closure, survived graph.NodeID) Outlook {
	var out Outlook
	for i := range a.Dependencies {
		d := &a.Dependencies[i]
		if d.Callee == survived {
			continue
		}
		out.Lost.High += d.Takes
		if d.Coupling != Assumed {
			out.Lost.Low = max(out.Lost.Low, d.Takes)
		}
	}
	out.Lost.High = min(out.Lost.High, 1)
	out.Best = 1 - c.unavailable(survived)
	budget := a.Budget()
	switch {
	case float64(a.Requests)*budget < enough:
		out.Verdict = Insufficient
	case over(a.Own+out.Lost.Low, budget):
		out.Verdict = Infeasible
	case over(a.Own+out.Lost.High, budget):
		out.Verdict = Depends
	default:
		out.Verdict = Feasible
	}
	return out
}

// over reports whether a share is above a limit, by more than arithmetic can be off.
func over(x, limit float64) bool { return x > limit+1e-12 }

var strength = map[Coupling]int{Soft: 0, Assumed: 1, Partial: 2, Hard: 3}

// dependencies puts the call sites of operations together by callee. What is survived is left out.
func (m *model) dependencies(about []*Operation, requests int64) (list []Dependency) {
	byCallee := map[graph.NodeID]*Dependency{}
	for _, op := range about {
		for i := range op.Sites {
			s := &op.Sites[i]
			if s.hardness() == 0 || s.Requests == 0 {
				continue
			}
			d := byCallee[s.Callee]
			if d == nil {
				d = &Dependency{Callee: s.Callee, Coupling: s.Coupling}
				byCallee[s.Callee] = d
			}
			if strength[s.Coupling] > strength[d.Coupling] {
				d.Coupling = s.Coupling
			}
			failing, promised := m.pledge(s)
			if !promised {
				failing, d.unpledged = s.failing(), true
			}
			d.calls += s.Requests
			d.fatal += float64(s.Requests) * s.hardness()
			d.failed += float64(s.Requests) * failing
			d.Takes += share(s.Requests, requests) * s.hardness() * failing
		}
	}
	for _, d := range byCallee {
		d.Used, d.Hardness, d.Failing = share(d.calls, requests), d.fatal/float64(d.calls), d.failed/float64(d.calls)
		d.Promised = !d.unpledged
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Dependency) int {
		return cmp.Or(cmp.Compare(b.Takes, a.Takes), cmp.Compare(strength[b.Coupling], strength[a.Coupling]), cmp.Compare(a.Callee, b.Callee))
	})
	return list
}

// union is the share of requests in which at least one hard callee failed in the end. Requests in which one callee
// failed are counted by callee. Of those in which several did it is known how many there are, and by callee in how
// many it was among them; the bounds are what that allows.
func (o *Operation) union() (low, high float64) {
	var alone, hardAlone, sum, most, others int64
	for i := range o.Sites {
		s := &o.Sites[i]
		alone += s.Alone
		together := s.Failed - s.Alone
		if s.Coupling != Hard {
			others += together
			continue
		}
		hardAlone += s.Alone
		sum += together
		most = max(most, together)
	}
	several := max(o.Requests-o.Clean-alone, 0)
	least := max(most, several-others)
	return share(hardAlone+min(least, several), o.Requests), share(hardAlone+min(several, sum), o.Requests)
}

func share(n, of int64) float64 {
	if of <= 0 {
		return 0
	}
	return float64(n) / float64(of)
}

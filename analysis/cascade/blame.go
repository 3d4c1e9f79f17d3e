package cascade

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"

	"faultline/graph"
)

// Sign is how something is ill.
type Sign string

// The signs.
const (
	Failing   Sign = "failing"   // requests fail
	Tolerated Sign = "tolerated" // calls fail that requests survive
	Slow      Sign = "slow"      // requests take longer
	Different Sign = "different" // requests make other calls than before
)

// Share is the part that one node has in what is ill.
type Share struct {
	Node    graph.NodeID
	Units   float64 // requests that failed, calls that did, or seconds more
	Share   float64 // of all units
	Reasons []Reason
	Traces  []graph.TraceID // up to five examples
}

// Ranking is who is to blame for one sign, the most first.
type Ranking struct {
	Sign     Sign
	Units    float64
	Requests float64 // in how many requests, or calls, the sign shows
	Shares   []Share
}

// Rank compares now with the baseline and says who is to blame for the difference, by the sign that shows in the
// most requests: they fail, they survive failed calls, or they are slow. Only if none shows, it is that they
// make other calls. Without any difference it is empty.
func Rank(base, now *Sample) Ranking { return rank(base, now, len(now.operations)+len(now.calls)) }

// rank is Rank of a part of a system in which so many operations and calls were compared.
func rank(base, now *Sample, compared int) Ranking {
	names, longer := aliases(countedIn(base, now)), slow(base, now, doubt(compared))
	if len(longer.Shares) == 0 {
		longer = slow(base, now, likely)
	}
	material := len(longer.Shares) > 0 && longer.Units*1e6 >= leastTime*now.work()
	best, most := Ranking{}, float64(leastRequests)
	longer.Requests = slowRequests(base, now)
	if material && longer.Requests >= most {
		best, most = longer, longer.Requests
	}
	survived, failed := tolerated(base, now, names), failing(base, now, names)
	for _, r := range []Ranking{survived, failed} {
		if r.Requests = r.Units; r.Units >= most {
			best, most = r, r.Units
		}
	}
	if len(best.Shares) == 0 && !material {
		if best = different(base, now); len(best.Shares) == 0 {
			best = omitting(base, now)
		}
	}
	if len(best.Shares) == 0 {
		best = longer
	}
	for _, other := range []Ranking{failed, survived, longer} {
		if other.Sign != best.Sign && (other.Sign != Slow || material) {
			best.join(other)
		}
	}
	best.silent(base, now, names)
	return best
}

// join takes in what another sign says of those who are blamed.
func (r *Ranking) join(other Ranking) {
	for i := range r.Shares {
		for _, s := range other.Shares {
			if s.Node == r.Shares[i].Node {
				r.Shares[i].Reasons = append(r.Shares[i].Reasons, s.Reasons...)
				(*traces)(&r.Shares[i].Traces).addAll(s.Traces)
			}
		}
	}
}

// leastRequests is in how many requests a sign must show.
const leastRequests = 5

// excess is what now has over what the baseline would have at as many requests, if chance does not explain it
// (three standard errors of a binomial count).
func excess(k, n, baseK, baseN float64) float64 {
	if n <= 0 {
		return 0
	}
	p := (baseK + 0.5) / (baseN + 1)
	if baseN <= 0 {
		p = 0
	}
	more := k - p*n
	if more < 3*math.Sqrt(p*(1-min(p, 1))*n) {
		return 0
	}
	return more
}

// tally collects blame by node.
type tally map[graph.NodeID]*Share

func (t tally) of(n graph.NodeID) *Share {
	s := t[n]
	if s == nil {
		s = &Share{Node: n}
		t[n] = s
	}
	return s
}

func (t tally) ranking(sign Sign) Ranking {
	r := Ranking{Sign: sign}
	for _, s := range t {
		if s.Units > 0 {
			r.Shares = append(r.Shares, *s)
		}
	}
	slices.SortFunc(r.Shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Units, a.Units), cmp.Compare(a.Node, b.Node))
	})
	for i := range r.Shares {
		r.Units += r.Shares[i].Units
	}
	for i := range r.Shares {
		r.Shares[i].Share = r.Shares[i].Units / r.Units
	}
	return r
}

// failing follows failed requests: each blames its own service, or the callee that did not answer.
func failing(base, now *Sample, names map[ends]graph.NodeID) Ranking {
	t := tally{}
	for _, k := range sortedGroups(now) {
		g, b := now.groups[k], base.groups[k]
		if b == nil {
			b = &groupSum{}
		}
		if k.callee == 0 {
			if more := excess(g.cleanFailed, g.requests, b.cleanFailed, b.requests); more > 0 {
				s := t.of(k.node)
				s.Units += more
				s.because(OwnFailures, more, g.requests, 0)
			}
			continue
		}
		more := excess(g.unexplained, now.requests(k), b.unexplained, base.requests(k))
		if more <= 0 {
			continue
		}
		s := t.of(named(names, k.node, k.callee))
		s.Units += more
		s.because(Unanswered, more, g.requests, 1)
		(*traces)(&s.Traces).addAll(g.fatalTraces)
	}
	return t.ranking(Failing)
}

// tolerated follows failed calls, whether requests survive them or a retry makes good for them: a node is blamed
// for those to it, less those that it made itself.
func tolerated(base, now *Sample, names map[ends]graph.NodeID) Ranking {
	t := tally{}
	before := base.edges(names)
	in, out := map[graph.NodeID]float64{}, map[graph.NodeID]float64{}
	callers, called := map[graph.NodeID]int{}, map[graph.NodeID]float64{}
	edges := now.edges(names)
	for _, e := range slices.SortedFunc(maps.Keys(edges), compareEnds) {
		n, b := edges[e], before[e]
		if b == nil {
			b = &callSum{}
		}
		if more := excess(n.failed, n.calls, b.failed, b.calls); more > 0 && e.caller != e.callee {
			in[e.callee] += more
			out[e.caller] += more
			callers[e.callee]++
			called[e.callee] += n.calls
		}
	}
	for n, more := range in {
		if more -= out[n]; more > 0 {
			s := t.of(n)
			s.Units = more
			s.because(FailedCalls, more, called[n], callers[n])
		}
	}
	for _, k := range sortedGroups(now) {
		if k.callee != 0 {
			if s, blamed := t[named(names, k.node, k.callee)]; blamed {
				(*traces)(&s.Traces).addAll(now.groups[k].survivedTraces)
			}
		}
	}
	return t.ranking(Tolerated)
}

// requests is how many requests the operation of a group served, whether they called its callee or not: calls
// to a node that stands for a dead service are made only while it is dead.
func (s *Sample) requests(k group) float64 {
	if g := s.groups[group{k.operation, 0}]; g != nil {
		return g.requests
	}
	return 0
}

// different follows requests that make fewer or more calls than before to those who make them: a function
// that returns early fails nobody and leaves something out.
func different(base, now *Sample) Ranking {
	t := tally{}
	for k := range merged(base.calls, now.calls) {
		b, n := base.operations[k.caller], now.operations[k.caller]
		if b == nil || n == nil || b.requests <= 0 || n.requests <= 0 {
			continue
		}
		before := base.callsOf(k)
		after, requests := now.countedOf(k)
		if requests <= 0 {
			continue
		}
		ratio := requests / b.requests
		more := math.Abs(after - before*ratio)
		chance := (before + after) * ratio // the square of what chance explains, if calls come one by one
		if atMostOnce(base, now, group{k.caller, k.callee.node}) {
			chance *= max(1-(before+after)/(b.requests+requests), 0.05)
		}
		if more < leastRequests || more < 3*math.Sqrt(chance) {
			continue
		}
		s := t.of(k.caller.node)
		units := min(more/max(1, before/b.requests), requests)
		s.Units += units
		s.because(OtherCalls, units, requests, 0)
	}
	return t.ranking(Different)
}

// omitting follows requests that leave out a call which requests make once at the most, where that is only likely not to be chance
// (Fisher's exact test). It is for want of anything clear: a fault of an operation with few requests leaves no more behind.
func omitting(base, now *Sample) Ranking {
	t := tally{}
	for k := range merged(base.calls, now.calls) {
		b, n := base.operations[k.caller], now.operations[k.caller]
		if b == nil || n == nil || !atMostOnce(base, now, group{k.caller, k.callee.node}) {
			continue
		}
		calls, requests := now.countedOf(k)
		before, after := max(b.requests-base.callsOf(k), 0), max(requests-calls, 0)
		if after*b.requests <= before*requests || uneven(after, requests, before, b.requests) >= likely {
			continue
		}
		more := after - before*requests/b.requests
		s := t.of(k.caller.node)
		s.Units += more
		s.because(OtherCalls, more, requests, 0)
	}
	return t.ranking(Different)
}

// countedOf is how many calls of a kind there were, and the requests that made them, as far as all calls are counted.
func (s *Sample) countedOf(k call) (calls, requests float64) {
	calls, requests = s.callsOf(k), s.operations[k.caller].requests
	if u := s.uncounted[k]; u != nil {
		return calls - u.calls, requests - u.requests
	}
	return calls, requests
}

// callsOf is how many calls of a kind there were.
func (s *Sample) callsOf(k call) float64 {
	if c := s.calls[k]; c != nil {
		return c.calls
	}
	return 0
}

// atMostOnce reports whether no request was seen to call the callee of a group more than once. How many do then varies by
// less than the number of calls would by itself.
func atMostOnce(base, now *Sample, k group) bool {
	requests, calls := 0.0, 0.0
	for _, s := range [...]*Sample{base, now} {
		if g := s.groups[k]; g != nil {
			requests, calls = requests+g.requests, calls+g.calls
		}
	}
	return requests > 0 && calls <= requests
}

// merged yields the keys of both in a fixed order.
func merged(a, b map[call]*callSum) iter.Seq[call] {
	keys := make([]call, 0, max(len(a), len(b)))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if a[k] == nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareCalls)
	return slices.Values(keys)
}

func compareOperations(a, b operation) int {
	return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.name, b.name))
}

func compareCalls(a, b call) int {
	return cmp.Or(
		cmp.Compare(a.caller.node, b.caller.node), cmp.Compare(a.callee.node, b.callee.node),
		cmp.Compare(a.caller.name, b.caller.name), cmp.Compare(a.callee.name, b.callee.name),
	)
}

func sortedGroups(s *Sample) []group {
	keys := make([]group, 0, len(s.groups))
	for k := range s.groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.name, b.name), cmp.Compare(a.callee, b.callee))
	})
	return keys
}

// edges sums calls by the nodes at their ends.
func (s *Sample) edges(names map[ends]graph.NodeID) map[ends]*callSum {
	sums := map[ends]*callSum{}
	for k, c := range s.eachCall {
		at(sums, ends{k.caller.node, named(names, k.caller.node, k.callee.node)}).add(c)
	}
	return sums
}

package cascade

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"time"

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
	Node  graph.NodeID
	Units float64 // requests that failed, calls that did, or seconds more
	Share float64 // of all units
	Why   Why
	Trace graph.TraceID // an example; zero: none
}

// Why says where units came from.
type Why struct {
	Self       float64 // its own requests failed with no call of theirs failing, or took longer by themselves
	Unanswered float64 // calls to it failed, or took longer on the way, for which it has no failed request
	Callers    int     // nodes that say so
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
func Rank(base, now *Sample) Ranking {
	names, longer := aliases(base, now), slow(base, now)
	material := longer.Units*1e6 >= leastTime*now.work()
	best, most := Ranking{}, float64(leastRequests)
	longer.Requests = slowRequests(base, now)
	if material && longer.Requests >= most {
		best, most = longer, longer.Requests
	}
	for _, r := range []Ranking{tolerated(base, now, names), failing(base, now, names)} {
		if r.Requests = r.Units; r.Units >= most {
			best, most = r, r.Units
		}
	}
	if len(best.Shares) == 0 && !material {
		best = different(base, now)
	}
	if len(best.Shares) == 0 {
		best = longer
	}
	return best
}

// leastTime is the share of all the time that operations work which slowness must add to be a sign.
const leastTime = 0.01

// work is the time in µs that all operations worked by themselves.
func (s *Sample) work() (sum float64) {
	for _, t := range s.own() {
		sum += max(t.sum, 0)
	}
	return sum
}

// leastRequests is in how many requests a sign must show.
const leastRequests = 5

// slowRequests is how many requests of an operation were slow, of the one of which most were: they took longer
// than half as much again as nine of ten did before, and five milliseconds more.
func slowRequests(base, now *Sample) (most float64) {
	for k, n := range now.operations {
		if b := base.operations[k]; b != nil {
			most = max(most, slowOf(b, n))
		}
	}
	return most
}

// slowOf is how many requests of n were slow beyond what b explains.
func slowOf(b, n *operationSum) float64 {
	limit, ok := slowAbove(b)
	if !ok {
		return 0
	}
	return excess(above(n.times, limit), n.requests, above(b.times, limit), b.requests)
}

// slowAbove is the bucket of durations above which requests are slow.
func slowAbove(b *operationSum) (uint16, bool) {
	p90, ok := b.times.Quantile(0.9)
	return graph.IndexOf(p90 + p90/2 + 5*time.Millisecond), ok
}

func above(h graph.Histogram, limit uint16) (count float64) {
	for _, bin := range h {
		if bin.Index > limit {
			count += float64(bin.N)
		}
	}
	return count
}

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
			r.Units += s.Units
			r.Shares = append(r.Shares, *s)
		}
	}
	for i := range r.Shares {
		r.Shares[i].Share = r.Shares[i].Units / r.Units
	}
	slices.SortFunc(r.Shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Units, a.Units), cmp.Compare(a.Node, b.Node))
	})
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
				s.Why.Self += more
			}
			continue
		}
		more := excess(g.unexplained, now.requests(k), b.unexplained, base.requests(k))
		if more <= 0 {
			continue
		}
		s := t.of(named(names, k.node, k.callee))
		s.Units += more
		s.Why.Unanswered += more
		s.Why.Callers++
		s.Trace = graph.LeastTrace(s.Trace, g.fatalTrace)
	}
	return t.ranking(Failing)
}

// tolerated follows failed calls, whether requests survive them or a retry makes good for them: a node is blamed
// for those to it, less those that it made itself.
func tolerated(base, now *Sample, names map[ends]graph.NodeID) Ranking {
	t := tally{}
	before := base.edges(names)
	in, out := map[graph.NodeID]float64{}, map[graph.NodeID]float64{}
	callers := map[graph.NodeID]int{}
	for e, n := range now.edges(names) {
		b := before[e]
		if b == nil {
			b = &callSum{}
		}
		if more := excess(n.failed, n.calls, b.failed, b.calls); more > 0 && e.caller != e.callee {
			in[e.callee] += more
			out[e.caller] += more
			callers[e.callee]++
		}
	}
	for n, more := range in {
		if more -= out[n]; more > 0 {
			s := t.of(n)
			s.Units, s.Why = more, Why{Unanswered: more, Callers: callers[n]}
		}
	}
	for _, k := range sortedGroups(now) {
		if k.callee != 0 {
			if s, blamed := t[named(names, k.node, k.callee)]; blamed {
				s.Trace = graph.LeastTrace(s.Trace, now.groups[k].survivedTrace)
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
		before, after := 0.0, 0.0
		if c := base.calls[k]; c != nil {
			before = c.calls
		}
		if c := now.calls[k]; c != nil {
			after = c.calls
		}
		ratio := n.requests / b.requests
		more := math.Abs(after - before*ratio)
		if more < leastRequests || more < 3*math.Sqrt((before+after)*ratio) {
			continue
		}
		s := t.of(k.caller.node)
		requests := min(more/max(1, before/b.requests), n.requests)
		s.Units += requests
		s.Why.Self += requests
	}
	return t.ranking(Different)
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

// slow follows time: what an operation takes longer by itself, and what calls take longer on their way.
func slow(base, now *Sample) Ranking {
	t := tally{}
	for o, more := range ownExcess(base, now) {
		s := t.of(o.node)
		s.Units += more / 1e6
		s.Why.Self += more / 1e6
	}
	for n, more := range silentExcess(base, now) {
		s := t.of(n)
		s.Units += more / 1e6
		s.Why.Self += more / 1e6
	}
	for e, more := range wayExcess(base, now) {
		s := t.of(e)
		s.Units += more / 1e6
		s.Why.Unanswered += more / 1e6
	}
	return t.ranking(Slow)
}

// own is the time in µs that operations take by themselves: without the calls that they wait for.
func (s *Sample) own() map[operation]timing {
	own := make(map[operation]timing, len(s.operations))
	for k, o := range s.operations {
		own[k] = o.time
	}
	for k, c := range s.calls {
		o, known := own[k.caller]
		if !known || c.async {
			continue
		}
		if c.client.n > 0 {
			o.sum -= c.client.sum
		} else {
			o.sum -= c.server.sum
		}
		own[k.caller] = o
	}
	return own
}

// surprising reports whether a mean that grew by more did not do so by chance.
func surprising(more float64, base, now timing) bool {
	return more > 0 && more*more > 4*(base.errorOfMean()+now.errorOfMean())
}

func ownExcess(base, now *Sample) map[operation]float64 {
	before := base.own()
	more := map[operation]float64{}
	for k, n := range now.own() {
		b, known := before[k]
		if !known || b.n <= 0 || n.n <= 0 {
			continue
		}
		// The variance is that of the whole duration, which is more than that of the part.
		if d := n.sum/n.n - b.sum/b.n; surprising(d, base.operations[k].time, now.operations[k].time) {
			more[k] = d * n.n
		}
	}
	return more
}

// silentExcess is how much longer calls took to nodes that only their callers tell of, such as databases.
func silentExcess(base, now *Sample) map[graph.NodeID]float64 {
	more := map[graph.NodeID]float64{}
	for k, n := range now.calls {
		b := base.calls[k]
		if b == nil || n.async || n.server.n > 0 || b.server.n > 0 || n.client.n <= 0 || b.client.n <= 0 {
			continue
		}
		if d := n.client.mean() - b.client.mean(); surprising(d, b.client, n.client) {
			more[k.callee.node] += d * n.client.n
		}
	}
	return more
}

// ends are two nodes, one of which calls the other.
type ends struct{ caller, callee graph.NodeID }

// wayExcess says how much longer calls were on their way, by the end that is to blame: the one of whose calls
// the larger part got slower; if both are alike, the one with more slower neighbours, so that few causes
// explain much; else the callee.
func wayExcess(base, now *Sample) map[graph.NodeID]float64 {
	from, to := map[graph.NodeID]*way{}, map[graph.NodeID]*way{}
	more := map[ends]float64{}
	for k, n := range now.calls {
		b := base.calls[k]
		if b == nil || n.async || n.client.n <= 0 || n.server.n <= 0 || b.client.n <= 0 || b.server.n <= 0 {
			continue
		}
		before, after := b.client.mean()-b.server.mean(), n.client.mean()-n.server.mean()
		d := after - before
		slower := d > max(before/2, leastSlower) && surprising(d, b.client, n.client)
		at(from, k.caller.node).add(n.calls, slower, k.callee.node)
		at(to, k.callee.node).add(n.calls, slower, k.caller.node)
		if slower {
			more[ends{k.caller.node, k.callee.node}] += d * n.client.n
		}
	}
	blamed := map[graph.NodeID]float64{}
	for e, d := range more {
		if from[e.caller].above(to[e.callee]) {
			blamed[e.caller] += d
		} else {
			blamed[e.callee] += d
		}
	}
	return blamed
}

// leastSlower is the least time in µs by which a way must get longer to count: clocks of two processes, and
// what a library measures of a call, differ by less.
const leastSlower = 1000

// way is what is known of the calls on one side of a node.
type way struct {
	calls, slower float64
	neighbours    map[graph.NodeID]bool // over calls that got slower
}

func (w *way) add(calls float64, slower bool, neighbour graph.NodeID) {
	w.calls += calls
	if !slower {
		return
	}
	w.slower += calls
	if w.neighbours == nil {
		w.neighbours = map[graph.NodeID]bool{}
	}
	w.neighbours[neighbour] = true
}

// above reports whether w explains slow calls better than o does.
func (w *way) above(o *way) bool {
	const alike = 0.1 // shares of calls that differ by less say nothing
	if d := w.slower/w.calls - o.slower/o.calls; math.Abs(d) > alike {
		return d > 0
	}
	return len(w.neighbours) > len(o.neighbours)
}

// aliases says who stands behind a node that only its callers tell of: of a caller's calls with one name that
// were answered, all but a hundredth and at least twenty went to one service, so unanswered ones of that
// name went there too (R7). A dead service leaves nothing but such calls.
func aliases(samples ...*Sample) map[ends]graph.NodeID {
	type name struct {
		caller graph.NodeID
		callee string
	}
	type answered struct {
		all  float64
		most float64
		by   graph.NodeID
	}
	calls := map[name]map[graph.NodeID]float64{}
	for _, s := range samples {
		for k, c := range s.calls {
			if c.server.n > 0 && k.callee.name != "" {
				n := name{k.caller.node, k.callee.name}
				if calls[n] == nil {
					calls[n] = map[graph.NodeID]float64{}
				}
				calls[n][k.callee.node] += c.calls
			}
		}
	}
	found := map[ends]graph.NodeID{}
	for _, s := range samples {
		for k, c := range s.calls {
			if c.server.n > 0 {
				continue
			}
			var a answered
			for node, n := range calls[name{k.caller.node, k.callee.name}] {
				a.all += n
				if n > a.most || n == a.most && node < a.by {
					a.most, a.by = n, node
				}
			}
			e := ends{k.caller.node, k.callee.node}
			switch before, known := found[e]; {
			case a.all < 20 || a.most < 0.99*a.all:
			case !known:
				found[e] = a.by
			case before != a.by:
				found[e] = k.callee.node // it stands for several
			}
		}
	}
	return found
}

func named(names map[ends]graph.NodeID, caller, callee graph.NodeID) graph.NodeID {
	if n, ok := names[ends{caller, callee}]; ok {
		return n
	}
	return callee
}

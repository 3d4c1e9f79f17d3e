package cascade

import (
	"cmp"
	"iter"
	"maps"
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
	material := longer.Units*1e6 >= leastTime*now.work()
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
		best = different(base, now)
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

// leastTime is the share of all the time that operations work which slowness must add to be a sign.
const leastTime = 0.01

// work is the time in µs that all operations worked by themselves.
func (s *Sample) work() (sum float64) {
	own := s.own()
	for _, k := range slices.SortedFunc(maps.Keys(own), compareOperations) {
		sum += max(own[k].sum, 0)
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
	return slowLimit(p90), ok
}

// slowLimit is the bucket of durations above which requests are slow of which nine of ten were not above p90.
func slowLimit(p90 time.Duration) uint16 { return graph.IndexOf(p90 + p90/2 + 5*time.Millisecond) }

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
		s.because(OtherCalls, requests, n.requests, 0)
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

// slow follows time: what an operation takes longer by itself, and what calls take longer on their way.
func slow(base, now *Sample, doubt float64) Ranking {
	t := tally{}
	blame := func(n graph.NodeID, kind ReasonKind, g growth) {
		s := t.of(n)
		s.Units += g.more / 1e6
		s.because(kind, g.more/1e6, g.n, 0)
	}
	own := ownExcess(base, now, doubt)
	for _, o := range slices.SortedFunc(maps.Keys(own), compareOperations) {
		blame(o.node, OwnTime, own[o])
	}
	for n, g := range silentExcess(base, now, doubt) {
		blame(n, SlowCalls, g)
	}
	for n, g := range wayExcess(base, now, doubt) {
		blame(n, WayTime, g)
	}
	return t.ranking(Slow)
}

// growth is how much longer so many requests or calls took in all, in µs.
type growth struct{ more, n float64 }

func (g growth) and(o growth) growth { return growth{g.more + o.more, g.n + o.n} }

// own is the time in µs that operations take by themselves: without the calls that they wait for.
func (s *Sample) own() map[operation]timing {
	own := make(map[operation]timing, len(s.operations))
	for k, o := range s.operations {
		own[k] = o.time
	}
	for k, c := range s.eachCall {
		o, known := own[k.caller]
		if !known {
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

// edges sums calls by the nodes at their ends.
func (s *Sample) edges(names map[ends]graph.NodeID) map[ends]*callSum {
	sums := map[ends]*callSum{}
	for k, c := range s.eachCall {
		at(sums, ends{k.caller.node, named(names, k.caller.node, k.callee.node)}).add(c)
	}
	return sums
}

// doubt is the chance that it takes to blame time on something: of so many operations and calls that are compared, chance
// alone makes one seem slower in one of twenty rankings.
func doubt(compared int) float64 { return likely - math.Log(float64(compared+1)) }

// slower is the chance of durations that are as much longer than before as these: of their mean or of their mean logarithm,
// which of both tells more. Only a part of the growth may be asked for; it is no better known than the whole.
func slower(base, now *timing, part float64) float64 {
	freedom := base.n + now.n - 2
	if freedom < 1 {
		return 0
	}
	t := func(sum, squares, sumBefore, squaresBefore float64) float64 {
		inner := max(squaresBefore-sumBefore*sumBefore/base.n, 0) + max(squares-sum*sum/now.n, 0)
		return (sum/now.n - sumBefore/base.n) / math.Sqrt(max(inner/freedom, resolution)*(1/base.n+1/now.n))
	}
	highest := max(t(now.sum, now.squares, base.sum, base.squares), t(now.logs, now.logSquares, base.logs, base.logSquares))
	return min(math.Ln2+tail(highest*part, freedom), 0)
}

func ownExcess(base, now *Sample, doubt float64) map[operation]growth {
	before := base.own()
	more := map[operation]growth{}
	for k, n := range now.own() {
		b, known := before[k]
		if !known || b.n <= 0 || n.n <= 0 {
			continue
		}
		was, is := &base.operations[k].time, &now.operations[k].time
		d, whole := n.sum/n.n-b.sum/b.n, is.mean()-was.mean()
		if d > 0 && whole > 0 && slower(was, is, min(d/whole, 1)) < doubt {
			more[k] = growth{d * n.n, n.n}
		}
	}
	return more
}

// silentExcess is how much longer calls took to nodes that only their callers tell of, such as databases.
func silentExcess(base, now *Sample, doubt float64) map[graph.NodeID]growth {
	more := map[graph.NodeID]growth{}
	for k, n := range now.eachCall {
		b := base.calls[k]
		if b == nil || n.server.n > 0 || b.server.n > 0 || n.client.n <= 0 || b.client.n <= 0 {
			continue
		}
		if d := n.client.mean() - b.client.mean(); d > 0 && slower(&b.client, &n.client, 1) < doubt {
			more[k.callee.node] = more[k.callee.node].and(growth{d * n.client.n, n.client.n})
		}
	}
	return more
}

// ends are two nodes, one of which calls the other.
type ends struct{ caller, callee graph.NodeID }

func compareEnds(a, b ends) int {
	return cmp.Or(cmp.Compare(a.caller, b.caller), cmp.Compare(a.callee, b.callee))
}

// wayExcess says how much longer calls were on their way, by the end that is to blame: the one of whose calls
// the larger part got slower; if both are alike, the one with more slower neighbours, so that few causes
// explain much; else the callee.
func wayExcess(base, now *Sample, doubt float64) map[graph.NodeID]growth {
	from, to := map[graph.NodeID]*way{}, map[graph.NodeID]*way{}
	more := map[ends]growth{}
	for k, n := range now.eachCall {
		b := base.calls[k]
		if b == nil || n.client.n <= 0 || n.server.n <= 0 || b.client.n <= 0 || b.server.n <= 0 {
			continue
		}
		before, after := b.client.mean()-b.server.mean(), n.client.mean()-n.server.mean()
		d := after - before
		chance := slower(&b.client, &n.client, 1)
		longer := d > max(before/2, leastSlower) && chance < likely
		at(from, k.caller.node).add(n.calls, longer, k.callee.node)
		at(to, k.callee.node).add(n.calls, longer, k.caller.node)
		if longer && chance < doubt {
			e := ends{k.caller.node, k.callee.node}
			more[e] = more[e].and(growth{d * n.client.n, n.client.n})
		}
	}
	blamed := map[graph.NodeID]growth{}
	for _, e := range slices.SortedFunc(maps.Keys(more), compareEnds) {
		n, g := e.callee, more[e]
		if from[e.caller].above(to[e.callee]) {
			n = e.caller
		}
		blamed[n] = blamed[n].and(g)
	}
	return blamed
}

// leastSlower is the least time in µs by which a way must get longer to count: clocks of two processes, and
// what a library measures of a call, differ by less.
const leastSlower = 1000

// likely is the chance below which something counts as slower if it is the only one that is asked about.
var likely = math.Log(0.05)

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

// counted is how many calls there were, and how many of them were answered.
type counted struct{ calls, answered float64 }

// aliases says who stands behind a node that only its callers tell of: of a caller's calls with one name that
// were answered, all but a hundredth and at least twenty went to one service, so unanswered ones of that
// name went there too (R7). A dead service leaves nothing but such calls.
func aliases(calls iter.Seq2[call, counted]) map[ends]graph.NodeID {
	type name struct {
		caller graph.NodeID
		callee string
	}
	answers := map[name]map[graph.NodeID]float64{} // of names of which some are unanswered
	for k, c := range calls {
		if c.answered == 0 && k.callee.name != "" {
			answers[name{k.caller.node, k.callee.name}] = map[graph.NodeID]float64{}
		}
	}
	for k, c := range calls {
		if by := answers[name{k.caller.node, k.callee.name}]; by != nil && c.answered > 0 {
			by[k.callee.node] += c.calls
		}
	}
	found := map[ends]graph.NodeID{}
	for k, c := range calls {
		if c.answered > 0 {
			continue
		}
		var all, most float64
		var by graph.NodeID
		answered := answers[name{k.caller.node, k.callee.name}]
		for _, node := range slices.Sorted(maps.Keys(answered)) {
			n := answered[node]
			if all += n; n > most {
				most, by = n, node
			}
		}
		e := ends{k.caller.node, k.callee.node}
		switch before, known := found[e]; {
		case all < 20 || most < 0.99*all:
		case !known:
			found[e] = by
		case before != by:
			found[e] = k.callee.node // it stands for several
		}
	}
	return found
}

// countedIn yields the calls of two samples.
func countedIn(base, now *Sample) iter.Seq2[call, counted] {
	return func(yield func(call, counted) bool) {
		for k := range merged(base.calls, now.calls) {
			var sum counted
			for _, c := range []*callSum{base.calls[k], now.calls[k]} {
				if c != nil {
					sum = counted{sum.calls + c.calls, sum.answered + c.server.n}
				}
			}
			if !yield(k, sum) {
				return
			}
		}
	}
}

func named(names map[ends]graph.NodeID, caller, callee graph.NodeID) graph.NodeID {
	if n, ok := names[ends{caller, callee}]; ok {
		return n
	}
	return callee
}

package cascade

import (
	"maps"
	"math"
	"slices"
	"time"

	"faultline/graph"
)

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
	return excess(n.times.above(limit), n.requests, b.times.above(limit), b.requests)
}

// slowAbove is the bucket of durations above which requests are slow.
func slowAbove(b *operationSum) (uint16, bool) {
	p90, ok := b.times.ninth()
	return slowLimit(p90), ok
}

// slowLimit is the bucket of durations above which requests are slow of which nine of ten were not above p90.
func slowLimit(p90 time.Duration) uint16 { return graph.IndexOf(p90 + p90/2 + 5*time.Millisecond) }

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

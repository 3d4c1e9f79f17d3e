package cascade

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"time"

	"faultline/graph"
)

// Member is an operation, a node as a whole, or the calls of a node to another, that is ill.
type Member struct {
	Node      graph.NodeID
	Operation string       // empty, without a callee: all operations of the node taken together
	Callee    graph.NodeID // 0: it is about requests, else about all calls of the node to this one
	Sign      Sign
	Bad       float64 // requests or calls that fail or are slow, or that are made more or less often than before
	Requests  float64 // of this many
	Before    float64 // share that was bad before
	Times     float64 // how many times as long it takes as before, or as many calls a request makes; 0: it is about a share
	Onset     time.Time
	Suspected bool      // chance makes it unlikely, and not impossible: nobody should be called for it
	Chance    float64   // natural logarithm of the probability that it is chance
	LastIll   time.Time // of an incident's

	from int    // the stretch since which it is ill
	well uint64 // the stretches since then in which it was not, a bit each
}

// Share is the share of requests that is bad.
func (m *Member) Share() float64 { return m.Bad / m.Requests }

func (m *Member) subject() Member {
	return Member{Node: m.Node, Operation: m.Operation, Callee: m.Callee, Sign: m.Sign}
}

// symptoms finds what is ill, in a fixed order. Whatever is watched is compared with what was before at the begin of
// every stretch; the begin that chance explains least is the onset.
func (s *series) symptoms(names map[ends]graph.NodeID) (found []Member, suspicious float64) {
	w := watch{series: s, typical: s.typicalSpread(), suspicious: suspicionAt(len(s.operations) + len(s.calls)), found: map[Member]*Member{}}
	own := map[graph.NodeID]*pool{}
	for _, o := range s.operationList {
		w.operation(o, at(own, o.node))
	}
	for n, p := range own {
		w.pool(Member{Node: n, Sign: Slow}, p)
	}
	var edges []ends
	callsOf := map[ends][]*callSeries{}
	for _, c := range s.callList {
		e := ends{c.caller.node, named(names, c.caller.node, c.callee.node)}
		if callsOf[e] == nil {
			edges = append(edges, e)
		}
		callsOf[e] = append(callsOf[e], c)
	}
	called := map[graph.NodeID]*pool{}
	for _, e := range edges {
		var tried [stretches]tries
		var between pool
		to := at(called, e.callee)
		for _, c := range callsOf[e] {
			for n := range tried {
				tried[n] = tried[n].and(tries{c.calls(n), c.failed(n)})
			}
			w.call(c, &between, to)
		}
		w.count(Member{Node: e.caller, Callee: e.callee, Sign: Failing}, &tried, leastRate)
		w.pool(Member{Node: e.caller, Callee: e.callee, Sign: Slow}, &between)
	}
	for n, p := range called {
		w.pool(Member{Node: n, Sign: Slow}, p)
	}
	members := make([]Member, 0, len(w.found))
	for _, m := range w.found {
		members = append(members, *m)
	}
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Callee, b.Callee), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Sign, b.Sign))
	})
	return members, w.suspicious
}

// watch looks for what is ill.
type watch struct {
	*series
	typical    float64
	suspicious float64
	found      map[Member]*Member // by subject
}

// tries are attempts at something, some of them bad.
type tries struct{ all, bad float64 }

func (t tries) and(o tries) tries { return tries{t.all + o.all, t.bad + o.bad} }

// note takes a member in if chance explains it less than what is known of the same subject.
func (w *watch) note(m Member) {
	if m.Chance > w.suspicious+faint {
		return
	}
	m.Chance = max(m.Chance, never)
	if m.from < recent && m.well != 0 {
		// It was ill, well and is ill again: older stretches are compared with what was before them, so they may explain it better.
		m.from = w.next(bits.Len64(m.well))
	}
	m.Suspected, m.Onset = m.Suspected || m.Chance > alarming, w.begin[m.from]
	known := w.found[m.subject()]
	if known == nil || known.Suspected && !m.Suspected || known.Suspected == m.Suspected && m.Chance < known.Chance {
		w.found[m.subject()] = &m
	}
}

// operation tests requests of an operation: whether they fail, are slow, or all take longer.
func (w *watch) operation(o *operationSeries, own *pool) {
	var failed, slow [stretches]tries
	var time [stretches]timing
	for n := range stretches {
		failed[n] = tries{o.requests(n), o.failed(n)}
		time[n] = o.time(n)
	}
	w.count(Member{Node: o.node, Operation: o.name, Sign: Failing}, &failed, leastRate)
	if !heard(&failed) {
		return
	}
	var dense [graph.MaxIndex + 1]float64 // durations before
	all, timed := 0.0, 0.0
	for from := elder; from < stretches; from++ {
		for _, c := range o.times(from - 1) {
			dense[c.index] += float64(c.n)
			timed += float64(c.n)
		}
		if all += o.requests(from - 1); all < leastKnown || o.requests(from) == 0 {
			continue
		}
		limit := slowLimit(ninth(&dense, timed))
		for n := range stretches {
			slow[n] = tries{o.requests(n), o.times(n).above(limit)}
		}
		w.countFrom(Member{Node: o.node, Operation: o.name, Sign: Slow}, &slow, leastSlow, from)
	}
	w.durations(Member{Node: o.node, Operation: o.name, Sign: Slow}, &time, own)
}

// call tests the calls of an operation to another: whether they take longer, or there are more or fewer of them for each
// request.
func (w *watch) call(c *callSeries, pools ...*pool) {
	var time [stretches]timing
	for n := range stretches {
		time[n] = c.time(n)
	}
	w.durations(Member{Node: c.caller.node, Callee: c.callee.node, Sign: Slow}, &time, pools...)
	o := c.by
	if o == nil {
		return
	}
	var before, since callSum
	var asked operationSum
	all, last := 0.0, c.lastCounted()
	for n := range last + 1 {
		since.calls += c.calls(n)
		all += o.requests(n)
	}
	for from := elder; from <= last; from++ {
		before.calls += c.calls(from - 1)
		before.waves += c.waves(from - 1)
		since.calls -= c.calls(from - 1)
		asked.requests += o.requests(from - 1)
		asked.time.buckets += o.buckets(from - 1)
		if o.requests(from) == 0 {
			continue
		}
		chance, difference := fanOut(&before, &since, asked.requests, all-asked.requests, asked.time.buckets)
		if chance > w.suspicious+faint || !stillDifferent(c, from, last, before.calls/asked.requests, difference) {
			continue
		}
		w.note(Member{
			Node: c.caller.node, Operation: c.caller.name, Sign: Different, Bad: min(math.Abs(difference), all-asked.requests), Requests: all - asked.requests,
			Times:  (since.calls / (all - asked.requests)) / max(before.calls/asked.requests, 1e-9),
			Chance: chance, from: from, Suspected: true, // it harms nobody by itself
		})
	}
}

// lately is how many requests tell whether something is still ill.
const lately = 20

// stillDifferent reports whether the latest requests up to a stretch make rather as many calls as since the change than as before.
func stillDifferent(c *callSeries, from, last int, before, difference float64) bool {
	requests, calls, all := 0.0, 0.0, 0.0
	for n := from; n <= last; n++ {
		all += c.by.requests(n)
	}
	for n := last; n >= from && requests < lately; n-- {
		requests += c.by.requests(n)
		calls += c.calls(n)
	}
	return requests > 0 && (calls/requests-before)/(difference/all) > 0.5
}

// leastSeen is in how many buckets something must be slow. What is slow for less may be over already: a pause, a restart.
const leastSeen = 3

// lastsIn reports whether something is slow in enough of the stretches that have a bit in seen.
func lastsIn(seen uint64) bool { return bits.OnesCount64(seen) >= leastSeen }

// heard reports whether there is something lately.
func heard(tried *[stretches]tries) bool {
	return slices.ContainsFunc(tried[recent:], func(t tries) bool { return t.all > 0 })
}

// count tests a share at the begin of each stretch.
func (w *watch) count(m Member, tried *[stretches]tries, least float64) {
	bad := 0.0
	for n := range tried {
		bad += tried[n].bad
	}
	if bad < leastBad || !heard(tried) {
		return
	}
	for from := elder; from < stretches; from++ {
		if tried[from].all > 0 {
			w.countFrom(m, tried, least, from)
		}
	}
}

func (w *watch) countFrom(m Member, tried *[stretches]tries, least float64, from int) {
	var before, since, now, worst tries
	for n, t := range tried {
		if n < from {
			before = before.and(t)
			continue
		}
		since = since.and(t)
		if n >= recent && t.bad > worst.bad {
			worst = t
		}
	}
	if before.all < leastKnown {
		return // nothing is known of what is usual
	}
	m.Chance = more(since.bad, since.all, before.bad, before.all, least)
	if m.Chance > w.suspicious+faint {
		return
	}
	rest := more(since.bad-worst.bad, since.all-worst.all, before.bad, before.all, least)
	if rest > spell {
		return
	}
	for n := latest; n >= from && now.all < lately; n-- {
		now = now.and(tried[n])
	}
	m.Bad, m.Requests, m.Before, m.from = since.bad, since.all, before.bad/before.all, from
	m.Suspected = rest > w.suspicious
	seen := uint64(0)
	m.well = 0
	for n := from; n < stretches; n++ {
		if t := tried[n]; t.bad > 0 && t.bad/t.all >= m.Share()/2 {
			seen |= 1 << n
		} else if t.all >= lately {
			m.well |= 1 << n
		}
	}
	if m.Sign == Slow && !lastsIn(seen) {
		return
	}
	if now.bad/now.all >= (m.Before+m.Share())/2 {
		w.note(m)
	}
}

// pool puts together what several operations or calls of one node, each with few requests, say about time.
type pool struct {
	parts            [stretches]float64
	sum              [stretches]float64 // of standard normal values, if nothing has changed
	seen             [stretches]uint64  // the latest buckets, a bit each, in which a part is slow
	requests, longer [stretches]float64
	logs             [stretches]float64
	begun            [stretches]bool // there is something in the stretch itself
}

// alike is the correlation that parts of a pool are taken to have by what they share, such as a host.
const alike = 0.1

// firm bounds what one part of a pool says: a pool is for what many say.
const firm = 6

// durations tests whether something takes longer, at the begin of each stretch, and puts it into pools.
func (w *watch) durations(m Member, times *[stretches]timing, pools ...*pool) {
	var since [stretches + 1]timing // the begin of each stretch
	for n := latest; n > usual; n-- {
		since[n] = since[n+1]
		since[n].add(&times[n])
	}
	if since[recent].n == 0 {
		return
	}
	before := times[usual]
	for from := elder; from <= latest && since[from].n > 0; before, from = before.with(&times[from]), from+1 {
		if before.n < 2 {
			continue
		}
		since := &since[from]
		shift := since.logs/since.n - before.logs/before.n
		var now timing
		seen, well := uint64(0), uint64(0)
		for n := latest; n >= from; n-- {
			if now.n < lately {
				now.add(&times[n])
			}
			if t := &times[n]; t.n > 0 && t.logs/t.n-before.logs/before.n > shift/2 && shift > margin {
				seen |= 1 << n
			} else if t.n >= lately {
				well |= 1 << n
			}
		}
		t, freedom := later(&before, since, w.typical)
		lasts := now.logs/now.n-before.logs/before.n > shift/2
		z := min(t, 2)
		chance := 0.0
		if t > 2 {
			chance = tail(t, freedom)
			z = min(normal(chance), firm)
			if !lasts {
				z = 0
			}
		}
		more := (since.mean() - before.mean()) * since.n
		for _, p := range pools {
			p.parts[from]++
			p.begun[from] = p.begun[from] || times[from].n > 0
			p.sum[from] += z
			p.seen[from] |= seen
			p.requests[from] += since.n
			p.longer[from] += more
			p.logs[from] += shift * since.n
		}
		if chance > w.suspicious+faint || !lasts || times[from].n == 0 || since.n < leastBad || !lastsIn(seen) || more < leastMore*since.n {
			continue
		}
		m.Bad, m.Requests, m.Times, m.Chance, m.from, m.well = since.n, since.n, math.Exp(shift), chance, from, well
		// That durations are spread like others of the system is an assumption. Without it, chance can put all
		// the longest ones to one side in one of so many ways.
		m.Suspected = -chooseLog(before.n+since.n, since.n) > alarming || before.n < leastKnown
		w.note(m)
	}
}

// pool tests what is put together of a node or of the calls between two.
func (w *watch) pool(m Member, p *pool) {
	for from := elder; from < stretches; from++ {
		k := p.parts[from]
		if k < 2 || !p.begun[from] || !lastsIn(p.seen[from]) || p.requests[from] < leastBad || p.longer[from] < leastMore*p.requests[from] {
			continue
		}
		spread := math.Sqrt(k + k*(k-1)*alike)
		z := p.sum[from] / spread
		m.Bad, m.Requests, m.Times = p.requests[from], p.requests[from], math.Exp(p.logs[from]/p.requests[from])
		m.Chance, m.from, m.Suspected = math.Log(math.Erfc(z/math.Sqrt2)/2), from, true
		w.note(m)
	}
}

// ninth is the duration that nine of ten are not above.
func ninth(dense *[graph.MaxIndex + 1]float64, all float64) time.Duration {
	sum := 0.0
	for i, n := range dense {
		if sum += n; sum >= 0.9*all {
			return time.Duration(durations[i] * 1e3)
		}
	}
	return 0
}

// groups puts members together that are connected by calls between ill nodes.
func groups(members []Member, s *series, names map[ends]graph.NodeID) (found []map[graph.NodeID]bool) {
	parent := map[graph.NodeID]graph.NodeID{}
	var root func(n graph.NodeID) graph.NodeID
	root = func(n graph.NodeID) graph.NodeID {
		if parent[n] != n {
			parent[n] = root(parent[n])
		}
		return parent[n]
	}
	for i := range members {
		for _, n := range []graph.NodeID{members[i].Node, members[i].Callee} {
			if _, known := parent[n]; n != 0 && !known {
				parent[n] = n
			}
		}
	}
	for _, c := range s.callList {
		if !c.heard() {
			continue
		}
		a, b := c.caller.node, named(names, c.caller.node, c.callee.node)
		if _, illA := parent[a]; illA {
			if _, illB := parent[b]; illB {
				if x, y := root(a), root(b); x != y {
					parent[max(x, y)] = min(x, y)
				}
			}
		}
	}
	byRoot := map[graph.NodeID]int{}
	nodes := make([]graph.NodeID, 0, len(parent))
	for n := range parent {
		nodes = append(nodes, n)
	}
	slices.Sort(nodes)
	for _, n := range nodes {
		r := root(n)
		i, known := byRoot[r]
		if !known {
			i = len(found)
			byRoot[r] = i
			found = append(found, map[graph.NodeID]bool{})
		}
		found[i][n] = true
	}
	return found
}

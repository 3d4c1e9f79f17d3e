package change

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"time"

	"faultline/graph"
)

// Knowledge is what other analyses say, which a comparison passes on.
type Knowledge struct {
	Verdicts []VerdictChange
	Hard     func(caller, callee graph.NodeID) bool // whether the dependency is hard, by evidence, now
	Entries  []graph.NodeID                         // what is called from outside
}

// VerdictChange says that a dependency became harder or softer.
type VerdictChange struct {
	Caller        graph.NodeID
	Operation     string
	Callee        graph.NodeID
	From, To      string
	At            time.Time
	BeforeVersion string // of the caller
	AfterVersion  string
	Trace         graph.TraceID
}

// hard is the verdict that takes callers down.
const hard = "hard"

// comparison is one under way.
type comparison struct {
	p, q     *Snapshot
	known    Knowledge
	report   Report
	versions map[graph.NodeID]VersionChange
	newNodes map[graph.NodeID]bool // or what may be: what they serve and call is as new as they are
	goneNode map[graph.NodeID]bool
	newEdges []pair
	callers  map[graph.NodeID][]graph.NodeID // along hard dependencies
	tests    map[Kind]*family
}

// family is what was compared of one kind, and the differences large enough to matter.
type family struct {
	compared int
	items    []Item
}

// Compare says what differs in q from p. The windows may have different lengths: calls are reckoned by the
// requests of their callers.
func Compare(p, q *Snapshot, known Knowledge) Report {
	c := &comparison{
		p: p, q: q, known: known, versions: map[graph.NodeID]VersionChange{}, newNodes: map[graph.NodeID]bool{}, goneNode: map[graph.NodeID]bool{},
		tests: map[Kind]*family{},
	}
	c.report.Requests = [2]float64{p.fromOutside(), q.fromOutside()}
	c.deployed()
	c.nodes()
	c.operations()
	c.edges()
	c.cycles()
	c.verdicts()
	c.significant()
	c.report.Items, c.report.Uncertain = c.finish(c.report.Items), c.finish(c.report.Uncertain)
	return c.report
}

// either yields the keys of both, each once.
func either[K comparable, V any](a, b map[K]V) iter.Seq[K] {
	return func(yield func(K) bool) {
		for k := range b {
			if !yield(k) {
				return
			}
		}
		for k := range a {
			if _, both := b[k]; !both && !yield(k) {
				return
			}
		}
	}
}

// busiest is the key with the most; of equals, the last by name.
func busiest(counts map[string]float64, but map[string]float64) (name string) {
	most := 0.0
	for k, n := range counts {
		if but[k] <= 0 && (n > most || n == most && k > name) {
			name, most = k, n
		}
	}
	return name
}

func (c *comparison) deployed() {
	for id, after := range c.q.versions {
		before := c.p.versions[id]
		if len(before) == 0 {
			continue
		}
		from, to := busiest(before, nil), busiest(after, before)
		if to != "" && from != to {
			v := VersionChange{Node: id, From: from, To: to}
			c.versions[id] = v
			c.report.Versions = append(c.report.Versions, v)
		}
	}
	slices.SortFunc(c.report.Versions, func(a, b VersionChange) int { return cmp.Compare(a.Node, b.Node) })
}

// asked is how many requests of a node its calls are reckoned by: those that it served, or, of who is asked
// nothing, the calls that it makes.
func (c *comparison) asked(id graph.NodeID) (before, after float64) {
	if c.p.requests[id] == 0 && c.q.requests[id] == 0 {
		return c.p.made[id], c.q.made[id]
	}
	return c.p.requests[id], c.q.requests[id]
}

// expected is how much of what p saw should be in q, by what asked for it.
func expected(seen, before, after float64) float64 {
	if before <= 0 {
		return 0
	}
	return seen * after / before
}

// isLost reports whether seeing nothing of what was expected says that it is gone.
func isLost(expected float64) bool { return math.Exp(-expected) < lostChance }

// came says that something is in q only; the callers asked for so much before.
func (c *comparison) came(item Item, asked float64) (isNew bool) {
	item.Rating = Notice
	if item.After.Value < leastCalls || asked < leastRequests {
		c.report.Uncertain = append(c.report.Uncertain, item)
		return false
	}
	c.report.Items = append(c.report.Items, item)
	return true
}

// went says that something is in p only, and how much of it was expected. Nobody says why it is gone, unless a
// new version does without it.
func (c *comparison) went(item Item, expected float64) {
	item.After.Of, item.Rating = expected, Notice
	if _, deployed := c.versions[item.Node]; item.Kind != OperationLost && !deployed {
		item.Rating = Risk
	}
	if !isLost(expected) {
		c.report.Uncertain = append(c.report.Uncertain, item)
		return
	}
	item.P = math.Exp(-expected)
	c.report.Items = append(c.report.Items, item)
}

// nodes compares which nodes there are. A node that is called is judged by those who call it, any other by the
// traffic from outside.
func (c *comparison) nodes() {
	asked, wanted := map[graph.NodeID]float64{}, map[graph.NodeID]float64{}
	for k := range c.q.edges {
		if before, _ := c.asked(k.caller); before > asked[k.callee] {
			asked[k.callee] = before
		}
	}
	for k, e := range c.p.edges {
		before, after := c.asked(k.caller)
		wanted[k.callee] += expected(float64(e.Calls)/e.grouped(), before, after)
	}
	for id := range either(c.p.nodes, c.q.nodes) {
		before, after := c.p.seen(id), c.q.seen(id)
		if outside(c.p.nodes[id]) || outside(c.q.nodes[id]) || before > 0 && after > 0 {
			continue
		}
		item := Item{Node: id, Before: Measure{Value: before}, After: Measure{Value: after}}
		switch {
		case after > 0:
			if c.q.received[id] == 0 {
				asked[id] = c.report.Requests[0]
			}
			item.Kind, item.Before.Of = NodeNew, asked[id]
			c.came(item, asked[id])
			c.newNodes[id] = true
		case before > 0:
			if c.p.received[id] == 0 {
				wanted[id] = expected(before, c.report.Requests[0], c.report.Requests[1])
			}
			item.Kind = NodeLost
			c.went(item, wanted[id])
			c.goneNode[id] = true
		}
	}
}

func (c *comparison) operations() {
	for k := range either(c.p.operations, c.q.operations) {
		if c.newNodes[k.node] || c.goneNode[k.node] || k.name == graph.Other {
			continue
		}
		p, q := c.p.operations[k], c.q.operations[k]
		before, after := c.asked(k.node)
		item := Item{Node: k.node, Operation: k.name}
		switch {
		case p == nil || p.Calls <= 0:
			item.Kind, item.Before, item.After = OperationNew, Measure{Of: before}, Measure{Value: float64(q.Calls), Of: after}
			c.came(item, before)
		case q == nil || q.Calls <= 0:
			item.Kind, item.Before = OperationLost, Measure{Value: float64(p.Calls), Of: before}
			c.went(item, expected(float64(p.Calls), before, after))
		default:
			c.report.Compared++
			c.red(item, p, q)
		}
	}
}

func (c *comparison) edges() {
	for k := range either(c.p.edges, c.q.edges) {
		p, q := c.p.edges[k], c.q.edges[k]
		before, after := c.asked(k.caller)
		item := Item{Node: k.caller, Callee: k.callee}
		switch {
		case p == nil || p.Calls <= 0:
			if q == nil || q.Calls <= 0 || c.newNodes[k.caller] {
				continue // the edges of what is new are new too
			}
			item.Kind, item.Edge = EdgeNew, q.key
			item.Before, item.After = Measure{Of: before}, Measure{Value: float64(q.Calls), Of: after}
			item.Trace = graph.LeastTrace(q.outcomes.FatalTrace, q.outcomes.SurvivedTrace)
			from, to := c.q.nodes[k.caller].Environment, c.q.nodes[k.callee].Environment
			crosses := from != to && from != "" && to != ""
			if crosses {
				item.CrossesTo = to
			}
			if c.came(item, before) {
				c.newEdges = append(c.newEdges, k)
				if crosses {
					c.report.Items[len(c.report.Items)-1].Rating = Risk
				}
			}
		case q == nil || q.Calls <= 0:
			if c.goneNode[k.caller] {
				continue
			}
			item.Kind, item.Edge, item.Before = EdgeLost, p.key, Measure{Value: float64(p.Calls), Of: before}
			c.went(item, expected(float64(p.Calls)/p.grouped(), before, after))
		default:
			c.report.Compared++
			item.Edge = q.key
			c.rate(item, p, q, before, after)
			c.red(item, &p.Stats, &q.Stats)
			c.retries(item, p, q)
		}
	}
}

// rate compares calls for each request of the caller.
func (c *comparison) rate(item Item, p, q *edge, before, after float64) {
	if before < leastRequests || after < leastRequests {
		return
	}
	item.Kind, item.Rating = Rate, Notice
	item.Before = Measure{Value: float64(p.Calls) / before, Count: float64(p.Calls), Of: before}
	item.After = Measure{Value: float64(q.Calls) / after, Count: float64(q.Calls), Of: after}
	together := max(p.grouped(), q.grouped())
	c.test(item, shifted(&item), func() float64 {
		return split(item.Before.Count/together, before, item.After.Count/together, after)
	})
}

// red compares failures and durations.
func (c *comparison) red(item Item, p, q *graph.Stats) {
	item.Kind = Errors
	item.Before, item.After = share(float64(p.Failed), float64(p.Calls)), share(float64(q.Failed), float64(q.Calls))
	if item.Before.Count+item.After.Count > 0 {
		less, more := min(item.Before.Value, item.After.Value), max(item.Before.Value, item.After.Value)
		c.test(item, more >= errorGrowth*less && more-less >= errorShift, func() float64 { return ofShares(&item) })
	}

	item.Kind = Latency
	a, b := p.Client, q.Client
	if len(a) == 0 || len(b) == 0 {
		a, b = p.Server, q.Server
	}
	n, m := total(a), total(b)
	if n < leastTimed || m < leastTimed {
		return
	}
	before, _ := a.Quantile(0.95)
	after, _ := b.Quantile(0.95)
	item.Before = Measure{Value: milliseconds(before), Count: n, Of: n}
	item.After = Measure{Value: milliseconds(after), Count: m, Of: m}
	c.test(item, shifted(&item), func() float64 {
		d := distance(a, b)
		if d <= ksCritical*math.Sqrt((n+m)/(n*m)) {
			return 1
		}
		return distanceChance(d, n, m)
	})
}

// retries compares what is done about failed attempts, and how many attempts a call takes.
func (c *comparison) retries(item Item, p, q *edge) {
	a, b := &p.outcomes, &q.outcomes
	again := func(o *graph.OutcomeStats) float64 { return float64(max(o.Attempts-o.Calls, 0)) }
	if min(a.FailedAttempts, b.FailedAttempts) >= leastFailures {
		item.Kind, item.Rating = Retries, Notice
		item.Before = share(min(again(a), float64(a.FailedAttempts)), float64(a.FailedAttempts))
		item.After = share(min(again(b), float64(b.FailedAttempts)), float64(b.FailedAttempts))
		c.test(item, math.Abs(item.After.Value-item.Before.Value) >= smallestShift, func() float64 { return ofShares(&item) })
	}
	if min(a.Calls, b.Calls) >= leastRequests {
		item.Kind, item.Rating = Amplification, ""
		item.Before = Measure{Value: float64(a.Attempts) / float64(a.Calls), Count: float64(a.Attempts), Of: float64(a.Calls)}
		item.After = Measure{Value: float64(b.Attempts) / float64(b.Calls), Count: float64(b.Attempts), Of: float64(b.Calls)}
		c.test(item, shifted(&item), func() float64 {
			return proportions(again(a), float64(a.Attempts), again(b), float64(b.Attempts))
		})
	}
}

func share(k, n float64) Measure {
	if n <= 0 {
		return Measure{}
	}
	k = min(max(k, 0), n)
	return Measure{Value: k / n, Count: k, Of: n}
}

// ofShares is how likely the two shares of an item are by chance.
func ofShares(i *Item) float64 {
	return proportions(i.Before.Count, i.Before.Of, i.After.Count, i.After.Of)
}

// shifted reports whether a rate or a duration has changed by enough to matter.
func shifted(i *Item) bool { return math.Abs(i.After.Value/i.Before.Value-1) >= smallestShift }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// test notes that something was compared and, if the difference is large enough to matter, how likely it is by chance.
func (c *comparison) test(item Item, material bool, chance func() float64) {
	f := c.tests[item.Kind]
	if f == nil {
		f = &family{}
		c.tests[item.Kind] = f
	}
	f.compared++
	if !material {
		return
	}
	if item.Rating == "" {
		item.Rating = Better
		if item.After.Value > item.Before.Value {
			item.Rating = Worse
		}
	}
	item.P = chance()
	f.items = append(f.items, item)
}

// significant keeps the differences that are not chance. Small ones count as compared, and as not told: that
// asks for more than if all were ranked.
func (c *comparison) significant() {
	for _, f := range c.tests {
		p := make([]float64, len(f.items))
		for i := range f.items {
			p[i] = f.items[i].P
		}
		for i, corrected := range benjaminiYekutieli(p, f.compared) {
			if f.items[i].P = corrected; corrected <= level {
				c.report.Items = append(c.report.Items, f.items[i])
			}
		}
	}
}

// verdicts passes on which dependencies became harder or softer between the windows, and what that means for
// what is called from outside.
func (c *comparison) verdicts() {
	since := c.p.window.To
	if c.q.window.From.Before(since) {
		since = c.q.window.From
	}
	became := map[pair]time.Time{}
	for _, v := range c.known.Verdicts {
		if v.At.Before(since) || !v.At.Before(c.q.window.To) {
			continue
		}
		k := pair{v.Caller, v.Callee}
		item := Item{
			Kind: Criticality, Rating: Notice, Node: v.Caller, Callee: v.Callee, Operation: v.Operation, From: v.From, To: v.To, At: v.At, Trace: v.Trace,
		}
		if e := c.q.edges[k]; e != nil {
			item.Edge = e.key
		}
		if v.AfterVersion != "" && v.AfterVersion != v.BeforeVersion {
			item.Versions = []VersionChange{{Node: v.Caller, From: v.BeforeVersion, To: v.AfterVersion}}
		}
		switch {
		case v.To == hard:
			item.Rating = Worse
			became[k] = v.At
		case v.From == hard:
			item.Rating = Better
		}
		c.report.Items = append(c.report.Items, item)
	}
	if c.known.Hard == nil {
		return
	}
	for _, k := range c.newEdges {
		if _, told := became[k]; !told && c.known.Hard(k.caller, k.callee) {
			became[k] = time.Time{}
		}
	}
	for k, at := range became {
		entries := c.hardEntries(k.caller)
		if len(entries) == 0 {
			continue
		}
		item := Item{Kind: HardNew, Rating: Risk, Node: k.caller, Callee: k.callee, Entries: entries, At: at}
		if e := c.q.edges[k]; e != nil {
			item.Edge, item.After.Value, item.Trace = e.key, float64(e.Calls), e.outcomes.FatalTrace
		}
		c.report.Items = append(c.report.Items, item)
	}
}

// finish names the versions and puts the most important first.
func (c *comparison) finish(items []Item) []Item {
	for i := range items {
		item := &items[i]
		if len(item.Versions) > 0 {
			continue
		}
		for _, id := range []graph.NodeID{item.Node, item.Callee} {
			if v, ok := c.versions[id]; ok {
				item.Versions = append(item.Versions, v)
			}
		}
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(
			cmp.Compare(ratingOrder[a.Rating], ratingOrder[b.Rating]), cmp.Compare(a.P, b.P), cmp.Compare(weight(&b), weight(&a)),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Callee, b.Callee), cmp.Compare(a.Operation, b.Operation),
		)
	})
	return items
}

// weight is how much was seen of what an item is about.
func weight(i *Item) float64 { return max(i.Before.Value, i.Before.Of, i.After.Value, i.After.Of) }

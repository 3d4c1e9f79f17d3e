package cascade

import (
	"maps"
	"math"
	"slices"
	"time"

	"faultline/graph"
)

// Rows are what was seen of a system in some buckets, in any order.
type Rows struct {
	Operations []graph.OperationRow
	Calls      []graph.CallSiteRow
	Outcomes   []graph.OutcomeRow
}

// byBucket yields the rows of each bucket, the earliest first.
func (r Rows) byBucket(yield func(time.Time, Rows) bool) {
	slices.SortStableFunc(r.Operations, func(a, b graph.OperationRow) int { return a.Bucket.Compare(b.Bucket) })
	slices.SortStableFunc(r.Calls, func(a, b graph.CallSiteRow) int { return a.Bucket.Compare(b.Bucket) })
	for len(r.Operations) > 0 || len(r.Calls) > 0 {
		var bucket time.Time
		if len(r.Operations) > 0 {
			bucket = r.Operations[0].Bucket
		}
		if len(r.Calls) > 0 && (len(r.Operations) == 0 || r.Calls[0].Bucket.Before(bucket)) {
			bucket = r.Calls[0].Bucket
		}
		n, m := 0, 0
		for n < len(r.Operations) && r.Operations[n].Bucket.Equal(bucket) {
			n++
		}
		for m < len(r.Calls) && r.Calls[m].Bucket.Equal(bucket) {
			m++
		}
		if !yield(bucket, Rows{Operations: r.Operations[:n], Calls: r.Calls[:m]}) {
			return
		}
		r.Operations, r.Calls = r.Operations[n:], r.Calls[m:]
	}
}

// What was seen is kept in stretches of time, of which the oldest, the usual, fades and has no begin. The younger
// ones are where a change is looked for: what happened since the begin of one is compared with all before it. From
// recent to latest they are single buckets, the earliest of which holds all that is older; they are read anew for
// every look. elder and younger are learned, but not yet taken to be usual.
const (
	usual = iota
	elder
	younger
	recent
	latest    = recent + 12
	counting  = latest + 1 // the bucket that rows are taken in of
	slots     = counting + 1
	stretches = counting
)

// mellow is how long what is learned is kept apart from what is usual, in two stretches: so long a change may go
// on before it is noticed, and still be compared with what was before it.
const mellow = 4 * time.Minute

// series is all that is known of a system, by operation and by call.
type series struct {
	operations map[operation]*operationSeries
	calls      map[call]*callSeries
	groups     map[group]*groupSum
	versions   map[graph.NodeID]versions
	begin      [slots]time.Time // zero: nothing was seen in it
	fared      []fared          // how requests fared, which is not yet usual, by minute
}

// fared is how the requests of a minute fared.
type fared struct {
	begin time.Time
	*Sample
}

type operationSeries struct {
	operation
	sums [slots]operationSum
}

type callSeries struct {
	call
	by   *operationSeries // that makes the calls; nil: not known
	sums [slots]callSum
}

func newSeries() *series {
	return &series{operations: map[operation]*operationSeries{}, calls: map[call]*callSeries{}, groups: map[group]*groupSum{}, versions: map[graph.NodeID]versions{}}
}

// clear forgets what is read anew.
func (s *series) clear() {
	for _, o := range s.operations {
		clear(o.sums[recent:])
	}
	for _, c := range s.calls {
		clear(c.sums[recent:])
	}
	clear(s.begin[recent:])
	s.fared = nil
}

// add takes the rows of a bucket into a stretch.
func (s *series) add(rows Rows, bucket time.Time, stretch int) {
	if first := &s.begin[stretch]; first.IsZero() || bucket.Before(*first) {
		*first = bucket
	}
	operations := make([]*operationSeries, 0, len(rows.Operations))
	for i := range rows.Operations {
		r := &rows.Operations[i]
		k := operation{r.Node, r.Operation}
		o := s.operations[k]
		if o == nil {
			o = &operationSeries{operation: k}
			s.operations[k] = o
		}
		if o.sums[counting].requests == 0 {
			operations = append(operations, o)
		}
		o.sums[counting].addRow(r)
		if r.Version != "" {
			known := s.versions[r.Node]
			known.see(r.Version, bucket)
			s.versions[r.Node] = known
		}
	}
	calls := make([]*callSeries, 0, len(rows.Calls))
	for i := range rows.Calls {
		r := &rows.Calls[i]
		k, waited := callOf(r)
		if !waited {
			continue
		}
		c := s.calls[k]
		if c == nil {
			c = &callSeries{call: k}
			s.calls[k] = c
		}
		if c.by == nil {
			c.by = s.operations[k.caller]
		}
		if c.sums[counting].calls == 0 {
			calls = append(calls, c)
		}
		c.sums[counting].addRow(r)
	}
	for _, c := range calls {
		sum := &c.sums[counting]
		sum.client.closeBucket()
		if c.by != nil && c.by.sums[counting].requests > 0 {
			sum.waves = sum.calls * sum.calls / c.by.sums[counting].requests
		}
		c.sums[stretch].add(sum)
		*sum = callSum{}
	}
	for _, o := range operations {
		sum := &o.sums[counting]
		sum.time.closeBucket()
		o.sums[stretch].add(sum)
		*sum = operationSum{}
	}
}

// shift moves a stretch into an older one, but for what some nodes served and called.
func (s *series) shift(from, to int, without map[graph.NodeID]bool) {
	for k, o := range s.operations {
		if o.sums[from].requests > 0 && !without[k.node] {
			o.sums[to].add(&o.sums[from])
		}
		o.sums[from] = operationSum{}
	}
	for k, c := range s.calls {
		if c.sums[from].calls > 0 && !without[k.caller.node] && !without[k.callee.node] {
			c.sums[to].add(&c.sums[from])
		}
		c.sums[from] = callSum{}
	}
	if s.begin[to].IsZero() {
		s.begin[to] = s.begin[from]
	}
	s.begin[from] = time.Time{}
}

// fade makes what is usual count less, and forgets what hardly counts any more.
func (s *series) fade(by float64) {
	for k, o := range s.operations {
		if o.sums[usual].requests > 0 {
			o.sums[usual].fade(by)
		}
		if !o.remembered() {
			delete(s.operations, k)
		}
	}
	for k, c := range s.calls {
		if c.sums[usual].calls > 0 {
			c.sums[usual].fade(by)
		}
		if c.by != nil && !c.by.remembered() {
			c.by = nil
		}
		if !c.remembered() {
			delete(s.calls, k)
		}
	}
	for k, g := range s.groups {
		if g.fade(by); g.requests < forgotten {
			delete(s.groups, k)
		}
	}
}

func (o *operationSeries) remembered() bool {
	for n := range o.sums {
		if o.sums[n].requests >= forgotten {
			return true
		}
	}
	return false
}

func (c *callSeries) remembered() bool {
	for n := range c.sums {
		if c.sums[n].calls >= forgotten {
			return true
		}
	}
	return false
}

// heard reports whether there were calls lately.
func (c *callSeries) heard() bool {
	for n := recent; n <= latest; n++ {
		if c.sums[n].calls > 0 {
			return true
		}
	}
	return false
}

// forgotten is the count below which a faded sum is as good as nothing.
const forgotten = 0.05

// below are some nodes and those that they call, directly or not: what makes them ill is one of these.
func (s *series) below(nodes map[graph.NodeID]bool) map[graph.NodeID]bool {
	called := map[graph.NodeID][]graph.NodeID{}
	for k := range s.calls {
		if to := called[k.caller.node]; !slices.Contains(to, k.callee.node) {
			called[k.caller.node] = append(to, k.callee.node)
		}
	}
	all := map[graph.NodeID]bool{}
	queue := slices.Collect(maps.Keys(nodes))
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !all[n] {
			all[n] = true
			queue = append(queue, called[n]...)
		}
	}
	return all
}

// split is what is known of some nodes, of their calls and of those to them, before the begin of a stretch and
// since then.
func (s *series) split(nodes map[graph.NodeID]bool, from int) (before, since *Sample) {
	sides := [2]*Sample{NewSample(), NewSample()}
	sideOf := func(n int) int {
		if n < from {
			return 0
		}
		return 1
	}
	take := func(k operation) {
		o := s.operations[k]
		if o == nil || sides[0].operations[k] != nil || sides[1].operations[k] != nil {
			return
		}
		for n := range stretches {
			if o.sums[n].requests > 0 {
				at(sides[sideOf(n)].operations, k).add(&o.sums[n])
			}
		}
	}
	for k := range s.operations {
		if nodes[k.node] {
			take(k)
		}
	}
	for k, c := range s.calls {
		if !nodes[k.caller.node] && !nodes[k.callee.node] {
			continue
		}
		take(k.caller)
		take(k.callee)
		for n := range stretches {
			if c.sums[n].calls > 0 {
				at(sides[sideOf(n)].calls, k).add(&c.sums[n])
			}
		}
	}
	for k, g := range s.groups {
		if nodes[k.node] {
			at(sides[0].groups, k).add(g)
		}
	}
	for _, f := range s.fared {
		side := sides[1]
		if s.begin[from].Sub(f.begin) > graph.OutcomeStep/2 {
			side = sides[0]
		}
		for k, g := range f.groups {
			if nodes[k.node] {
				at(side.groups, k).add(g)
			}
		}
	}
	return sides[0], sides[1]
}

// counted yields all calls, and how many of them were answered.
func (s *series) counted(yield func(call, counted) bool) {
	for k, c := range s.calls {
		var sum counted
		for n := range stretches {
			sum.calls += c.sums[n].calls
			sum.answered += c.sums[n].server.n
		}
		if !yield(k, sum) {
			return
		}
	}
}

// typicalSpread is the median, over all operations and calls of which enough is known, of the variance that
// logarithms of durations have within a bucket.
func (s *series) typicalSpread() float64 {
	var all []float64
	take := func(t timing) {
		if free := t.n - t.buckets; free >= leastKnown {
			all = append(all, max(t.logSquares-t.between, 0)/free)
		}
	}
	for _, o := range s.operations {
		var t timing
		for n := range stretches {
			t.add(&o.sums[n].time)
		}
		take(t)
	}
	for _, c := range s.calls {
		var t timing
		for n := range stretches {
			t.add(&c.sums[n].client)
		}
		take(t)
	}
	if len(all) == 0 {
		return 1
	}
	slices.Sort(all)
	return math.Max(all[len(all)/2], resolution)
}

// resolution is the least variance of logarithms that a histogram can tell: that of one of its buckets.
const resolution = 1.6e-4

package cascade

import (
	"maps"
	"math"
	"slices"
	"time"

	"faultline/graph"
)

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
	stretches = latest + 1
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
	begin      [stretches]time.Time // zero: nothing was seen in it
	fared      []faredMinute        // how requests fared, which is not yet usual, by time

	operationList []*operationSeries // all, in a fixed order once sort was called: sums must not depend on that of a map
	callList      []*callSeries
	unsorted      bool

	operationsNow []inBucket[*operationSeries, operationSum] // scratch of add: the bucket that rows are taken in of
	callsNow      []inBucket[*callSeries, callSum]
}

// inBucket is what a bucket says of one of what is watched.
type inBucket[S, T any] struct {
	of  S
	sum T
}

type operationSeries struct {
	operation
	older [recent + 1]operationSum
	young [latest - recent]youngOperation
	next  *operationSeries // that came after it in the last rows

	served float64      // all requests that were learned, also those of times that were not as usual; they fade
	queue  graph.NodeID // queue whose messages it takes; 0: none is known

	now  int  // where it is in series.operationsNow
	gone bool // it was forgotten
}

type callSeries struct {
	call
	by    *operationSeries // that makes the calls; nil: not known
	older [recent + 1]callSum
	young [latest - recent]youngCall
	next  *callSeries
	now   int
	gone  bool
}

func newSeries() *series {
	return &series{operations: map[operation]*operationSeries{}, calls: map[call]*callSeries{}, groups: map[group]*groupSum{}, versions: map[graph.NodeID]versions{}}
}

// sort puts what was seen since it was called last in its place.
func (s *series) sort() {
	if !s.unsorted {
		return
	}
	slices.SortFunc(s.operationList, func(a, b *operationSeries) int { return compareOperations(a.operation, b.operation) })
	slices.SortFunc(s.callList, func(a, b *callSeries) int { return compareCalls(a.call, b.call) })
	s.unsorted = false
}

// clear forgets what is read anew.
func (s *series) clear() {
	for _, o := range s.operationList {
		o.older[recent] = operationSum{}
		clear(o.young[:])
	}
	for _, c := range s.callList {
		c.older[recent] = callSum{}
		clear(c.young[:])
	}
	clear(s.begin[recent:])
	s.fared = nil
}

// move makes the latest bucket the one that is so many after it, and reports whether it can: what is older than single buckets go back
// is one sum, of which nothing can be taken away again.
func (s *series) move(buckets int) bool {
	if buckets < 0 || !s.begin[recent].IsZero() {
		return false
	}
	for n := recent + 1; n <= latest && n <= recent+buckets; n++ {
		if !s.begin[n].IsZero() {
			return false // it would have to be added to what is older
		}
	}
	if buckets > latest-recent {
		return true // nothing was seen that late
	}
	for _, o := range s.operationList {
		shift(o.young[:], buckets)
	}
	for _, c := range s.callList {
		shift(c.young[:], buckets)
	}
	shift(s.begin[recent+1:], buckets)
	return true
}

// shift moves what is in a slice forward by n places, and leaves nothing behind it.
func shift[T any](of []T, n int) {
	copy(of, of[n:])
	clear(of[len(of)-n:])
}

// empty forgets what was seen in a stretch.
func (s *series) empty(stretch int) {
	for _, o := range s.operationList {
		o.empty(stretch)
	}
	for _, c := range s.callList {
		c.empty(stretch)
	}
	s.begin[stretch] = time.Time{}
}

// add takes the rows of a bucket into a stretch.
func (s *series) add(rows Rows, bucket time.Time, stretch int) {
	if first := &s.begin[stretch]; first.IsZero() || bucket.Before(*first) {
		*first = bucket
	}
	operations, calls := s.operationsNow[:0], s.callsNow[:0]
	var last *operationSeries
	for i := range rows.Operations {
		r := &rows.Operations[i]
		o := s.operationOf(operation{r.Node, r.Operation}, last)
		last = o
		if o.now >= len(operations) || operations[o.now].of != o {
			o.now = len(operations)
			operations = append(operations, inBucket[*operationSeries, operationSum]{of: o})
		}
		operations[o.now].sum.addRow(r)
		if r.Version != "" {
			known := s.versions[r.Node]
			known.see(r.Version, bucket)
			s.versions[r.Node] = known
		}
	}
	var before *callSeries
	for i := range rows.Calls {
		r := &rows.Calls[i]
		k, waited := callOf(r)
		if !waited {
			if o := s.operations[k.callee]; o != nil && r.Via == 0 {
				o.queue = r.Caller
			}
			continue
		}
		c := s.callSeriesOf(k, before)
		before = c
		if c.by == nil {
			c.by = s.operations[k.caller]
		}
		if c.now >= len(calls) || calls[c.now].of != c {
			c.now = len(calls)
			calls = append(calls, inBucket[*callSeries, callSum]{of: c})
		}
		calls[c.now].sum.addRow(r)
	}
	for i := range calls {
		c, sum := calls[i].of, &calls[i].sum
		sum.client.closeBucket()
		if o := c.by; o != nil && o.now < len(operations) && operations[o.now].of == o && operations[o.now].sum.requests > 0 {
			sum.waves = sum.calls * sum.calls / operations[o.now].sum.requests
		}
		c.take(stretch, sum)
	}
	for i := range operations {
		o, sum := operations[i].of, &operations[i].sum
		sum.time.closeBucket()
		o.take(stretch, sum)
		if stretch == younger {
			o.served += sum.requests
		}
	}
	clear(operations)
	clear(calls)
	s.operationsNow, s.callsNow = operations[:0], calls[:0]
}

// operationOf returns the series of an operation. Rows mostly come in the order of the bucket before, so it looks first at the one
// that followed the last one then: a map takes longer.
func (s *series) operationOf(k operation, last *operationSeries) *operationSeries {
	if last != nil && last.next != nil && !last.next.gone && last.next.operation == k {
		return last.next
	}
	o := s.operations[k]
	if o == nil {
		o = &operationSeries{operation: k}
		s.operations[k] = o
		s.operationList, s.unsorted = append(s.operationList, o), true
	}
	if last != nil {
		last.next = o
	}
	return o
}

// callSeriesOf returns the series of a call. It looks first as operationOf does.
func (s *series) callSeriesOf(k call, last *callSeries) *callSeries {
	if last != nil && last.next != nil && !last.next.gone && last.next.call == k {
		return last.next
	}
	c := s.calls[k]
	if c == nil {
		c = &callSeries{call: k}
		s.calls[k] = c
		s.callList, s.unsorted = append(s.callList, c), true
	}
	if last != nil {
		last.next = c
	}
	return c
}

// merge moves a stretch into an older one, but for what some nodes served and called, and those that call them: how many calls a request
// makes is known only where both are counted.
func (s *series) merge(from, to int, ill map[graph.NodeID]bool) {
	without := maps.Clone(ill)
	for _, c := range s.callList {
		if ill[c.callee.node] {
			without[c.caller.node] = true
		}
	}
	for _, o := range s.operationList {
		if o.older[from].requests > 0 && !without[o.node] {
			o.older[to].add(&o.older[from])
		}
		o.older[from] = operationSum{}
	}
	for _, c := range s.callList {
		if c.older[from].calls > 0 && !without[c.caller.node] {
			c.older[to].add(&c.older[from])
		}
		c.older[from] = callSum{}
	}
	if s.begin[to].IsZero() {
		s.begin[to] = s.begin[from]
	}
	s.begin[from] = time.Time{}
}

// fade makes what is usual count less, and forgets what hardly counts any more.
func (s *series) fade(by float64) {
	for _, o := range s.operationList {
		o.served *= by
		if o.older[usual].requests > 0 {
			o.older[usual].fade(by)
		}
		if !o.remembered() {
			o.gone, o.next = true, nil
			delete(s.operations, o.operation)
		}
	}
	for _, c := range s.callList {
		if c.older[usual].calls > 0 {
			c.older[usual].fade(by)
		}
		if c.by != nil && !c.by.remembered() {
			c.by = nil
		}
		if !c.remembered() {
			c.gone, c.next = true, nil
			delete(s.calls, c.call)
		}
	}
	s.operationList = slices.DeleteFunc(s.operationList, func(o *operationSeries) bool { return o.gone })
	s.callList = slices.DeleteFunc(s.callList, func(c *callSeries) bool { return c.gone })
	for k, g := range s.groups {
		if g.fade(by); g.requests < forgotten {
			delete(s.groups, k)
		}
	}
}

func (o *operationSeries) remembered() bool {
	for n := range stretches {
		if o.requests(n) >= forgotten {
			return true
		}
	}
	return false
}

func (c *callSeries) remembered() bool {
	for n := range stretches {
		if c.calls(n) >= forgotten {
			return true
		}
	}
	return false
}

// late is how many of the latest buckets may lack calls that nobody answers: they are counted when an answer was waited for in vain
// (ingest.match.wait).
const late = int(time.Minute / graph.Step)

// lastCounted is the last stretch in which all calls are counted.
func (c *callSeries) lastCounted() int {
	calls, answered := 0.0, 0.0
	for n := range stretches {
		calls, answered = calls+c.calls(n), answered+c.answered(n)
	}
	if 2*answered < calls {
		return latest - late
	}
	return latest
}

// heard reports whether there were calls lately.
func (c *callSeries) heard() bool {
	for n := recent; n <= latest; n++ {
		if c.calls(n) > 0 {
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
	for _, c := range s.callList {
		if to := called[c.caller.node]; !slices.Contains(to, c.callee.node) {
			called[c.caller.node] = append(to, c.callee.node)
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

// counted yields all calls, and how many of them were answered.
func (s *series) counted(yield func(call, counted) bool) {
	for _, c := range s.callList {
		var sum counted
		for n := range stretches {
			sum.calls += c.calls(n)
			sum.answered += c.answered(n)
		}
		if !yield(c.call, sum) {
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
	for _, o := range s.operationList {
		var t timing
		for n := range stretches {
			time := o.time(n)
			t.add(&time)
		}
		take(t)
	}
	for _, c := range s.callList {
		var t timing
		for n := range stretches {
			time := c.time(n)
			t.add(&time)
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

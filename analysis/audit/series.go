package audit

import (
	"math"
	"slices"
	"time"

	"faultline/graph"
)

// usual is how things go when nothing is ill: means over the last hundred or so buckets, of the logarithm of
// durations, lest a few long ones count for all.
type usual struct {
	n        float64 // buckets
	ln50     float64
	ln90     float64
	rate     float64 // requests a second; of a site: calls for each request
	rateN    float64
	requests float64 // that rate rests on
}

const (
	memory    = 100  // buckets
	strange   = 0.05 // of the weight that a bucket has which is not as usual
	fewUsual  = 6    // buckets that it takes to know what is usual
	leastTime = 5    // durations that make a quantile
)

func blend(mean *float64, n *float64, x, weight float64) {
	*n = min(*n+weight, memory)
	*mean += (x - *mean) * weight / *n
}

func (u *usual) learn(b *bucket, weight float64) {
	if b.n < leastTime {
		return
	}
	n := u.n
	blend(&u.ln50, &n, b.ln50, weight)
	blend(&u.ln90, &u.n, b.ln90, weight)
}

func (u *usual) known() bool { return u.n >= fewUsual }

func (u *usual) p90() time.Duration {
	if !u.known() {
		return 0
	}
	return time.Duration(math.Exp(u.ln90))
}

// bucket is what was seen of a site or an operation in the bucket at hand.
type bucket struct {
	tick                               int64
	calls, failed, throttled, timeouts int64
	times                              graph.Histogram // while the bucket is at hand; of the row that told them, if it is one
	own                                bool            // times are not of a row
	n                                  int64           // durations
	ln50, ln90                         float64
	slow, failing                      bool
}

func (b *bucket) begin(tick int64) bool {
	if b.tick == tick {
		return false
	}
	*b = bucket{tick: tick}
	return true
}

func (b *bucket) add(s *graph.Stats, times graph.Histogram) {
	b.calls += s.Calls
	b.failed += s.Failed
	b.throttled += s.Throttled
	b.timeouts += s.Timeouts
	switch {
	case len(times) == 0:
	case b.times == nil:
		b.times = times
	default:
		if !b.own {
			b.times, b.own = slices.Clone(b.times), true
		}
		b.times.Merge(times)
	}
}

const (
	slowness   = 3.0                   // times the usual
	slowBy     = 20 * time.Millisecond // and by so much at least
	failShare  = 0.5
	wellShare  = 0.05
	leastFails = 5
)

// close computes what the bucket comes to, and takes it in as usual.
func (b *bucket) close(u *usual) {
	if b.n = b.times.Count(); b.n >= leastTime {
		p50, _ := b.times.Quantile(0.5)
		p90, _ := b.times.Quantile(0.9)
		b.ln50, b.ln90 = math.Log(float64(p50)), math.Log(float64(p90))
		if u.known() {
			was := u.p90()
			b.slow = float64(p90) >= slowness*float64(was) && p90-was >= slowBy
		}
	}
	b.failing = b.failed >= leastFails && float64(b.failed) >= failShare*float64(b.calls)
	weight := 1.0
	if b.slow || float64(b.failed) > wellShare*float64(b.calls) {
		weight = strange
	}
	u.learn(b, weight)
}

// Observe takes in the calls and requests of one bucket that hardly changes any more. Buckets come once each, the
// oldest first.
func (a *Auditor) Observe(at time.Time, step time.Duration, calls []graph.CallSiteRow, operations []graph.OperationRow, know Knowledge) {
	a.age(at)
	a.tick++
	var sites []*site
	var ops []*operation
	for i := range operations {
		r := &operations[i]
		if o := a.operation(r.Node, r.Operation); o != nil {
			if o.now.begin(a.tick) {
				ops = append(ops, o)
			}
			o.now.add(&r.Stats, r.Server)
		}
	}
	entered := 0.0
	long := graph.IndexOf(short)
	for i := range calls {
		r := &calls[i]
		if r.Via != 0 {
			continue // the same calls are counted at the queue
		}
		if t := know.typeOf(r.Caller); t == graph.TypeUser || t == graph.TypeUnknown {
			entered += float64(r.Calls)
			continue
		}
		s := a.site(Site{r.Caller, r.CallerOperation, r.Callee})
		if s == nil || r.Caller == r.Callee {
			continue
		}
		if s.now.begin(a.tick) {
			sites = append(sites, s)
		}
		times := r.Duration()
		s.now.add(&r.Stats, times)
		for _, b := range times {
			if b.Index >= long {
				s.long.AddAt(b.Index, b.N)
			}
		}
		s.to.add(r.CalleeOperation, float64(r.Calls))
		if r.Mode == graph.Async {
			s.async += float64(r.Calls)
		} else {
			s.sync += float64(r.Calls)
		}
	}
	for _, o := range ops {
		o.requests += float64(o.now.calls)
		o.now.close(&o.usual)
		o.shed.look(o, step)
	}
	for _, s := range sites {
		s.now.close(&s.usual)
		if o := a.operations[operationKey{s.Caller, s.Operation}]; o != nil && o.now.tick == a.tick && o.now.calls >= leastTime && !s.now.failing {
			s.usual.learnRate(float64(s.now.calls)/float64(o.now.calls), o.now.calls)
		}
	}
	for _, o := range ops {
		o.now.times = nil
	}
	for _, s := range sites {
		s.now.times = nil
	}
	a.lookAtBreakers(at, step, sites)
	a.lookAtPools(sites)
	a.lookAtStorms(step, sites, ops, entered)
}

func (u *usual) learnRate(rate float64, requests int64) {
	blend(&u.rate, &u.rateN, rate, 1)
	u.requests += float64(requests)
}

func (k *Knowledge) typeOf(n graph.NodeID) graph.NodeType {
	if k.NodeType == nil {
		return graph.TypeService
	}
	return k.NodeType(n)
}

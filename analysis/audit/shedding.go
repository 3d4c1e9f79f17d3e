package audit

import (
	"math"
	"time"
)

// shedder follows what an operation does with more requests than usual: turn some away at once, or let all wait.
type shedder struct {
	rate, rateN float64 // requests a second, usually
	quick       float64 // usual share of requests that end in a quarter of the median time
	quickN      float64

	busy     int // buckets of the busy stretch under way
	shedding int // of these
	waiting  int

	shed     int64 // buckets in which requests were turned away at once
	suffered int64 // stretches in which all were let in and took long
	slower   float64
}

const (
	busyRate     = 1.5 // times the usual
	leastBusy    = 50  // requests in a bucket
	turnedAway   = 0.02
	quickly      = 4.0 // times faster than the median
	leastShed    = 2   // buckets
	leastWaiting = 2
	usualBuckets = 12
)

func (d *shedder) look(o *operation, step time.Duration) {
	b := &o.now
	rate := float64(b.calls) / step.Seconds()
	quick := 0.0
	if o.usual.known() {
		limit := (o.usual.ln50 - math.Log(quickly) - math.Log(1000)) / math.Ln2 * 16 // as an index, of µs
		for _, bin := range b.times {
			if float64(bin.Index) <= limit {
				quick += float64(bin.N)
			}
		}
	}
	if d.rateN < usualBuckets || rate < busyRate*d.rate || b.calls < leastBusy || !o.usual.known() {
		d.calm()
		blend(&d.rate, &d.rateN, rate, 1)
		if b.n > 0 && o.usual.known() {
			blend(&d.quick, &d.quickN, quick/float64(b.n), 1)
		}
		return
	}
	d.busy++
	blend(&d.rate, &d.rateN, rate, strange)
	refused := float64(b.failed + b.throttled)
	extra := quick - d.quick*float64(b.n)
	switch {
	case refused >= leastFails && refused >= turnedAway*float64(b.calls) && extra >= refused/2:
		d.shedding++
		d.shed++
	case b.slow && !b.failing: // what fails for the most part is down, not busy
		d.waiting++
		d.slower = max(d.slower, math.Exp(b.ln90-o.usual.ln90))
	}
}

// calm ends a busy stretch.
func (d *shedder) calm() {
	if d.waiting >= leastWaiting && d.shedding == 0 {
		d.suffered++
	}
	d.busy, d.shedding, d.waiting = 0, 0, 0
}

// shedding is the check of a service, by its operations.
func (n *node) shedding() Check {
	c := Check{Practice: Shedding, State: Unknown}
	var shed, suffered int64
	for _, o := range n.operations {
		shed += o.shed.shed
		suffered += o.shed.suffered
		c.Value = max(c.Value, o.shed.slower)
	}
	c.Evidence = shed + suffered
	switch {
	case shed >= leastShed && suffered == 0:
		c.State, c.Value = Pass, 0
	case suffered >= leastEpisodes && shed == 0:
		c.State = Risk
	}
	return c
}

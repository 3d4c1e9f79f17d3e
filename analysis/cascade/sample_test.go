package cascade

import (
	"math"
	"testing"
	"time"

	"faultline/graph"
)

// Durations fade as their number does, however few there are in a bucket of the histogram.
func TestDurationsFadeWithTheirRequests(t *testing.T) {
	o := operationSum{requests: 1000}
	for i := range uint16(10) {
		o.times = append(o.times, durationCount{200 + i, 100})
	}
	by := math.Exp2(-10.0 / 1800)
	for range 3 * 180 { // three half-lives, a bucket at a time
		o.fade(by)
	}
	if n := o.times.above(0); math.Abs(n-o.requests) > 0.01*o.requests {
		t.Errorf("of 1000 requests %.1f are left, and the durations of %.1f", o.requests, n)
	}
	for range 20 * 180 {
		o.fade(by)
	}
	if len(o.times) > 0 {
		t.Errorf("what nobody remembers still takes room: %v", o.times)
	}
}

// Of an operation with few requests, as many are known to be usually slow after hours as there were.
func TestUsualDurationsAreThoseOfUsualRequests(t *testing.T) {
	tr := New(DefaultConfig())
	for i := range 8 * 360 { // one request in ten seconds for eight hours, of 10 ms to 1 s
		begin := t0.Add(time.Duration(i) * graph.Step)
		r := graph.OperationRow{Node: 1, Operation: "x", Bucket: begin}
		r.Calls = 1
		r.Server.Observe(time.Duration(10e6*math.Pow(100, float64(i*37%101)/101)), 1)
		tr.Learn(begin.Add(graph.Step), Rows{Operations: []graph.OperationRow{r}})
	}
	o := &tr.series.operations[operation{1, "x"}].older[usual]
	if n := o.times.above(0) / o.requests; n < 0.95 || n > 1.01 {
		t.Errorf("there are %.2f durations for each request", n)
	}
	limit, _ := slowAbove(o)
	if slow := o.times.above(limit) / o.requests; slow > 0.1 {
		t.Errorf("%.0f %% are usually slower than half as much again as nine of ten", 100*slow)
	}
}

package cascade

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"faultline/graph"
)

func TestMore(t *testing.T) {
	tests := map[string]struct {
		k, n, before, b float64
		atMost, atLeast float64 // chance
	}{
		"four are too few":                       {4, 4, 0, 1e6, 1, 1},
		"as many as before":                      {50, 1000, 5000, 100_000, 1, 1},
		"all of sixty after thousands without":   {60, 60, 3, 5000, 1e-8, 0},
		"five of five after five without":        {5, 5, 0, 5, 1, 1.0 / 252},
		"five of five after a thousand without":  {5, 5, 0, 1000, 1e-8, 0},
		"a share grows from one to two per cent": {120, 6000, 600, 60_000, 1, 1e-8}, // shared hosts explain it
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := math.Exp(more(tt.k, tt.n, tt.before, tt.b, leastRate))
			if p > tt.atMost*1.0001 || p < tt.atLeast*0.9999 {
				t.Errorf("chance %g, want within [%g, %g]", p, tt.atLeast, tt.atMost)
			}
		})
	}
}

// drawn makes up buckets of n requests each, whose durations are spread by the logarithm, within buckets and between.
func drawn(r *rand.Rand, buckets, n int, median, within, between float64) (t timing) {
	for range buckets {
		var h graph.Histogram
		shift := between * r.NormFloat64()
		for range n {
			h.Observe(time.Duration(median*math.Exp(shift+within*r.NormFloat64())*1e3), 1)
		}
		var bucket timing
		bucket.addHistogram(h)
		bucket.closeBucket()
		t.add(&bucket)
	}
	return t
}

// What chance makes of requests that did not change is not more often called improbable than it is, though buckets
// differ and the margin is all used up.
func TestLaterIsCalibrated(t *testing.T) {
	for name, tt := range map[string]struct{ buckets, since, n, draws int }{
		"a minute and a half of few":  {9, 3, 2, 4000},
		"a minute and a half of many": {9, 3, 100, 2000},
		"an hour":                     {360, 4, 30, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(2, 2))
			below := 0
			if *long {
				tt.draws = 4000
			}
			for range tt.draws {
				before := drawn(r, tt.buckets, tt.n, 20_000, 0.5, 0.1)
				since := drawn(r, tt.since, tt.n, 20_000*1.25, 0.5, 0.1)
				if tail(later(&before, &since, 0.25)) < math.Log(0.01) {
					below++
				}
			}
			if share := float64(below) / float64(tt.draws); share > 0.02 {
				t.Errorf("%.2f %% have a chance below 1 %%", 100*share)
			}
		})
	}
}

// Few requests that take many times as long show at once.
func TestLaterFindsWhatIsFarOff(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	before, since := drawn(r, 9, 3, 10_000, 0.5, 0.1), drawn(r, 3, 2, 600_000, 0.5, 0.1)
	if chance := tail(later(&before, &since, 0.25)); chance > alarming {
		t.Errorf("chance 1e%.1f of requests sixty times as long", chance/math.Ln10)
	}
}

func TestFanOut(t *testing.T) {
	calls := func(n, waves float64) *callSum { return &callSum{calls: n, waves: waves} }
	steady, _ := fanOut(calls(3000, 9000), calls(310, 0), 1000, 100, 10)
	gone, fewer := fanOut(calls(3000, 9000), calls(20, 0), 1000, 100, 10)
	// Requests made between none and all of these calls from bucket to bucket.
	wild, _ := fanOut(calls(3000, 40_000), calls(20, 0), 1000, 100, 10)
	if steady < math.Log(0.05) || gone > suspicionAt(1000) || wild < math.Log(0.01) || fewer != -280 {
		t.Errorf("chances 1e%.1f 1e%.1f 1e%.1f, difference %g", steady/math.Ln10, gone/math.Ln10, wild/math.Ln10, fewer)
	}
}

// lone watches one operation that a service serves each second, and says what came of it.
func lone(t *testing.T, history time.Duration, took func(since time.Duration) time.Duration) []Incident {
	t.Helper()
	tr := New(DefaultConfig())
	r := rand.New(rand.NewPCG(4, 4))
	rows := func(at time.Time) Rows {
		o := graph.OperationRow{Bucket: at, Node: 1, Operation: "op"}
		o.Calls = 10
		for range 10 {
			o.Server.Observe(time.Duration(float64(took(at.Sub(t0)))*math.Exp(0.3*r.NormFloat64())), 1)
		}
		return Rows{Operations: []graph.OperationRow{o}}
	}
	for at := t0.Add(-history); at.Before(t0.Add(5 * time.Minute)); at = at.Add(graph.Step) {
		if late := at.Add(-2 * time.Minute); !late.Before(t0.Add(-history)) {
			tr.Learn(late.Add(graph.Step), rows(late))
		}
		end := at.Add(graph.Step)
		for b := at.Add(-110 * time.Second); !b.After(at); b = b.Add(graph.Step) {
			if !b.Before(t0.Add(-history)) {
				tr.See(end, rows(b))
			}
		}
		tr.Look(end, func(graph.NodeID) bool { return false })
	}
	return tr.Incidents()
}

func TestSlowness(t *testing.T) {
	usual := 20 * time.Millisecond
	for name, tt := range map[string]struct {
		history time.Duration
		took    func(since time.Duration) time.Duration
		want    int
	}{
		"nothing changes": {10 * time.Minute, func(time.Duration) time.Duration { return usual }, 0},
		"a fifth longer is not worth it": {10 * time.Minute, func(since time.Duration) time.Duration {
			if since >= 0 {
				return usual * 6 / 5
			}
			return usual
		}, 0},
		"slow for one bucket": {10 * time.Minute, func(since time.Duration) time.Duration {
			if since >= 0 && since < graph.Step {
				return 10 * usual
			}
			return usual
		}, 0},
		"slow from then on": {10 * time.Minute, func(since time.Duration) time.Duration {
			if since >= 0 {
				return 3 * usual
			}
			return usual
		}, 1},
		"slow from then on, after a minute of history": {time.Minute, func(since time.Duration) time.Duration {
			if since >= 0 {
				return 3 * usual
			}
			return usual
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			found := lone(t, tt.history, tt.took)
			if len(found) != tt.want {
				t.Fatalf("%d incidents: %+v", len(found), found)
			}
			if tt.want > 0 && (found[0].Suspected || found[0].Candidates[0].Node != 1 || found[0].Started.Sub(t0).Abs() > graph.Step) {
				t.Errorf("%+v", found[0])
			}
		})
	}
}

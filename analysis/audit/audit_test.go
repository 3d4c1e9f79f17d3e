package audit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"faultline/graph"
)

var t0 = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func check(t *testing.T, p Practice, s graph.OutcomeStats) Check {
	t.Helper()
	a := New(DefaultConfig())
	a.Add(&graph.OutcomeRow{Bucket: t0, Caller: 1, Operation: "op", Callee: 2, OutcomeStats: s})
	for r := range a.Reports() {
		for _, c := range r.Checks {
			if c.Practice == p {
				return c
			}
		}
	}
	t.Fatalf("no check of %s", p)
	return Check{}
}

func times(n int64, d ...time.Duration) (h graph.Histogram) {
	for _, d := range d {
		h.Observe(d, n)
	}
	return h
}

func TestChecks(t *testing.T) {
	tries := func(n int64, attempts int) graph.Histogram { return times(n, time.Duration(attempts)*time.Microsecond) }
	ratios := func(n int64, r float64) graph.Histogram { return times(n, time.Duration(r*1000)*time.Microsecond) }
	const sec, milli = time.Second, time.Millisecond
	for name, tt := range map[string]struct {
		practice Practice
		stats    graph.OutcomeStats
		state    State
		value    float64
	}{
		"nothing is known of timeouts":              {Timeout, graph.OutcomeStats{}, Unknown, 0},
		"failures at 2 s":                           {Timeout, graph.OutcomeStats{TimedOut: 9, FailedTimes: times(9, 2*sec)}, Pass, 2000},
		"failures at 2 s and quick ones":            {Timeout, graph.OutcomeStats{TimedOut: 9, FailedTimes: times(9, 5*milli, 2*sec)}, Pass, 2000},
		"quick failures say nothing":                {Timeout, graph.OutcomeStats{FailedTimes: times(900, 5*milli)}, Unknown, 0},
		"few say nothing":                           {Timeout, graph.OutcomeStats{TimedOut: 4, FailedTimes: times(4, 2*sec)}, Unknown, 0},
		"longer than anybody should wait":           {Timeout, graph.OutcomeStats{FailedTimes: times(1, 45*sec)}, Risk, 45_000},
		"three attempts":                            {Retries, graph.OutcomeStats{Tries: tries(9, 3)}, Pass, 3},
		"nine attempts":                             {Retries, graph.OutcomeStats{Tries: tries(9, 9)}, Risk, 9},
		"the usual number counts":                   {Retries, graph.OutcomeStats{Tries: slices.Concat(tries(2, 1), tries(9, 3))}, Pass, 3},
		"four failures say nothing about retries":   {Retries, graph.OutcomeStats{Tries: tries(4, 3)}, Unknown, 0},
		"retries at once":                           {Backoff, graph.OutcomeStats{Gaps: times(20, milli)}, Risk, 0},
		"doubling pauses":                           {Backoff, graph.OutcomeStats{Gaps: times(20, 100*milli), GapRatios: ratios(10, 2)}, Pass, 2},
		"equal pauses":                              {Backoff, graph.OutcomeStats{Gaps: times(20, 100*milli), GapRatios: ratios(10, 1)}, Pass, 1},
		"one pause only":                            {Backoff, graph.OutcomeStats{Gaps: times(20, 100*milli)}, Unknown, 0},
		"all pause alike":                           {Jitter, graph.OutcomeStats{Gaps: times(20, 100*milli)}, Risk, 0},
		"pauses differ":                             {Jitter, graph.OutcomeStats{Gaps: times(10, 50*milli, 100*milli, 150*milli)}, Pass, 1},
		"without pauses there is nothing to spread": {Jitter, graph.OutcomeStats{Gaps: times(20, milli)}, Unknown, 0},
		"all survived":                              {Degradation, graph.OutcomeStats{TotalSurvived: 10}, Pass, 1},
		"none survived":                             {Degradation, graph.OutcomeStats{TotalFatal: 10}, Risk, 0},
		"some survived":                             {Degradation, graph.OutcomeStats{TotalFatal: 5, TotalSurvived: 5}, Unknown, 0.5},
		"two calls":                                 {Chattiness, graph.OutcomeStats{Requests: 20, Calls: 40}, Pass, 2},
		"fifty calls":                               {Chattiness, graph.OutcomeStats{Requests: 20, Calls: 1000}, Risk, 50},
	} {
		if got := check(t, tt.practice, tt.stats); got.State != tt.state || math.Abs(got.Value-tt.value) > 0.05*max(tt.value, 0.001) && tt.practice != Jitter {
			t.Errorf("%s: %s %.2f, want %s %.2f", name, got.State, got.Value, tt.state, tt.value)
		}
	}
	for p := range Catalogue {
		check(t, p, graph.OutcomeStats{})
	}
}

// TestPoliciesAreRead makes up call sites with a known policy, plays their retries and reads it back.
func TestPoliciesAreRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var decided, right, timeouts, near float64
	for n := range 400 {
		attempts := 1 + r.IntN(5)
		base := time.Duration(20+r.IntN(500)) * time.Millisecond
		factor := []float64{1, 2, 3}[r.IntN(3)]
		jittered := r.IntN(2) == 0
		limit := time.Duration(100+r.IntN(5000)) * time.Millisecond
		s := graph.OutcomeStats{Requests: 500, Calls: 500}
		for range 60 { // calls that failed finally, by the timeout
			var gaps []time.Duration
			for i := range attempts {
				s.FailedTimes.Observe(limit+time.Duration(r.ExpFloat64()*float64(2*time.Millisecond)), 1)
				if i > 0 {
					pause := float64(base) * math.Pow(factor, float64(i-1))
					if jittered {
						pause *= 0.5 + r.Float64()
					}
					gaps = append(gaps, time.Duration(pause)+time.Duration(r.ExpFloat64()*float64(time.Millisecond)))
				}
			}
			s.TimedOut++
			s.Tries.Observe(time.Duration(attempts)*time.Microsecond, 1)
			if len(gaps) > 0 {
				s.Gaps.Observe(gaps[0], 1)
			}
			if len(gaps) > 1 {
				s.GapRatios.Observe(time.Duration(float64(gaps[1])/float64(gaps[0])*1000)*time.Microsecond, 1)
			}
		}
		a := New(DefaultConfig())
		a.Add(&graph.OutcomeRow{Bucket: t0, Caller: 1, Operation: fmt.Sprint(n), Callee: 2, OutcomeStats: s})
		for report := range a.Reports() {
			for _, c := range report.Checks {
				if c.State == Unknown {
					continue
				}
				var ok bool
				switch c.Practice {
				case Timeout:
					timeouts++
					if math.Abs(c.Value-ms(limit)) <= 0.05*ms(limit) {
						near++
					}
					continue
				case Retries:
					ok = c.Value == float64(attempts)
				case Backoff:
					ok = (c.Value > 1) == (factor > 1)
				case Jitter:
					ok = (c.State == Pass) == jittered
				default:
					continue
				}
				decided++
				if ok {
					right++
				}
			}
		}
	}
	t.Logf("retries, backoff and jitter right at %.1f %% of %.0f decided; timeouts within 5 %% at %.1f %% of %.0f", 100*right/decided, decided, 100*near/timeouts, timeouts)
	if right < 0.95*decided || near < 0.9*timeouts || timeouts < 300 {
		t.Error("policies are misread")
	}
}

func TestEvidenceAges(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Sites = 1
	a := New(cfg)
	row := graph.OutcomeRow{Bucket: t0, Caller: 1, Callee: 2, OutcomeStats: graph.OutcomeStats{Requests: 2, Tries: times(8, 3*time.Microsecond)}}
	a.Add(&row)
	other := row
	other.Callee = 3
	a.Add(&other) // over the limit
	count := func() (n int) {
		for range a.Reports() {
			n++
		}
		return n
	}
	if count() != 1 {
		t.Errorf("%d sites, want 1", count())
	}
	row.Bucket = t0.Add(2 * cfg.HalfLife)
	row.OutcomeStats = graph.OutcomeStats{Requests: 1}
	a.Add(&row)
	for r := range a.Reports() {
		if r.Checks[1].Evidence != 0 {
			t.Errorf("evidence %+v", r.Checks[1])
		}
	}
}

func BenchmarkReports(b *testing.B) {
	a := New(DefaultConfig())
	for i := range 100_000 {
		a.Add(&graph.OutcomeRow{Bucket: t0, Caller: graph.NodeID(i%10_000 + 1), Callee: graph.NodeID(i + 1), OutcomeStats: graph.OutcomeStats{
			Requests: 100, Calls: 100, Tries: times(9, 3*time.Microsecond), Gaps: times(30, time.Second), FailedTimes: times(30, time.Second),
		}})
	}
	b.ReportAllocs()
	for b.Loop() {
		for range a.Reports() {
		}
	}
}

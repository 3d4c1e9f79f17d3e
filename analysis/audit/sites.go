package audit

import (
	"math"
	"time"

	"faultline/graph"
)

const (
	leastSpike    = 5                // attempts that ended after the same time
	leastFailures = 5                // calls that failed finally
	leastGaps     = 20               // pauses
	leastTimeouts = 10               // attempts given up whose callee is known
	leastRepeats  = 5                // refusals that were met again
	leastWrites   = 3                // writes repeated after a timeout
	unbounded     = 30 * time.Second // that no call should take
	short         = 50 * time.Millisecond
	mostTries     = 4 // attempts of a call: three retries
	noPause       = 2 * time.Millisecond
	growth        = 1.5
	spread        = 0.15 // interquartile range of pauses by their median
	noSpread      = 0.1
	wasted        = 0.2 // share of calls that the callee went on with
	chattyShare   = 0.05
)

// checks adds to all those of the practices that one call site tells by itself.
func (s *site) checks(all []Check) []Check {
	st := &s.stats
	timeout := s.timeout()
	tries := retries(st)
	all = append(all, timeout)
	if st.Abandoned > 0 || timeout.State != Unknown {
		all = append(all, deadline(st))
	}
	all = append(all, tries)
	if repeats := tries.State == Unknown || tries.Value > 1 || st.Gaps.Count() > 0; repeats {
		all = append(all, backoff(st, tries), jitter(st))
	}
	all = append(all, refusals(st))
	if st.UnsafeRetries > 0 {
		all = append(all, idempotency(st))
	}
	if tries.State == Unknown || tries.Value > 1 || s.budget.stressed > 0 {
		all = append(all, s.budget.check())
	}
	return append(all, s.open.check(), chattiness(st))
}

// spike is the longest duration at which many of h ended together: somebody's patience. Durations that end
// together fill a bucket, or two if they lie at its border. It must hold a share of what took long.
func spike(h graph.Histogram, share float64) (at time.Duration, n int64) {
	var total int64
	from := graph.IndexOf(short)
	for _, b := range h {
		if b.Index >= from {
			total += b.N
		}
	}
	for i := len(h) - 1; i >= 0 && h[i].Index >= from; i-- {
		n, sum := h[i].N, float64(h[i].N)*float64(h[i].Index)
		if i > 0 && h[i-1].Index == h[i].Index-1 {
			n += h[i-1].N
			sum += float64(h[i-1].N) * float64(h[i-1].Index)
		}
		if n >= leastSpike && float64(n) >= share*float64(total) {
			return middle(sum / float64(n)), n
		}
	}
	return 0, 0
}

// middle is the duration in the middle of a bucket; its number may lie between two.
func middle(index float64) time.Duration {
	return time.Duration(math.Exp2((index-0.5)/16) * float64(time.Microsecond))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// longerThan counts the durations of h that are longer than d for certain.
func longerThan(h graph.Histogram, d time.Duration) (n int64) {
	from := graph.IndexOf(d)
	for _, b := range h {
		if b.Index > from {
			n += b.N
		}
	}
	return n
}

// timeout looks for calls that were given up after the same time. Whose patience it was is not known: that of a
// proxy or of the callee looks the same.
func (s *site) timeout() Check {
	c := Check{Practice: Timeout, State: Unknown}
	st := &s.stats
	if n := longerThan(st.FailedTimes, unbounded); n > 0 {
		d, _ := st.FailedTimes.Quantile(1)
		c.State, c.Value, c.Evidence = Risk, ms(d), n
		return c
	}
	at, n := spike(st.Patience, 0.1)
	if n == 0 {
		at, n = spike(st.FailedTimes, 0.5)
	}
	slack := at + at/5
	switch {
	case n > 0 && longerThan(s.long, slack) <= n/20:
		c.State, c.Value, c.Evidence = Pass, ms(at), n
		return c
	case n > 0:
		c.Evidence = n // some calls go on for longer: it does not bound them all
	}
	// Failures after ten times the usual time, spread out: nothing ended them but chance.
	if usual := s.usual.p90(); n == 0 && usual > 0 {
		slow := longerThan(st.FailedTimes, max(10*usual, time.Second))
		if slow >= leastTimeouts {
			d, _ := st.FailedTimes.Quantile(1)
			c.State, c.Value, c.Evidence = Risk, ms(d), slow
		}
	}
	return c
}

// deadline is the share of calls given up on which the callee went on: work for nobody.
func deadline(s *graph.OutcomeStats) Check {
	c := Check{Practice: Deadline, State: Unknown, Evidence: s.Abandoned}
	if s.Abandoned < leastTimeouts {
		return c
	}
	c.Value = float64(s.Overrun) / float64(s.Abandoned)
	c.State = Pass
	if c.Value >= wasted {
		c.State = Risk
	}
	return c
}

// retries is how often a call is tried before it is given up: the most attempts that more than a few of the calls
// that failed finally had. Some have fewer, since a breaker, a budget or a deadline cut them short.
func retries(s *graph.OutcomeStats) Check {
	c := Check{Practice: Retries, State: Unknown, Evidence: s.Tries.Count()}
	if c.Evidence < leastFailures {
		return c
	}
	for _, b := range s.Tries {
		if n := attempts(b.Index); b.N >= max(3, c.Evidence/20) && n > c.Value {
			c.Value = n
		}
	}
	switch {
	case c.Value > mostTries:
		c.State = Risk
	case c.Value > 1, c.Value == 1 && s.Gaps.Count() < leastFailures:
		c.State = Pass
	}
	return c
}

// attempts turns a bucket back into the whole number that was counted in it: up to sixteen each has one of its own.
func attempts(index uint16) float64 {
	for n := range 64 {
		if i := graph.IndexOf(time.Duration(n+1) * time.Microsecond); i >= index {
			return float64(n + 1)
		}
	}
	return math.Exp2(float64(index) / 16)
}

// backoff is how much longer the second pause is than the first; 1 if all are alike or there is only one, 0 if
// there is none. The growth of pauses that are drawn at random takes many to be told from none.
func backoff(s *graph.OutcomeStats, tries Check) Check {
	c := Check{Practice: Backoff, State: Unknown, Evidence: s.Gaps.Count()}
	if c.Evidence < leastGaps {
		return c
	}
	pause, _ := s.Gaps.Quantile(0.5)
	if pause < noPause {
		c.State, c.Value = Risk, 0
		return c
	}
	if tries.State != Unknown && tries.Value <= 2 {
		c.State, c.Value = Pass, 1
		return c
	}
	n := s.GapRatios.Count()
	if n < leastGaps {
		return c
	}
	ratio, _ := s.GapRatios.Quantile(0.5)
	c.Value = float64(ratio) / float64(time.Microsecond) / 1000
	doubt := 0.25 * math.Sqrt(leastGaps/float64(n))
	switch {
	case c.Value >= growth+doubt:
		c.State = Pass
	case c.Value < growth-doubt:
		c.State, c.Value = Pass, 1 // always the same: better than none, and bounded by the few retries
	}
	return c
}

// jitter is how much pauses differ.
func jitter(s *graph.OutcomeStats) Check {
	c := Check{Practice: Jitter, State: Unknown, Evidence: s.Gaps.Count()}
	if c.Evidence < leastGaps {
		return c
	}
	q := func(p float64) float64 { d, _ := s.Gaps.Quantile(p); return float64(d) }
	if q(0.5) < float64(noPause) {
		return c // without pauses there is nothing to spread
	}
	c.Value = (q(0.75) - q(0.25)) / q(0.5)
	switch {
	case c.Value >= spread:
		c.State = Pass
	case c.Value < noSpread:
		c.State = Risk
	}
	return c
}

// refusals is the share of refusals for good after which the same call was made again. A request that has many
// things to ask makes the same call again whatever the answer: what it does after a refusal must differ from what
// it does otherwise.
func refusals(s *graph.OutcomeStats) Check {
	c := Check{Practice: Refusals, State: Unknown, Evidence: s.Refused}
	if s.Refused < leastRepeats {
		return c
	}
	c.Value = float64(s.RefusedRepeated) / float64(s.Refused)
	anyway := float64(max(s.Calls-s.Requests-s.RefusedRepeated, 0)) / float64(max(s.Calls, 1))
	switch {
	case s.RefusedRepeated >= leastRepeats && c.Value >= 0.1 && c.Value >= 4*anyway:
		c.State = Risk
	case s.Refused >= leastGaps && c.Value < 0.05:
		c.State = Pass
	}
	return c
}

// idempotency is never praised: whether a write may be repeated, traces do not tell.
func idempotency(s *graph.OutcomeStats) Check {
	c := Check{Practice: Idempotency, State: Unknown, Value: float64(s.UnsafeRetries), Evidence: s.UnsafeRetries}
	if s.UnsafeRetries >= leastWrites {
		c.State = Risk
	}
	return c
}

// chattiness is how many calls a request makes.
func chattiness(s *graph.OutcomeStats) Check {
	c := Check{Practice: Chattiness, State: Unknown, Evidence: s.Requests}
	if s.Requests < leastGaps {
		return c
	}
	c.Value = float64(s.Calls) / float64(s.Requests)
	c.State = Pass
	if s.Bursts >= leastFailures && float64(s.Bursts) >= chattyShare*float64(s.Requests) {
		c.State = Risk
	}
	return c
}

// budget is which share of attempts were retries in the minutes in which many calls failed.
type budget struct {
	minute                 time.Time
	calls, attempts, fails int64

	stressed int64 // minutes in which many calls failed
	run      int64 // the latest of them without a break in which too many attempts were retries
	longest  int64
	share    float64 // of retries in the worst minute
}

const (
	budgetCalls   = 50
	budgetFailing = 0.1
	budgetShare   = 0.2
	budgetMinutes = 3
)

// add takes in a row; those of one minute follow each other.
func (b *budget) add(r *graph.OutcomeRow) {
	if !r.Bucket.Equal(b.minute) {
		b.close(r.Bucket)
	}
	b.calls += r.OutcomeStats.Calls
	b.attempts += r.Attempts
	b.fails += r.FailedAttempts
}

// close ends the minute at hand; the next one is at.
func (b *budget) close(at time.Time) {
	if b.attempts >= budgetCalls && float64(b.fails) > budgetFailing*float64(b.attempts) {
		b.stressed++
		share := float64(b.attempts-b.calls) / float64(b.attempts)
		b.share = max(b.share, share)
		if b.run++; share <= budgetShare {
			b.run = 0
		}
		b.longest = max(b.longest, b.run)
	} else {
		b.run = 0
	}
	if at.Sub(b.minute) > graph.OutcomeStep {
		b.run = 0
	}
	b.minute, b.calls, b.attempts, b.fails = at, 0, 0, 0
}

// check is not impressed by a single bad minute.
func (b *budget) check() Check {
	c := Check{Practice: Budget, State: Unknown, Value: b.share, Evidence: b.stressed}
	switch {
	case b.longest >= budgetMinutes:
		c.State = Risk
	case b.stressed >= budgetMinutes && b.longest == 0:
		c.State = Pass
	}
	return c
}

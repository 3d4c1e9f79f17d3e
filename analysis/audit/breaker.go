package audit

import "time"

// breaker follows what a caller does while its calls fail. A breaker stops nearly all of them: of the calls that
// the caller's requests would usually make, a bucket has few or none. How long it stays open is known to the
// bucket only; if it opens and closes within one, the share of calls that is missing tells.
type breaker struct {
	since        time.Time // of the episode under way; zero: none
	silent, loud int       // buckets of it in which calls stopped, or went on
	quiet        time.Duration

	stopped, went int64         // episodes
	opened        time.Duration // together
}

const (
	leastExpected = 10        // calls that a bucket must miss for it to be said that they stopped
	leastRequests = 50        // requests to know which share of them makes the call
	mostRequests  = 0.5       // least share of requests that make the call
	stopped       = 0.3       // share of the expected calls
	wentOn        = 0.7       //
	longEpisode   = time.Hour // after which calls that have stopped will not come again
	leastLoud     = 30 * time.Second
	leastEpisodes = 2
)

func (a *Auditor) lookAtBreakers(at time.Time, step time.Duration, sites []*site) {
	for _, s := range sites {
		if s.now.failing {
			a.ill[s] = true
		}
	}
	for s := range a.ill {
		s.now.begin(a.tick) // nothing, if no call was made
		o := a.operations[operationKey{s.Caller, s.Operation}]
		if o == nil || s.open.look(at, step, s, o, a.tick) {
			delete(a.ill, s)
		}
	}
}

// look takes in one bucket of an episode and reports whether it is over.
func (b *breaker) look(at time.Time, step time.Duration, s *site, o *operation, tick int64) (over bool) {
	if b.since.IsZero() {
		b.since = at
	}
	if at.Sub(b.since) > longEpisode {
		b.forget()
		return true
	}
	if o.now.tick != tick || s.usual.requests < leastRequests || s.usual.rate < mostRequests {
		return s.usual.requests < leastRequests || s.usual.rate < mostRequests
	}
	calls, expected := float64(s.now.calls), s.usual.rate*float64(o.now.calls)
	failing := float64(s.now.failed) >= failShare*calls
	switch {
	case expected < leastExpected:
	case calls >= stopped*expected && float64(s.now.failed) < 0.2*calls:
		b.end(step)
		return true
	case calls <= stopped*expected && failing && !othersFail(o, s):
		b.silent++
		b.quiet += time.Duration(float64(step) * (1 - calls/expected))
	case calls >= wentOn*expected && failing:
		b.loud++
	}
	return false
}

// othersFail reports whether another callee of the operation fails too: a request that has failed by then does
// not come to this call.
func othersFail(o *operation, s *site) bool {
	for _, x := range o.sites {
		if x != s && x.now.tick == s.now.tick && x.now.failing {
			return true
		}
	}
	return false
}

func (b *breaker) end(step time.Duration) {
	switch {
	case b.silent > 0 && b.silent*2 >= b.loud:
		b.stopped++
		b.opened += b.quiet
	case b.silent == 0 && time.Duration(b.loud)*step >= leastLoud:
		b.went++
	}
	b.forget()
}

func (b *breaker) forget() { b.since, b.silent, b.loud, b.quiet = time.Time{}, 0, 0, 0 }

// check takes two episodes of either kind, and none of the other.
func (b *breaker) check() Check {
	c := Check{Practice: Breaker, State: Unknown, Evidence: b.stopped + b.went}
	switch {
	case b.stopped >= leastEpisodes && b.stopped > b.went:
		c.State, c.Value = Pass, ms(b.opened)/float64(b.stopped)
	case b.went >= leastEpisodes && b.stopped == 0:
		c.State = Risk
	}
	return c
}

package dependency

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// The thresholds of a verdict.
const (
	minFailures        = 3.0 // of hard and soft
	minPartialFailures = 8.0
	minBiasedFailures  = 10.0 // of hard where traces were kept by outcome
	sure               = 0.9
	hardAbove          = 0.7
	softBelow          = 0.3
	partialAbove       = 0.15
	partialBelow       = 0.85
)

// The weights of a prior, in failures. One half is the most that lets three harmless failures of a
// synchronous callee outweigh the prior's mean of 0.6, see docs/adr/0009-dependency-verdicts.md.
const (
	PriorWeight    = 0.5
	DeclaredWeight = 20
)

const (
	leakWeight       = 8.0 // requests by which the leak of a minute is drawn towards that of all time
	partialFatalPart = 0.5 // of a failure that a fatal failure in part counts
	maxNeeds         = 200
)

// tally is evidence that can be scaled and added up. The leak of an operation over all time is known only
// when a tally is read, so what depends on it is kept as u + v·leak.
type tally struct {
	n    float64 // isolated total failures, capped by minute, not faded
	a, b float64 // of these those that took the request down and those that it survived, faded
	u, v float64 // Σ over a and b of the leak in the minute

	// Total failures beside those of others after which the request went on to another callee, and those in a
	// after which it did. A caller that stops at what is fatal survived the former; see read.
	c, w float64

	// Failures in part: the fatal ones, the survived ones, and u + v·leak of them that the leak alone explains.
	p, ps, pu, pv float64
}

func (t *tally) add(o *tally) {
	t.n += o.n
	t.a += o.a
	t.b += o.b
	t.u += o.u
	t.v += o.v
	t.c += o.c
	t.w += o.w
	t.p += o.p
	t.ps += o.ps
	t.pu += o.pu
	t.pv += o.pv
}

// fade scales what fades with age.
func (t *tally) fade(by float64) {
	t.a *= by
	t.b *= by
	t.u *= by
	t.v *= by
	t.c *= by
	t.w *= by
	t.p *= by
	t.ps *= by
	t.pu *= by
	t.pv *= by
}

// limit scales t so that it counts as at most n failures.
func (t *tally) limit(n float64) {
	if all := t.a + t.b + partialFatalPart*t.p; all > n {
		t.fade(n / all)
	}
	t.n = min(t.n, n)
}

// sample is a tally read with the leak of its operation.
type sample struct {
	n, a, b float64 // failures not faded; fatal and survived ones, faded
	leak    float64
}

func (t *tally) read(leak float64) sample {
	s := sample{n: t.n, a: t.a, b: t.b, leak: leak}
	if t.a+t.b > 0 {
		s.leak = (t.u + t.v*leak) / (t.a + t.b)
	}
	s.b += t.c * t.stops()
	// A fatal failure in part counts only as far as requests that fail anyway do not explain it: harmless
	// failures in part count for nothing, so without this the leak alone would add up to hard. Losing all calls
	// is at least as bad as losing some, so they bound the hardness from below, and the more of them are harmless
	// the lower. The bound is put as so many fatal failures as lead to the same expectation.
	explained := t.pu + t.pv*leak
	if p := t.p - explained - 2*math.Sqrt(explained); p > 0 {
		p *= partialFatalPart * min(1, 2/(1+t.ps))
		s.a += p
		s.n += p
	}
	return s
}

// stops is the share of fatal failures at which the caller stopped. One that stops at what is fatal never
// learns what its later callees would have said, so of a fault of several the failures of an early one are
// isolated if they are fatal, and beside others if they are not: the latter then have to be counted as well. A
// caller that goes on whatever happens has no such bias.
func (t *tally) stops() float64 {
	if t.a == 0 {
		return 1
	}
	return max(0, 1-t.w/t.a)
}

// posterior is what is known of the probability that a request fails in an isolated total failure,
// p = h + (1-h)·leak, as a beta distribution.
type posterior struct {
	alpha, beta, leak float64
}

func (s sample) posterior(p Prior) posterior {
	return posterior{s.a + p.Weight*p.Mean, s.b + p.Weight*(1-p.Mean), min(s.leak, 0.999)}
}

// below is P(h <= t).
func (p posterior) below(t float64) float64 {
	x := t + (1-t)*p.leak
	switch {
	case x >= 1 || p.beta <= 0:
		return 1
	case x <= 0 || p.alpha <= 0:
		return 0
	}
	return mathext.RegIncBeta(p.alpha, p.beta, x)
}

func (p posterior) hardness(x float64) float64 { return min(1, max(0, (x-p.leak)/(1-p.leak))) }

func (p posterior) mean() float64 { return p.hardness(p.alpha / (p.alpha + p.beta)) }

func (p posterior) quantile(q float64) float64 {
	return p.hardness(mathext.InvRegIncBeta(p.alpha, p.beta, q))
}

// interval is the 90 % interval of h: equal-tailed, but closed at the end at which the data sit, since no
// equal-tailed interval contains 1, where a truly hard dependency is.
func (s sample) interval(p Prior) (low, high float64) {
	post := s.posterior(p)
	atHard, atSoft := s.b < 0.5, s.a <= s.leak*(s.a+s.b)+0.5
	switch {
	case atHard && atSoft:
		return 0, 1
	case atHard:
		return post.quantile(0.05), 1
	case atSoft:
		return 0, post.quantile(0.95)
	}
	return post.quantile(0.05), post.quantile(0.95)
}

// holds says whether the evidence is enough for v.
func (s sample) holds(v Verdict, p Prior, biased bool) bool {
	post := s.posterior(p)
	switch v {
	case Hard:
		if biased && (s.n < minBiasedFailures || s.b > 0) {
			return false
		}
		return s.n >= minFailures && 1-post.below(hardAbove) >= sure
	case Soft:
		return s.n >= minFailures && post.below(softBelow) >= sure
	case Partial:
		return s.n >= minPartialFailures && post.below(partialBelow)-post.below(partialAbove) >= sure
	}
	return false
}

// verdict is what the evidence is enough for, or unknown.
func (s sample) verdict(p Prior, biased bool) Verdict {
	if s.n < minFailures {
		return Unknown
	}
	for _, v := range [...]Verdict{Hard, Soft, Partial} {
		if s.holds(v, p, biased) {
			return v
		}
	}
	return Unknown
}

// further is the sample after k more isolated failures, one in a minute in which the leak is as usual.
func (s sample) further(k float64, fatal bool, leak float64) sample {
	all := s.a + s.b
	s.leak = (s.leak*all + k*leak) / (all + k)
	s.n += k
	if fatal {
		s.a += k
	} else {
		s.b += k
	}
	return s
}

// needs is the least number of further failures of one kind after which the verdict is another decided one.
func (s sample) needs(now Verdict, p Prior, leak float64, biased bool) Needs {
	fatalFirst := p.Mean >= 0.5
	for k := 1; k <= maxNeeds; k++ {
		if s.n+float64(k) < minFailures {
			continue
		}
		for _, fatal := range [...]bool{fatalFirst, !fatalFirst} {
			if v := s.further(float64(k), fatal, leak).verdict(p, biased); v != Unknown && v != now {
				return Needs{k, fatal, v}
			}
		}
	}
	return Needs{}
}

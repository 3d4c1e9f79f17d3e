package cascade

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// never is the least chance that is told from none.
const never = -1e6

// alarming is the chance that it takes to call somebody. Chances are natural logarithms of probabilities that what was
// seen came about although nothing has changed. Some millions of series and looks a day leave no room for one
// that is not tiny.
var alarming = math.Log(1e-8)

// suspicionAt is the chance that it takes to show something without calling anybody, so that chance alone shows about one
// thing a day: of the looks of a day, which overlap, about a thousand see something new.
func suspicionAt(series int) float64 {
	const looks = 1000
	return max(min(-math.Log(looks*float64(series+1)), math.Log(1e-5)), alarming)
}

// spell is the chance that is enough for what is seen without the bucket that shows it most. What shows in one bucket only
// may be over already: a pause, a restart, a burst of one client. To alarm, the rest must be suspicious.
var spell = math.Log(0.01)

// faint is how much likelier chance may make what is only to confirm a suspicion: looks overlap, and what is seen in
// the second is mostly what was seen in the first.
const faint = 2.3 // ln 10

// What it takes to call something ill beside that it is not chance. Counts are more spread than chance alone
// makes them: requests come in sessions and retries, and share hosts. So their variance is taken to be that
// of a beta-binomial count with this correlation (analysis specification, I).
const (
	correlation = 0.005 // between any two requests
	leastBad    = 5     // requests
	leastRate   = 0.001 // of failures that is usual everywhere
	leastSlow   = 0.01  // likewise, of slow requests
	leastShare  = 0.02  // of requests that must be bad
	leastKnown  = 20    // requests from which it is known what is usual
)

// more is the chance of k bad ones of n, where before of b were bad before, and usually at least a share of least
// is. It is the greater of two: that of a Poisson count, spread like a beta-binomial one, with the share that was
// before; and that of so many of all bad ones falling to this side, which holds when little is known of before.
func more(k, n, before, b, least float64) float64 {
	share := max(before/b, least)
	if k < leastBad || k < leastShare*n || k <= n*share {
		return 0
	}
	spread := 1 + (n-1)*correlation
	count, mean := k/spread, n*share/spread
	p := math.Log(mathext.GammaIncReg(count, mean))
	if math.IsInf(p, -1) { // too little for a float64: by Chernoff's bound
		p = count - mean - count*math.Log(count/mean)
	}
	return max(p, uneven(k, n, before, b))
}

// uneven is the chance that k or more of k+before bad ones fall to n of n+b, all of which are alike (Fisher's
// exact test).
func uneven(k, n, before, b float64) float64 {
	bad := k + before
	term := chooseLog(bad, k) + chooseLog(n+b-bad, n-k) - chooseLog(n+b, n)
	sum, ratio := 1.0, 1.0
	for x := k; x < min(n, bad); x++ {
		ratio *= (bad - x) * (n - x) / ((x + 1) * max(b-bad+x+1, 1))
		if sum += ratio; ratio < 1e-6*sum {
			break
		}
	}
	return min(term+math.Log(sum), 0)
}

// chooseLog is the logarithm of the number of ways to take k of n.
func chooseLog(n, k float64) float64 {
	if k <= 0 || k >= n {
		return 0
	}
	a, _ := math.Lgamma(n + 1)
	b, _ := math.Lgamma(k + 1)
	c, _ := math.Lgamma(n - k + 1)
	return a - b - c
}

const (
	margin    = 0.2231 // ln 1.25: requests that take a quarter longer are not worth a word
	leastMore = 5000   // µs that requests must take longer in the mean
	prior     = 4      // requests' worth of trust in the typical spread
)

// later says by how many of its standard errors the mean logarithm of durations grew by more than the margin, and
// with how many degrees of freedom that is known. Two variances count, as both were seen and as is typical for the
// system: within buckets, and between them, which is at least that of the correlation.
func later(before, since *timing, typical float64) (t, freedom float64) {
	if before.n < 2 || before.buckets < 1 || since.n < 1 || since.buckets < 1 {
		return 0, 1
	}
	n, buckets := before.n+since.n, before.buckets+since.buckets
	inner := max(n-buckets, 0) + prior
	within := (max(before.logSquares-before.between, 0) + max(since.logSquares-since.between, 0) + prior*typical) / inner
	outer := max(buckets-2, 0)
	squares := max(before.between-before.logs*before.logs/before.n, 0) + max(since.between-since.logs*since.logs/since.n, 0)
	between := correlation * within
	if outer > 0 {
		between = max(between, (squares/outer-within)*buckets/n)
	}
	outer += prior
	v := within * (1/before.n + 1/since.n)
	w := between * (1/before.buckets + 1/since.buckets)
	shift := since.logs/since.n - before.logs/before.n - margin
	return shift / math.Sqrt(v+w), (v + w) * (v + w) / (v*v/inner + w*w/outer)
}

// tail is the chance of a t of Student's distribution, or a larger one.
func tail(t, freedom float64) float64 {
	p := mathext.RegIncBeta(freedom/2, 0.5, freedom/(freedom+t*t)) / 2
	switch {
	case t < 0:
		p = 1 - p
	case p < 1e-300: // what a float64 can hold
		return -freedom / 2 * math.Log1p(t*t/freedom)
	}
	return math.Log(p)
}

// normal is the value that a standard normal variable exceeds with a chance.
func normal(chance float64) float64 {
	return -mathext.NormalQuantile(min(max(math.Exp(chance), 1e-300), 1-1e-12))
}

// fanOut is the chance that requests make so many calls, fewer or more than before, and how many calls that is more.
// Calls vary from bucket to bucket by as much as they did before, and at least as chance alone makes them.
func fanOut(before, since *callSum, requestsBefore, requestsSince, buckets float64) (chance, difference float64) {
	if requestsBefore < leastKnown || requestsSince < leastBad {
		return 0, 0
	}
	share := (before.calls + since.calls) / (requestsBefore + requestsSince)
	difference = since.calls - before.calls*requestsSince/requestsBefore
	if share <= 0 || math.Abs(difference) < leastBad {
		return 0, difference
	}
	outer := max(buckets-1, 0)
	varies := 1.0
	if outer > 0 && before.calls > 0 {
		varies = max(1, (before.waves*requestsBefore/before.calls-before.calls)/outer)
	}
	v := varies * share * requestsSince * (1 + requestsSince/requestsBefore)
	return tail(math.Abs(difference)/math.Sqrt(v), outer+prior), difference
}

package change

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"

	"faultline/graph"
)

// binomialTail is the probability of at least k events in n trials of probability p; k and n need not be whole.
func binomialTail(k, n, p float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n:
		return 0
	}
	return mathext.RegIncBeta(k, n-k+1, p)
}

// split is the probability, two-sided, that k0+k1 events which are as frequent in n0 as in n1 divide between
// the two at least as unevenly. It is exact for events that are rare in n, and too large for others.
func split(k0, n0, k1, n1 float64) float64 {
	p := n1 / (n0 + n1)
	return min(1, 2*min(binomialTail(k1, k0+k1, p), binomialTail(k0, k0+k1, 1-p)))
}

// proportions is split for shares of n: it looks at the rarer of what happened and what did not.
func proportions(k0, n0, k1, n1 float64) float64 {
	if k0+k1 > (n0+n1)/2 {
		k0, k1 = n0-k0, n1-k1
	}
	return split(k0, n0, k1, n1)
}

// studentTail is the probability, two-sided, of a deviation of at least t, by Student's distribution.
func studentTail(t, freedom float64) float64 {
	return mathext.RegIncBeta(freedom/2, 0.5, freedom/(freedom+t*t))
}

// distance is Kolmogorov and Smirnov's statistic of two histograms: the largest difference of their cumulative
// shares, at the bounds of buckets. Neither may be empty. Corrections may leave a bucket below zero, which counts
// as empty.
func distance(a, b graph.Histogram) (d float64) {
	n, m := total(a), total(b)
	var below, under float64
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].Index <= b[0].Index {
			if len(b) > 0 && a[0].Index == b[0].Index {
				under += float64(max(b[0].N, 0)) / m
				b = b[1:]
			}
			below += float64(max(a[0].N, 0)) / n
			a = a[1:]
		} else {
			under += float64(max(b[0].N, 0)) / m
			b = b[1:]
		}
		d = max(d, math.Abs(below-under))
	}
	return d
}

func total(h graph.Histogram) (n float64) {
	for _, b := range h {
		n += float64(max(b.N, 0))
	}
	return n
}

// distanceChance is the probability of at least such a distance by chance; for buckets it is too large.
func distanceChance(d, n, m float64) float64 { return min(1, 2*math.Exp(-2*d*d*n*m/(n+m))) }

// benjaminiYekutieli corrects the least of n probabilities for how many there are: if all those at most q are
// believed, a share of at most q of what is believed is chance, however the tests depend on each other.
func benjaminiYekutieli(p []float64, n int) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	harmonic := 0.0
	for i := range n {
		harmonic += 1 / float64(i+1)
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	corrected := make([]float64, len(p))
	least := 1.0
	for rank := len(order); rank > 0; rank-- {
		i := order[rank-1]
		least = min(least, p[i]*float64(n)*harmonic/float64(rank))
		corrected[i] = least
	}
	return corrected
}

// median sorts x and returns its middle; of nothing it is 0.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}

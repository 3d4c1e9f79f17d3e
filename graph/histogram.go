package graph

import (
	"math"
	"math/bits"
	"slices"
	"sort"
	"time"
)

// Histogram is a mergeable, subtractable distribution of durations: an exponential histogram of base
// 2^(1/16) over microseconds (the scale 4 of OpenTelemetry's exponential histograms), sparse, in
// ascending order of index. Index i counts durations in (2^((i-1)/16), 2^(i/16)] µs; everything up to
// 1 µs is in 0, everything from about 9 minutes in MaxIndex. A quantile read from it is off by at most
// 2.2 % of its value between those ends. The zero value is empty and ready for use.
type Histogram []Bin

// Bin is one bucket of a Histogram. N may be negative in a correction.
type Bin struct {
	Index uint16
	N     int64
}

// MaxIndex is the index of the last bucket.
const MaxIndex = 464

// IndexOf returns the bucket of d.
func IndexOf(d time.Duration) uint16 {
	if d > bounds[MaxIndex-1] {
		return MaxIndex
	}
	// Of two durations that share so many bits, the longer one is at most one bucket further.
	shift := bits.Len64(uint64(max(d, 0)|1<<indexBits)) - 1 - indexBits
	i := firstIndex[shift][d>>shift&(1<<indexBits-1)]
	if d > bounds[i] {
		i++
	}
	return i
}

const indexBits = 5

// bounds are the longest durations of the buckets but the last. firstIndex has the lowest bucket of the
// durations that share their highest bit and the indexBits below it: [n] is for those of n+indexBits+1 bits.
var bounds, firstIndex = func() (longest [MaxIndex]time.Duration, first [64 - indexBits][1 << indexBits]uint16) {
	for i := range longest {
		// The logarithm decides, not its inverse, which rounds another way.
		longest[i] = time.Duration(sort.Search(1<<41, func(ns int) bool { return computedIndex(time.Duration(ns)) > uint16(i) }) - 1)
	}
	for shift := range first {
		for i := range first[shift] {
			first[shift][i] = computedIndex(time.Duration(1<<indexBits|i) << shift)
		}
	}
	return longest, first
}()

// computedIndex is IndexOf by its definition.
func computedIndex(d time.Duration) uint16 {
	us := float64(d) / float64(time.Microsecond)
	if us <= 1 {
		return 0
	}
	i := math.Ceil(16*math.Log2(us) - 1e-9)
	return uint16(min(max(i, 0), MaxIndex))
}

// UpperBound is the longest duration of bucket i, but for the last, which has no bound.
func UpperBound(i uint16) time.Duration {
	return time.Duration(math.Exp2(float64(i)/16) * float64(time.Microsecond))
}

// Observe adds n durations d.
func (h *Histogram) Observe(d time.Duration, n int64) { h.AddAt(IndexOf(d), n) }

// AddAt adds n to the bucket of the given index.
func (h *Histogram) AddAt(index uint16, n int64) {
	bins := *h
	at, end := 0, len(bins)
	for at < end {
		if middle := (at + end) / 2; bins[middle].Index < index {
			at = middle + 1
		} else {
			end = middle
		}
	}
	if at < len(bins) && bins[at].Index == index {
		bins[at].N += n
		return
	}
	*h = slices.Insert(bins, at, Bin{index, n})
}

// Merge adds o to h.
func (h *Histogram) Merge(o Histogram) {
	if len(*h) == 0 {
		*h = slices.Clone(o)
		return
	}
	for _, b := range o {
		h.AddAt(b.Index, b.N)
	}
}

// Count is the number of durations counted.
func (h Histogram) Count() (n int64) {
	for _, b := range h {
		n += b.N
	}
	return n
}

// Empty reports whether every bucket is empty.
func (h Histogram) Empty() bool {
	return !slices.ContainsFunc(h, func(b Bin) bool { return b.N != 0 })
}

// Quantile returns the q-quantile (0 < q <= 1) as the geometric middle of its bucket, and false if the
// histogram is empty.
func (h Histogram) Quantile(q float64) (time.Duration, bool) {
	total := h.Count()
	if total <= 0 {
		return 0, false
	}
	rank := int64(math.Ceil(q * float64(total)))
	rank = max(rank, 1)
	var seen int64
	for _, b := range h {
		if seen += b.N; seen >= rank {
			if b.Index == 0 {
				return time.Microsecond, true
			}
			return time.Duration(math.Exp2((float64(b.Index)-0.5)/16) * float64(time.Microsecond)), true
		}
	}
	return UpperBound(h[len(h)-1].Index), true
}

package rollup

import (
	"time"

	"faultline/graph"
)

// times is a graph.Histogram in the making. One with few buckets is kept like that; one with many has a place for
// each bucket between its first and its last, where counting needs no search.
type times struct {
	few   graph.Histogram
	many  []int64 // nil: few
	first int     // bucket of many[0]
}

const (
	fewTimes = 16
	margin   = 8 // buckets on either side when many grows
)

func (t *times) observe(d time.Duration, n int64) {
	i := int(graph.IndexOf(d))
	if at := i - t.first; uint(at) < uint(len(t.many)) {
		t.many[at] += n
		return
	}
	if t.many == nil {
		t.few.AddAt(uint16(i), n)
		if len(t.few) > fewTimes {
			t.spread(int(t.few[0].Index), int(t.few[len(t.few)-1].Index))
		}
		return
	}
	t.spread(min(i, t.first), max(i, t.first+len(t.many)-1))
	t.many[i-t.first] += n
}

// spread makes many hold the buckets from first to last.
func (t *times) spread(first, last int) {
	first, last = max(first-margin, 0), min(last+margin, graph.MaxIndex)
	many := make([]int64, last-first+1)
	for _, b := range t.few {
		many[int(b.Index)-first] = b.N
	}
	copy(many[max(t.first-first, 0):], t.many)
	t.few, t.many, t.first = nil, many, first
}

// histogram returns what was counted, without buckets that are empty.
func (t *times) histogram() graph.Histogram {
	n := 0
	t.each(func(uint16, int64) { n++ })
	if n == 0 {
		return nil
	}
	h := make(graph.Histogram, 0, n)
	t.each(func(i uint16, n int64) { h = append(h, graph.Bin{Index: i, N: n}) })
	return h
}

func (t *times) each(f func(index uint16, n int64)) {
	for _, b := range t.few {
		if b.N != 0 {
			f(b.Index, b.N)
		}
	}
	for i, n := range t.many {
		if n != 0 {
			f(uint16(t.first+i), n)
		}
	}
}

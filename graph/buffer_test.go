package graph

import (
	"math/rand/v2"
	"testing"
)

// Histograms that were cut from the same memory do not touch each other, neither within a reading nor when they grow.
func TestBuffer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b Buffer[Histogram]
	var before []Bin
	for round := range 20 {
		b.Reset()
		var cut []Histogram
		want := map[int]int64{}
		for i := range 3000 {
			n := 1 + r.IntN(40)
			if i == 7 {
				n = 3 * binsPage
			}
			h := b.Bins.Cut(n)
			if len(h) != 0 || cap(h) != n {
				t.Fatalf("%d of %d buckets, want room for %d", len(h), cap(h), n)
			}
			for k := range n {
				h = append(h, Bin{uint16(k), int64(i)})
				want[i] += int64(i)
			}
			cut = append(cut, h)
			b.Rows = append(b.Rows, h)
		}
		for i := range cut {
			cut[i] = append(cut[i], Bin{9999, int64(i)}) // moves away
		}
		for i, h := range b.Rows {
			if h.Count() != want[i] {
				t.Fatalf("round %d: histogram %d counts %d, want %d", round, i, h.Count(), want[i])
			}
		}
		if round > 0 && &before[0] != &b.Rows[0][:1][0] {
			t.Fatal("the memory was not used again")
		}
		before = b.Rows[0][:1]
	}
	b.Reset()
	b.Rows = append(b.Rows, nil)
	if b.Reset(); b.Rows != nil || b.Bins.pages != nil {
		t.Error("room for thousands is kept for one")
	}
	b.Rows = append(b.Rows, make([]Histogram, 80)...)
	if b.Release(); b.Rows != nil {
		t.Error("what was given back is kept")
	}
	if b.Release(); cap(b.Reset().Rows) != 90 || len(b.Rows) != 0 {
		t.Errorf("room for %d rows, %d in it; want it for a few more than before", cap(b.Rows), len(b.Rows))
	}
	if fresh := (*Buffer[Histogram])(nil).Reset(); fresh == nil || len(fresh.Rows) != 0 {
		t.Error("nil is not a Buffer to be used once")
	}
}

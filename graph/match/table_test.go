package match

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"faultline/graph"
)

// The table finds what is live and nothing else, while slots come and go one by one and many at a time, and
// it does not grow for slots that have left.
func TestTableFindsTheLiving(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		tab := newTable(r.Uint64())
		var ids []graph.SpanID // of the live slots, oldest first
		next := uint64(0)
		size := 1 + r.IntN(3000)
		for range 40_000 {
			switch {
			case len(ids) < size && r.IntN(5000) > 0:
				next++
				var id graph.SpanID
				binary.LittleEndian.PutUint64(id[:], next)
				if q := tab.find(&graph.TraceID{1}, &id); q != 0 {
					t.Fatalf("seed %d: a new id is found as %d", seed, q)
				}
				tab.add(&graph.TraceID{1}, &id, true)
				ids = append(ids, id)
			case r.IntN(1000) == 0: // many at once
				for range r.IntN(len(ids) + 1) {
					tab.dropOldest(true)
					ids = ids[1:]
				}
			case len(ids) > 0:
				gone := ids[0]
				tab.dropOldest(true)
				ids = ids[1:]
				if q := tab.find(&graph.TraceID{1}, &gone); q != 0 {
					t.Fatalf("seed %d: an id that has left is found as %d", seed, q)
				}
			}
			if len(ids) > 0 {
				at := r.IntN(len(ids))
				if q := tab.find(&graph.TraceID{1}, &ids[at]); q != tab.oldest+seq(at) {
					t.Fatalf("seed %d: found %d, want %d", seed, q, tab.oldest+seq(at))
				}
			}
		}
		if len(tab.index) > 1<<10 && len(tab.index) > 4*size {
			t.Errorf("seed %d: %d cells for at most %d slots", seed, len(tab.index), size)
		}
	}
}

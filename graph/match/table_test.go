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
		perTrace := uint64(1 + r.IntN(1+int(seed*seed*seed))) // up to one trace for all
		traceOf := func(id *graph.SpanID) (trace graph.TraceID) {
			binary.LittleEndian.PutUint64(trace[:], 1+binary.LittleEndian.Uint64(id[:])/perTrace)
			return trace
		}
		find := func(id *graph.SpanID) seq {
			trace := traceOf(id)
			return tab.find(&trace, id)
		}
		for range 40_000 {
			switch {
			case len(ids) < size && r.IntN(5000) > 0:
				next++
				var id graph.SpanID
				binary.LittleEndian.PutUint64(id[:], next)
				if q := find(&id); q != 0 {
					t.Fatalf("seed %d: a new id is found as %d", seed, q)
				}
				trace := traceOf(&id)
				tab.add(&trace, &id, true)
				ids = append(ids, id)
			case r.IntN(1000) == 0: // many at once
				for range r.IntN(len(ids) + 1) {
					tab.dropOldest(true, nil)
					ids = ids[1:]
				}
			case len(ids) > 0:
				gone := ids[0]
				tab.dropOldest(true, nil)
				ids = ids[1:]
				if q := find(&gone); q != 0 {
					t.Fatalf("seed %d: an id that has left is found as %d", seed, q)
				}
			}
			if len(ids) > 0 {
				at := r.IntN(len(ids))
				if q := find(&ids[at]); q != tab.oldest+seq(at) {
					t.Fatalf("seed %d: found %d, want %d", seed, q, tab.oldest+seq(at))
				}
			}
		}
		if cells := len(tab.lines) * lineSlots; len(tab.lines) > 1<<8 && cells > 3*size {
			t.Errorf("seed %d: %d cells for at most %d slots", seed, cells, size)
		}
	}
}

package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHistogramErrorIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		var h Histogram
		values := make([]time.Duration, 1+r.IntN(2000))
		for i := range values {
			values[i] = time.Duration(math.Exp(r.NormFloat64()*2+14)) * time.Nanosecond // around 1 ms
			values[i] = max(values[i], 2*time.Microsecond)
			h.Observe(values[i], 1)
		}
		slices.Sort(values)
		for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
			exact := values[int(math.Ceil(q*float64(len(values))))-1]
			got, ok := h.Quantile(q)
			if err := math.Abs(float64(got-exact)) / float64(exact); !ok || err > 0.0222 {
				t.Fatalf("p%g = %s, exactly %s: off by %.1f %%", 100*q, got, exact, 100*err)
			}
		}
	}
}

func TestHistogramMergeAndSubtract(t *testing.T) {
	var a, b, both Histogram
	for i := range 1000 {
		d := time.Duration(i*i) * time.Microsecond
		both.Observe(d, 1)
		if i%3 == 0 {
			a.Observe(d, 1)
		} else {
			b.Observe(d, 1)
		}
	}
	sum := slices.Clone(a)
	sum.Merge(b)
	if diff := cmp.Diff(both, sum); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	for _, bin := range b {
		sum.AddAt(bin.Index, -bin.N)
	}
	if sum.Count() != a.Count() {
		t.Errorf("%d left after taking b back, want %d", sum.Count(), a.Count())
	}
}

func TestIndexOf(t *testing.T) {
	tests := map[time.Duration]uint16{
		0: 0, time.Microsecond: 0, 2 * time.Microsecond: 16, 4 * time.Microsecond: 32, 1024 * time.Microsecond: 160,
		1025 * time.Microsecond: 161, time.Hour: MaxIndex, -time.Second: 0,
	}
	for d, want := range tests {
		if got := IndexOf(d); got != want {
			t.Errorf("IndexOf(%s) = %d, want %d", d, got, want)
		}
	}
	check := func(d time.Duration) {
		if got, want := IndexOf(d), computedIndex(d); got != want {
			t.Errorf("IndexOf(%d ns) = %d, by definition it is %d", d, got, want)
		}
	}
	for _, bound := range bounds {
		for d := bound - 3; d <= bound+3; d++ {
			check(d)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		check(time.Duration(random.Uint64() >> random.IntN(64)))
	}
	if _, ok := Histogram(nil).Quantile(0.5); ok {
		t.Error("an empty histogram has a median")
	}
}

func BenchmarkObserve(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var times [1 << 10]time.Duration
	for i := range times {
		times[i] = time.Duration(random.ExpFloat64() * float64(10*time.Millisecond))
	}
	var h Histogram
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Observe(times[i%len(times)], 1)
	}
}

func TestEdgeKeyRoundTrip(t *testing.T) {
	for _, k := range []EdgeKey{
		{Caller: 1, Callee: math.MaxUint64, Protocol: "http", Mode: Sync},
		{Caller: 0xfeed, Callee: 2, Via: 3, Protocol: "microsoft.sql_server-x", Mode: Async},
	} {
		got, err := ParseEdgeKey(k.String())
		if err != nil || got != k {
			t.Errorf("ParseEdgeKey(%q) = %+v, %v", k.String(), got, err)
		}
	}
}

func FuzzParseEdgeKey(f *testing.F) {
	f.Add("0000000000000001-0000000000000002-0000000000000000-sync-http")
	f.Add("-----")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseEdgeKey(s)
		if err != nil {
			return
		}
		if again, err := ParseEdgeKey(k.String()); err != nil || again != k {
			t.Errorf("%q is read as %+v, which is written as %q and read as %+v (%v)", s, k, k.String(), again, err)
		}
	})
}

func TestNodeIDs(t *testing.T) {
	a := Node{Type: TypeService, Name: "cart", Namespace: "shop"}
	b := Node{Type: TypeService, Name: "cart", Namespace: "shop", Address: "10.0.0.1:80"}
	if a.ID() != b.ID() {
		t.Error("the address is part of the identity")
	}
	// The parts must not run into each other.
	if (Node{Name: "ab", Namespace: "c"}).ID() == (Node{Name: "b", Namespace: "ca"}).ID() {
		t.Error("name and namespace run together")
	}
	if id, err := ParseNodeID(a.ID().String()); err != nil || id != a.ID() {
		t.Errorf("round trip of %s: %s, %v", a.ID(), id, err)
	}
}

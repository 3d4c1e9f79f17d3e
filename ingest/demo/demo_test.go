package demo

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// A URL where an address is due would be tried in vain for ever.
func TestEndpointIsAnAddress(t *testing.T) {
	for endpoint, fits := range map[string]bool{
		"127.0.0.1:4317": true, "[::1]:4317": true, "collector:4317": true,
		"": false, "collector": false, "http://collector:4317": false, "http://collector": false,
	} {
		cfg := DefaultConfig()
		cfg.Endpoint = endpoint
		if err := cfg.Validate(); (err == nil) != fits {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestEqualSeedsMakeEqualTraces(t *testing.T) {
	a, b := newWorld(7), newWorld(7)
	for range 200 {
		if op := a.pick(); op != b.pick() || !reflect.DeepEqual(a.request(op, nil), b.request(op, nil)) {
			t.Fatal("two worlds of one seed differ")
		}
	}
}

func TestTracesAreConsistent(t *testing.T) {
	w := newWorld(1)
	for i := range 2000 {
		on := active(time.Duration(i) * 500 * time.Millisecond)
		for at, s := range w.request(w.pick(), on) {
			if s.end < s.start {
				t.Fatalf("%s %s ends before it starts", s.service.name, s.name)
			}
			if s.parent < 0 {
				continue
			}
			p := w.trace[s.parent]
			if s.parent >= at || s.start < p.start {
				t.Fatalf("%s %s starts before its parent %s %s", s.service.name, s.name, p.service.name, p.name)
			}
			if s.kind == server && (p.kind != client || p.service == s.service) {
				t.Fatalf("%s %s is called by a span that is no client of another service", s.service.name, s.name)
			}
		}
	}
}

// failures is the share of the requests to an operation of users that fail while the faults are on, and
// the median of how long they take.
func failures(op string, on ...fault) (share float64, median time.Duration) {
	w := newWorld(3)
	const n = 2000
	failed := 0
	took := make([]time.Duration, n)
	for i := range n {
		root := w.request(op, on)[0]
		if root.failed {
			failed++
		}
		took[i] = root.end - root.start
	}
	slices.Sort(took)
	return float64(failed) / n, took[n/2]
}

func named(t *testing.T, name string) fault {
	t.Helper()
	for _, f := range faults {
		if f.name == name {
			return f
		}
	}
	t.Fatalf("no fault %q", name)
	return fault{}
}

// TestFaultsDoWhatTheScheduleSays holds the symptoms that docs/demo.md promises.
func TestFaultsDoWhatTheScheduleSays(t *testing.T) {
	for _, e := range entries {
		if share, median := failures(e.operation); share != 0 || median > 500*time.Millisecond {
			t.Errorf("%s without faults: %.1f %% fail, median %s", e.operation, 100*share, median)
		}
	}
	tests := map[string]struct {
		operation   string
		least, most float64       // share that fails
		slowerThan  time.Duration // median
		quickerThan time.Duration
	}{
		"payment provider errors": {"web POST /checkout", 0.01, 0.08, 0, time.Second},
		"catalog database slow":   {"web GET /product/{id}", 0, 0, 400 * ms, time.Second},
		"recommendation down":     {"web GET /", 0, 0, 0, 100 * ms},
		"cart cache down":         {"web POST /cart", 0, 0, 0, 100 * ms},
		"fraud scoring hangs":     {"web POST /checkout", 0, 0, 300 * ms, time.Second},
		"poisoned messages":       {"web POST /checkout", 0, 0, 0, time.Second},
	}
	for name, tt := range tests {
		share, median := failures(tt.operation, named(t, name))
		if share < tt.least || share > tt.most || median < tt.slowerThan || median > tt.quickerThan {
			t.Errorf("%s: %.1f %% of %s fail, median %s; want %.0f to %.0f %%, %s to %s",
				name, 100*share, tt.operation, median, 100*tt.least, 100*tt.most, tt.slowerThan, tt.quickerThan)
		}
	}
	if len(tests) != len(faults) {
		t.Errorf("%d faults tested of %d", len(tests), len(faults))
	}
}

func TestScheduleRepeats(t *testing.T) {
	if on := active(30 * time.Second); len(on) != 0 {
		t.Errorf("faults after 30 s: %v", faultNames(on))
	}
	for _, at := range []time.Duration{time.Minute, cycle + time.Minute, 5*cycle + 2*time.Minute} {
		if names := faultNames(active(at)); !slices.Equal(names, []string{"payment provider errors"}) {
			t.Errorf("faults after %s: %v", at, names)
		}
	}
	for _, f := range faults {
		if f.to > cycle || f.from >= f.to {
			t.Errorf("%s is not within the cycle", f.name)
		}
	}
}

func TestLinkedConsumersStartTheirOwnTrace(t *testing.T) {
	w := newWorld(1)
	groups := map[string]bool{}
	for range 50 {
		for _, s := range w.request("web POST /checkout", nil) {
			if s.kind != consumer {
				continue
			}
			groups[s.service.name] = true
			if (s.link >= 0) != (s.service.name != "notification") || (s.link >= 0) != (s.parent < 0) {
				t.Fatalf("%s: link %d, parent %d", s.service.name, s.link, s.parent)
			}
		}
	}
	if len(groups) != 3 {
		t.Errorf("consumers %v, want three", groups)
	}
}

func BenchmarkRequest(b *testing.B) {
	w := newWorld(1)
	b.ReportAllocs()
	for b.Loop() {
		w.request(w.pick(), nil)
	}
}

package graph

import "testing"

// Every counter is added, and taken back exactly.
func TestCountersAddUp(t *testing.T) {
	var s, o OutcomeStats
	for i, c := range o.Counters() {
		*c = int64(i + 1)
	}
	s.AddCounters(3, &o)
	for i, c := range s.Counters() {
		if *c != 3*int64(i+1) {
			t.Errorf("%s is %d, want %d", OutcomeCounterNames[i], *c, 3*(i+1))
		}
	}
	if s.AddCounters(-3, &o); !s.Empty() {
		t.Errorf("left over: %+v", s)
	}
}

package cascade

import (
	"testing"
	"time"

	"faultline/graph"
)

// What is ill again and worse, while its incident lasts, has been so since it was first.
func TestIncidentStartsOnce(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	member := func(onset time.Duration, chance float64) Member {
		return Member{Node: 1, Sign: Failing, Onset: start.Add(onset), chance: chance, from: latest}
	}
	for name, tt := range map[string]struct{ again, want time.Duration }{
		"found out better": {10 * time.Second, 10 * time.Second},
		"ill again":        {5 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := New(DefaultConfig())
			i := &Incident{Started: start, Opened: start.Add(30 * time.Second), Members: []Member{member(0, -20)}, nodes: map[graph.NodeID]bool{1: true}}
			tracker.grow(i, start.Add(6*time.Minute), []Member{member(tt.again, -50)}, nil, func(graph.NodeID) bool { return false })
			if got := i.Started.Sub(start); got != tt.want {
				t.Errorf("started %s after its first onset, want %s", got, tt.want)
			}
		})
	}
}

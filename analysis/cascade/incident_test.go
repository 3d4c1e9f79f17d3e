package cascade

import (
	"math/rand/v2"
	"testing"
	"time"

	"faultline/graph"
)

// What is ill again and worse, while its incident lasts, has been so since it was first.
func TestIncidentStartsOnce(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	member := func(onset time.Duration, chance float64) Member {
		return Member{Node: 1, Sign: Failing, Onset: start.Add(onset), Chance: chance, from: latest}
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

// An older stretch is long, so that it does not tell when something began that single buckets show.
func TestOnsetIsTheFirstThatIsKnownWell(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	member := func(from int, after time.Duration) Member { return Member{from: from, Onset: start.Add(after)} }
	for name, tt := range map[string]struct {
		members []Member
		want    time.Duration
	}{
		"single buckets":               {[]Member{member(latest, 20*time.Second), member(recent+2, 10*time.Second)}, 10 * time.Second},
		"an older stretch beside them": {[]Member{member(younger, -3*time.Minute), member(latest, 20*time.Second), member(elder, -7*time.Minute)}, 20 * time.Second},
		"older stretches alone":        {[]Member{member(younger, -3*time.Minute), member(elder, -7*time.Minute)}, -7 * time.Minute},
	} {
		if got := firstOf(tt.members).Sub(start); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// What was ill in an older stretch, well after it and is ill again has been so since it was well: a process that has just been started knows the
// last hour, and may find in it what nobody looked at.
func TestOnsetIsAfterItWasWell(t *testing.T) {
	town := &town{r: rand.New(rand.NewPCG(1, 9)), services: []townService{
		{rate: 10, own: 5 * time.Millisecond, calls: []townCall{{1, true}}},
		{own: 5 * time.Millisecond, leak: 0.001},
	}}
	for _, kind := range []string{"error", "slow"} {
		tr := New(DefaultConfig())
		faults := []fault{{1, kind, t0.Add(10 * time.Minute), t0.Add(12 * time.Minute)}, {1, kind, t0.Add(16 * time.Minute), t0.Add(18 * time.Minute)}}
		var late []*bucketRows
		for after := time.Duration(0); after < 17*time.Minute; after += graph.Step {
			late = append(late, town.bucket(t0.Add(after), 1, faults))
			if len(late) > 12 {
				tr.Learn(late[0].start.Add(graph.Step), late[0].rows())
				late = late[1:]
			}
			if end := t0.Add(after + graph.Step); after >= 15*time.Minute {
				for _, b := range late {
					tr.See(end, b.rows())
				}
				tr.Look(end, func(graph.NodeID) bool { return false })
			}
		}
		all := tr.Incidents()
		if len(all) != 1 || all[0].Started.Sub(faults[1].from).Abs() > 20*time.Second {
			for _, i := range all {
				t.Errorf("%s: an incident since %s, want one since %s", kind, i.Started.Sub(t0), faults[1].from.Sub(t0))
			}
		}
	}
}

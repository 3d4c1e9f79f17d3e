package cascade

import (
	"math/rand/v2"
	"testing"
	"time"

	"faultline/graph"
)

// What does not answer itself is counted only when its answer was waited for in vain. That the latest requests seem to make none of these
// calls is nothing new.
func TestCallsThatAreCountedLate(t *testing.T) {
	for name, tt := range map[string]struct {
		stops bool // the calls do stop
		want  int
	}{"late": {false, 0}, "stopped": {true, 1}} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 8))
			tr := New(DefaultConfig())
			type bucket struct {
				end time.Time
				Rows
			}
			var recent []bucket
			for after := time.Duration(0); after < 15*time.Minute; after += graph.Step {
				at := t0.Add(after)
				o := graph.OperationRow{Bucket: at, Node: 1, Operation: "POST /charge"}
				c := graph.CallSiteRow{Bucket: at, EdgeKey: graph.EdgeKey{Caller: 1, Callee: 2}, CallerOperation: "POST /charge"}
				for range 40 + r.IntN(20) {
					d := time.Duration(30+r.IntN(20)) * time.Millisecond
					o.Calls++
					o.Server.Observe(d, 1)
					if !tt.stops || after < 10*time.Minute {
						c.Calls++
						c.Client.Observe(d-5*time.Millisecond, 1)
					}
				}
				recent = append(recent, bucket{at.Add(graph.Step), Rows{Operations: []graph.OperationRow{o}, Calls: []graph.CallSiteRow{c}}})
				if c.Calls == 0 {
					recent[len(recent)-1].Calls = nil
				}
				if len(recent) > 12 {
					tr.Learn(recent[0].end, recent[0].Rows)
					recent = recent[1:]
				}
				for n, b := range recent {
					if n >= len(recent)-4 {
						b.Calls = nil // not yet counted
					}
					tr.See(recent[len(recent)-1].end, b.Rows)
				}
				tr.Look(recent[len(recent)-1].end, func(graph.NodeID) bool { return false })
			}
			all := tr.Incidents()
			for _, i := range all {
				for _, m := range i.Members {
					if m.Bad > m.Requests {
						t.Errorf("%.1f of %.0f requests are ill", m.Bad, m.Requests)
					}
				}
				if len(i.Entries) != 0 {
					t.Errorf("entries are hit that suffer nothing: %+v", i.Entries)
				}
			}
			if len(all) != tt.want {
				t.Errorf("%d incidents, want %d: %+v", len(all), tt.want, all)
			}
		})
	}
}

package cascade

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"faultline/analysis/analysistest"
	"faultline/graph"
)

// replay plays recorded rows as an engine would see them, look by look, and calls each after every look.
func replay(tables *analysistest.Tables, tr *Tracker, each func(at time.Time)) {
	const every, settle, window = 15 * time.Second, 10 * time.Second, 60 * time.Second
	buckets := map[time.Time]*Sample{}
	of := func(at time.Time) *Sample {
		if buckets[at] == nil {
			buckets[at] = NewSample()
		}
		return buckets[at]
	}
	for i := range tables.Operations {
		of(tables.Operations[i].Bucket).AddOperation(&tables.Operations[i])
	}
	for i := range tables.CallSites {
		of(tables.CallSites[i].Bucket).AddCall(&tables.CallSites[i])
	}
	var times []time.Time
	for at := range buckets {
		times = append(times, at)
	}
	slices.SortFunc(times, time.Time.Compare)
	outside := func(n graph.NodeID) bool {
		typ := tables.Nodes[n].Type
		return typ == graph.TypeUser || typ == graph.TypeUnknown
	}
	for at := times[0].Add(every); at.Before(times[len(times)-1].Add(time.Minute)); at = at.Add(every) {
		var recent []Timed
		for _, b := range times {
			switch end := b.Add(graph.Step); {
			case end.After(at.Add(-settle)):
			case end.After(at.Add(-settle - window)):
				recent = append(recent, Timed{b, buckets[b]})
			default:
				tr.Learn(b, buckets[b])
			}
		}
		if len(recent) == 0 {
			continue
		}
		outcomes := NewSample()
		for i := range tables.Outcomes {
			r := &tables.Outcomes[i]
			if end := r.Bucket.Add(graph.OutcomeStep); !end.After(at) && end.After(at.Add(-2*time.Minute)) {
				outcomes.AddOutcome(r)
			}
		}
		tr.Look(at, recent, outcomes, outside)
		each(at)
	}
}

// TestScoreFoundAlone lets incidents be found without being told when the fault began.
func TestScoreFoundAlone(t *testing.T) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "recorded faults, found alone\tthe first named\tamong the first three")
	for _, folder := range []string{"nezha-ob", "nezha-tt", "nezha-tt-derived-errors", "hotrod-live"} {
		var s score
		for _, c := range recordedCases(t, folder) {
			if folder != "nezha-ob" && c.Sign.Visible == "none" {
				continue
			}
			tables := fold(t, c.File)
			tr := New(DefaultConfig())
			replay(&tables, tr, func(time.Time) {})
			rank, text := 0, ""
			for _, i := range tr.Incidents() {
				text += fmt.Sprintf(" [%s %+.0fs opened %+.0fs", i.Sign, i.Started.Sub(time.Unix(c.Start, 0)).Seconds(), i.Opened.Sub(time.Unix(c.Start, 0)).Seconds())
				for n, x := range i.Candidates {
					text += fmt.Sprintf(" %s %.2f", tables.Nodes[x.Node].Name, x.Share.Share)
					if tables.Nodes[x.Node].Name == c.Fault.Service && (rank == 0 || n+1 < rank) {
						rank = n + 1
					}
				}
				text += fmt.Sprintf("; %d members %d entries %d steps]", len(i.Members), len(i.Entries), len(i.Path))
			}
			s.add(rank)
			if *verbose {
				t.Logf("%-55s %-18s %-10s %2d %s", c.ID, c.Fault.Type, c.Sign.Visible, rank, text)
			}
		}
		fmt.Fprintf(w, "%s\t%s\n", folder, &s)
	}
	w.Flush()
	t.Logf("\n%s", table.String())
}

package cascade

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"faultline/analysis/analysistest"
	"faultline/graph"
	"faultline/graph/match"
)

var verbose = flag.Bool("cases", false, "print every case of the score")

func fold(t *testing.T, file string) analysistest.Tables {
	t.Helper()
	tables, err := analysistest.Fold(match.DefaultConfig(), analysistest.Recorded(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// around splits what was seen at a moment. Of the bucket that it falls into nothing is used where buckets are
// short; where they are a minute, it goes to the side on which more of it lies.
func around(tables *analysistest.Tables, at time.Time) (before, after *Sample) {
	sides := [2]*Sample{NewSample(), NewSample()}
	side := func(bucket time.Time, length time.Duration) *Sample {
		switch {
		case !bucket.Add(length).After(at):
			return sides[0]
		case !bucket.Before(at):
			return sides[1]
		case length <= graph.Step:
			return NewSample()
		case at.Sub(bucket) > length/2:
			return sides[0]
		}
		return sides[1]
	}
	for i := range tables.Operations {
		side(tables.Operations[i].Bucket, graph.Step).AddOperation(&tables.Operations[i])
	}
	for i := range tables.CallSites {
		side(tables.CallSites[i].Bucket, graph.Step).AddCall(&tables.CallSites[i])
	}
	for i := range tables.Outcomes {
		side(tables.Outcomes[i].Bucket, graph.OutcomeStep).AddOutcome(&tables.Outcomes[i])
	}
	return sides[0], sides[1]
}

// place is the rank, from 1, that a ranking gives a service; 0 if it does not name it.
func place(r Ranking, nodes map[graph.NodeID]graph.Node, service string) int {
	for i, s := range r.Shares {
		if nodes[s.Node].Name == service {
			return i + 1
		}
	}
	return 0
}

func describe(r Ranking, nodes map[graph.NodeID]graph.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %.1f:", r.Sign, r.Units)
	for _, s := range r.Shares[:min(len(r.Shares), 4)] {
		fmt.Fprintf(&b, " %s %.2f", nodes[s.Node].Name, s.Share)
	}
	return b.String()
}

type score struct{ cases, first, third int }

func (s *score) add(rank int) {
	s.cases++
	if rank == 1 {
		s.first++
	}
	if rank >= 1 && rank <= 3 {
		s.third++
	}
}

func (s *score) String() string {
	return fmt.Sprintf("%d of %d\t%d of %d", s.first, s.cases, s.third, s.cases)
}

// TestScoreOnRecordedFaults ranks causes from spans alone, told when the fault began, as published methods are.
func TestScoreOnRecordedFaults(t *testing.T) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "recorded faults\tthe first named\tamong the first three")
	scores := map[string]*score{}
	for _, set := range []struct {
		folder     string
		all        bool    // also faults that leave no sign in the service's own spans
		top1, top3 float64 // least shares
	}{
		{"nezha-ob", true, 0.75, 0.92},
		{"nezha-tt", false, 0, 0.95},
		{"nezha-tt-derived-errors", false, 0, 0.95},
		{"hotrod-live", true, 0, 0},
	} {
		s := &score{}
		scores[set.folder] = s
		for _, c := range analysistest.Cases(t, set.folder) {
			if !set.all && c.Sign.Visible == "none" {
				continue
			}
			tables := fold(t, c.File)
			before, after := around(&tables, time.Unix(c.Start, 0))
			r := Rank(before, after)
			rank := place(r, tables.Nodes, c.Fault.Service)
			s.add(rank)
			if *verbose {
				t.Logf("%-55s %-18s %-10s %2d  %s", c.ID, c.Fault.Type, c.Sign.Visible, rank, describe(r, tables.Nodes))
			}
		}
		fmt.Fprintf(w, "%s\t%s\n", set.folder, s)
		if n := float64(s.cases); float64(s.first) < set.top1*n || float64(s.third) < set.top3*n {
			t.Errorf("%s: %s", set.folder, s)
		}
	}
	w.Flush()
	t.Logf("\n%s", table.String())
}

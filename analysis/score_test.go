package analysis

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/analysis/analysistest"
	"faultline/graph"
	"faultline/graph/match"
)

var verbose = flag.Bool("cases", false, "print every case of the score")

// recording is a store that holds what was recorded, of which an engine sees what was counted by its time.
type recording struct {
	*shop
	analysistest.Tables
	now time.Time
}

func (r *recording) counted(bucket time.Time, step time.Duration, w graph.Window) bool {
	return !bucket.Before(w.From) && bucket.Before(w.To) && !bucket.Add(step).After(r.now)
}

func (r *recording) CallSiteRows(_ context.Context, _ string, w graph.Window, step time.Duration, _ *graph.Buffer[graph.CallSiteRow]) (rows []graph.CallSiteRow, err error) {
	for i := range r.CallSites {
		if r.counted(r.CallSites[i].Bucket, graph.Step, w) {
			rows = append(rows, r.CallSites[i])
			rows[len(rows)-1].Bucket = r.CallSites[i].Bucket.Truncate(step)
		}
	}
	return rows, nil
}

func (r *recording) OperationRows(_ context.Context, _ string, w graph.Window, step time.Duration, _ *graph.Buffer[graph.OperationRow]) (rows []graph.OperationRow, err error) {
	for i := range r.Operations {
		if r.counted(r.Operations[i].Bucket, graph.Step, w) {
			rows = append(rows, r.Operations[i])
			rows[len(rows)-1].Bucket = r.Operations[i].Bucket.Truncate(step)
		}
	}
	return rows, nil
}

func (r *recording) OutcomeSeries(_ context.Context, _ string, w graph.Window, _ *graph.Buffer[graph.OutcomeRow]) (rows []graph.OutcomeRow, err error) {
	for i := range r.Outcomes {
		if r.counted(r.Outcomes[i].Bucket, graph.OutcomeStep, w) {
			rows = append(rows, r.Outcomes[i])
		}
	}
	return rows, nil
}

func (r *recording) Graph(context.Context, string, graph.Window) (g graph.Graph, err error) {
	for _, n := range r.Nodes {
		g.Nodes = append(g.Nodes, graph.NodeStats{Node: n})
	}
	return g, nil
}

// span is from the first bucket to the end of the last one.
func (r *recording) span() (from, to time.Time) {
	for i := range r.Operations {
		b := r.Operations[i].Bucket
		if from.IsZero() || b.Before(from) {
			from = b
		}
		if end := b.Add(graph.Step); end.After(to) {
			to = end
		}
	}
	return from, to
}

// TestScoreFoundAlone lets an engine watch recorded faults look by look, without being told when they began.
func TestScoreFoundAlone(t *testing.T) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "recorded faults, found alone\tthe first named\tamong the first three\tsuspected only")
	for _, set := range []struct {
		folder     string
		all        bool    // also faults that leave no sign in the service's own spans
		top1, top3 float64 // least shares
	}{
		{"nezha-ob", true, 0.75, 0.9},
		{"nezha-tt", false, 0, 0.95},
		{"nezha-tt-derived-errors", false, 0, 0.95},
		{"hotrod-live", false, 1, 1},
	} {
		cases, first, third, suspected := 0, 0, 0, 0
		for _, c := range analysistest.Cases(t, set.folder) {
			if !set.all && c.Sign.Visible == "none" {
				continue
			}
			tables, err := analysistest.Fold(match.DefaultConfig(), analysistest.Recorded(t, c.File))
			if err != nil {
				t.Fatal(err)
			}
			store := &recording{shop: newShop(), Tables: tables}
			e := New(DefaultConfig(), "default", store, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			e.now = func() time.Time { return store.now }
			from, to := store.span()
			for store.now = from; store.now.Before(to.Add(2 * time.Minute)); store.now = store.now.Add(e.cfg.Every) {
				if err := e.look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			rank, only, text := 0, true, ""
			for _, i := range e.Report().Incidents {
				text += fmt.Sprintf(" [%s %+.0fs opened %+.0fs", i.Sign, i.Started.Sub(time.Unix(c.Start, 0)).Seconds(), i.Opened.Sub(time.Unix(c.Start, 0)).Seconds())
				if i.Suspected {
					text += " suspected"
				}
				for n, x := range i.Candidates {
					text += fmt.Sprintf(" %s %.2f", tables.Nodes[x.Node].Name, x.Share.Share)
					if tables.Nodes[x.Node].Name == c.Fault.Service && (rank == 0 || n+1 < rank || n+1 == rank && only) {
						rank, only = n+1, i.Suspected
					}
				}
				text += fmt.Sprintf("; %d members %d entries %d steps]", len(i.Members), len(i.Entries), len(i.Path))
				for _, m := range i.Members {
					text += fmt.Sprintf("\n      %s %s→%s %s %v bad %.0f of %.0f x%.2f %+.0fs", tables.Nodes[m.Node].Name, m.Operation, tables.Nodes[m.Callee].Name, m.Sign, m.Suspected, m.Bad, m.Requests, m.Times, m.Onset.Sub(time.Unix(c.Start, 0)).Seconds())
				}
			}
			cases++
			if rank == 1 {
				first++
			}
			if rank >= 1 && rank <= 3 {
				third++
				if only {
					suspected++
				}
			}
			if *verbose {
				t.Logf("%-55s %-18s %-10s %2d %s", c.ID, c.Fault.Type, c.Sign.Visible, rank, text)
			}
		}
		fmt.Fprintf(w, "%s\t%d of %d\t%d of %d\t%d\n", set.folder, first, cases, third, cases, suspected)
		if n := float64(cases); float64(first) < set.top1*n || float64(third) < set.top3*n {
			t.Errorf("%s: %d of %d named first, %d among three", set.folder, first, cases, third)
		}
	}
	w.Flush()
	t.Logf("\n%s", table.String())
}

package analysis

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"faultline/analysis/analysistest"
	"faultline/analysis/analysistest/simulate"
	"faultline/graph"
	"faultline/graph/match"
)

// forgetful is a store that spoils what it read into a buffer before it reads into it again.
type forgetful struct{ *recording }

// reread puts copies of rows into buf.
func reread[T any](buf *graph.Buffer[T], rows []T, histograms func(*T) []*graph.Histogram) []T {
	if buf == nil {
		return rows
	}
	for i := range buf.Rows {
		for _, h := range histograms(&buf.Rows[i]) {
			for k := range *h {
				(*h)[k] = graph.Bin{Index: graph.MaxIndex, N: 1 << 40}
			}
		}
		var spoiled T
		buf.Rows[i] = spoiled
	}
	buf = buf.Reset()
	for _, r := range rows {
		for _, h := range histograms(&r) {
			*h = append(buf.Bins.Cut(len(*h)), *h...)
		}
		buf.Rows = append(buf.Rows, r)
	}
	return buf.Rows
}

func (f forgetful) CallSiteRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.CallSiteRow]) ([]graph.CallSiteRow, error) {
	rows, err := f.recording.CallSiteRows(ctx, tenant, w, step, nil)
	return reread(buf, rows, func(r *graph.CallSiteRow) []*graph.Histogram { return []*graph.Histogram{&r.Client, &r.Server} }), err
}

func (f forgetful) OperationRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.OperationRow]) ([]graph.OperationRow, error) {
	rows, err := f.recording.OperationRows(ctx, tenant, w, step, nil)
	return reread(buf, rows, func(r *graph.OperationRow) []*graph.Histogram { return []*graph.Histogram{&r.Server} }), err
}

func (f forgetful) OutcomeSeries(ctx context.Context, tenant string, w graph.Window, buf *graph.Buffer[graph.OutcomeRow]) ([]graph.OutcomeRow, error) {
	rows, err := f.recording.OutcomeSeries(ctx, tenant, w, nil)
	return reread(buf, rows, func(r *graph.OutcomeRow) []*graph.Histogram {
		all := r.Histograms()
		return all[:]
	}), err
}

// simulated is what is seen of a small system in which things fail.
func simulated(t *testing.T, length time.Duration) (start time.Time, tables analysistest.Tables) {
	t.Helper()
	start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	tables, err := analysistest.Fold(match.DefaultConfig(), simulate.New(3, simulate.Settings{Services: 20, Start: start, Length: length, Spans: 30_000}).Requests())
	if err != nil {
		t.Fatal(err)
	}
	return start, tables
}

// late is a store in which some rows come later than others of their bucket, and which knows when they did.
type late struct {
	*recording
	tells bool // what has changed
	read  int  // buckets of calls, and minutes of outcomes
}

// came is when a row of a bucket came.
func came(bucket time.Time, step time.Duration, of uint64) time.Time {
	at := bucket.Add(step)
	switch (of + uint64(bucket.Unix())) * 0x9e3779b97f4a7c15 >> 32 % 10 {
	case 0:
		if step == graph.Step {
			return at.Add(50 * time.Second)
		}
		return at.Add(20 * time.Second) // what is later than that, the engine that does not know reads at every tenth look
	case 1, 2:
		return at.Add(20 * time.Second)
	}
	return at
}

func (l *late) CallSiteRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, _ *graph.Buffer[graph.CallSiteRow]) ([]graph.CallSiteRow, error) {
	rows, err := l.recording.CallSiteRows(ctx, tenant, w, step, nil)
	l.read++
	return slices.DeleteFunc(rows, func(r graph.CallSiteRow) bool {
		return step == graph.Step && came(r.Bucket, step, uint64(r.Callee)).After(l.now)
	}), err
}

func (l *late) OperationRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, _ *graph.Buffer[graph.OperationRow]) ([]graph.OperationRow, error) {
	rows, err := l.recording.OperationRows(ctx, tenant, w, step, nil)
	return slices.DeleteFunc(rows, func(r graph.OperationRow) bool {
		return step == graph.Step && came(r.Bucket, step, uint64(r.Node)).After(l.now)
	}), err
}

func (l *late) OutcomeSeries(ctx context.Context, tenant string, w graph.Window, _ *graph.Buffer[graph.OutcomeRow]) ([]graph.OutcomeRow, error) {
	rows, err := l.recording.OutcomeSeries(ctx, tenant, w, nil)
	l.read += int(w.Duration() / graph.OutcomeStep)
	return slices.DeleteFunc(rows, func(r graph.OutcomeRow) bool { return came(r.Bucket, graph.OutcomeStep, uint64(r.Callee)).After(l.now) }), err
}

func (l *late) ChangedBuckets(_ context.Context, _ string, w graph.Window, step time.Duration) (map[int64]time.Duration, error) {
	if !l.tells {
		return nil, nil
	}
	ago := map[int64]time.Duration{}
	note := func(bucket time.Time, of graph.NodeID) {
		if at := came(bucket, step, uint64(of)); w.Contains(bucket) && !at.After(l.now) {
			if known, ok := ago[bucket.Unix()]; !ok || l.now.Sub(at) < known {
				ago[bucket.Unix()] = l.now.Sub(at)
			}
		}
	}
	if step == graph.OutcomeStep {
		for i := range l.Outcomes {
			note(l.Outcomes[i].Bucket, l.Outcomes[i].Callee)
		}
		return ago, nil
	}
	for i := range l.CallSites {
		note(l.CallSites[i].Bucket, l.CallSites[i].Callee)
	}
	for i := range l.Operations {
		note(l.Operations[i].Bucket, l.Operations[i].Node)
	}
	return ago, nil
}

// An engine that reads only the buckets and minutes that have changed says the same, to the last digit, as one that reads all of them at every
// look, whatever the pace of looks, and when some fail.
func TestOnlyChangedBucketsAreReadAgain(t *testing.T) {
	start, tables := simulated(t, 20*time.Minute)
	var read [2]int
	var said [2][]string
	for i := range said {
		store := &late{recording: &recording{shop: newShop(), Tables: tables, now: start}, tells: i > 0}
		e := New(DefaultConfig(), "default", store, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		e.now = func() time.Time { return store.now }
		for n := 0; store.now.Before(start.Add(22 * time.Minute)); n++ {
			store.down = n%17 == 5
			if err := e.look(t.Context()); err != nil && !store.down {
				t.Fatal(err)
			}
			text, err := json.MarshalIndent([]any{e.Report().Incidents, e.Report().Sites, e.Report().Edges}, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			said[i] = append(said[i], string(text))
			every := e.cfg.Every
			switch n % 23 {
			case 3:
				every = 4 * time.Second // the same latest bucket again
			case 11:
				every = 45 * time.Second
			}
			store.now = store.now.Add(every)
		}
		read[i] = store.read
		if len(e.Report().Incidents) == 0 {
			t.Fatal("no incidents: nothing to compare")
		}
	}
	for n := range said[0] {
		if diff := cmp.Diff(said[0][n], said[1][n]); diff != "" {
			t.Fatalf("look %d (-all +changed):\n%s", n, diff)
		}
	}
	if read[1] > read[0]*8/10 {
		t.Errorf("%d buckets and minutes read, and %d if all are", read[1], read[0])
	}
	t.Logf("%d buckets and minutes read, and %d if all are", read[1], read[0])
}

// Nothing that the engine keeps is memory that rows are read into again.
func TestRowsAreReadIntoTheSameMemory(t *testing.T) {
	start, tables := simulated(t, 24*time.Minute)
	var said [2]string
	for i := range said {
		rows := &recording{shop: newShop(), Tables: tables, now: start}
		store := Store(rows)
		if i > 0 {
			store = forgetful{rows}
		}
		e := New(DefaultConfig(), "default", store, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		e.now = func() time.Time { return rows.now }
		for ; rows.now.Before(start.Add(26 * time.Minute)); rows.now = rows.now.Add(e.cfg.Every) {
			if err := e.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r := e.Report()
		if len(r.Sites) == 0 || len(r.Incidents) == 0 || len(r.Audit.Sites) == 0 {
			t.Fatalf("%d sites, %d incidents, %d reviewed: nothing to compare", len(r.Sites), len(r.Incidents), len(r.Audit.Sites))
		}
		text, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		said[i] = string(text)
	}
	if diff := cmp.Diff(said[0], said[1]); diff != "" {
		t.Errorf("with rows that do not stay (-before +now):\n%s", diff)
	}
}

package analysis

import (
	"context"
	"encoding/json"
	"log/slog"
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

// Nothing that the engine keeps is memory that rows are read into again.
func TestRowsAreReadIntoTheSameMemory(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	tables, err := analysistest.Fold(match.DefaultConfig(), simulate.New(3, simulate.Settings{Services: 20, Start: start, Length: 24 * time.Minute, Spans: 30_000}).Requests())
	if err != nil {
		t.Fatal(err)
	}
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

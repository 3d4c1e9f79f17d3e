package analysis

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/analysis/calibration"
	"faultline/analysis/cascade"
	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/graph"
)

// Rerun judges a window of the past, look by look as an engine would have that had only just been started: evidence from before the
// window counts as far as Config.History says, incidents are those of the window, and nothing is stored. The report is
// as of the end of the window. Equal rows make equal reports.
func Rerun(ctx context.Context, cfg Config, tenant string, rows Evidence, x Expectations, w graph.Window) (*Report, error) {
	now := w.From.UTC()
	e := New(cfg, tenant, &asItWas{Evidence: rows, now: &now}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	e.Expect(x)
	e.now = func() time.Time { return now }
	for now.Before(w.To) {
		if now = now.Add(cfg.Every); now.After(w.To) {
			now = w.To.UTC()
		}
		if err := e.look(ctx); err != nil {
			return nil, fmt.Errorf("look at %s: %w", now.Format(time.RFC3339), err)
		}
	}
	return e.Report(), nil
}

// Rerun is what the engine would have said of a window of the past.
func (e *Engine) Rerun(ctx context.Context, w graph.Window) (*Report, error) {
	return Rerun(ctx, e.cfg, e.tenant, e.store, e.expect, w)
}

// asItWas is a Store as it was at a time: what came later is not seen, and what is written is thrown away. Looks read the same rows
// again and again; so it keeps those it read last.
type asItWas struct {
	Evidence
	now        *time.Time
	sites      chunks[graph.CallSiteRow]
	operations chunks[graph.OperationRow]
	outcomes   chunks[graph.OutcomeRow]
}

func (p *asItWas) CallSiteRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.CallSiteRow]) ([]graph.CallSiteRow, error) {
	if step != graph.Step {
		return p.Evidence.CallSiteRows(ctx, tenant, w, step, buf)
	}
	return p.sites.read(w, graph.Step, *p.now, func(r *graph.CallSiteRow) time.Time { return r.Bucket },
		func(w graph.Window) ([]graph.CallSiteRow, error) {
			return p.Evidence.CallSiteRows(ctx, tenant, w, step, nil)
		})
}

func (p *asItWas) OperationRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.OperationRow]) ([]graph.OperationRow, error) {
	if step != graph.Step {
		return p.Evidence.OperationRows(ctx, tenant, w, step, buf)
	}
	return p.operations.read(w, graph.Step, *p.now, func(r *graph.OperationRow) time.Time { return r.Bucket },
		func(w graph.Window) ([]graph.OperationRow, error) {
			return p.Evidence.OperationRows(ctx, tenant, w, step, nil)
		})
}

func (p *asItWas) OutcomeSeries(ctx context.Context, tenant string, w graph.Window, _ *graph.Buffer[graph.OutcomeRow]) ([]graph.OutcomeRow, error) {
	return p.outcomes.read(w, graph.OutcomeStep, *p.now, func(r *graph.OutcomeRow) time.Time { return r.Bucket },
		func(w graph.Window) ([]graph.OutcomeRow, error) { return p.Evidence.OutcomeSeries(ctx, tenant, w, nil) })
}

// ChangedBuckets: what was stored when is not known any more.
func (*asItWas) ChangedBuckets(context.Context, string, graph.Window, time.Duration) (map[int64]time.Duration, error) {
	return nil, nil
}

// Pipeline: by now all of it is stored.
func (*asItWas) Pipeline(context.Context, graph.Window) ([]graph.PipelineRow, error) { return nil, nil }

func (*asItWas) Findings(context.Context, string) ([]finding.Finding, error) { return nil, nil }
func (*asItWas) FindingEvents(context.Context, string, string) ([]finding.Event, error) {
	return nil, nil
}
func (*asItWas) FindingMarks(context.Context, string) ([]finding.Mark, error)       { return nil, nil }
func (*asItWas) MarkFinding(context.Context, string, finding.Mark) error            { return nil }
func (*asItWas) Incidents(context.Context, string, int) ([]cascade.Incident, error) { return nil, nil }
func (*asItWas) Memories(context.Context, string) ([]dependency.Memory, error)      { return nil, nil }
func (*asItWas) Predictions(context.Context, string, int) ([]calibration.Prediction, error) {
	return nil, nil
}
func (*asItWas) WritePredictions(context.Context, string, []calibration.Prediction) error { return nil }
func (*asItWas) WriteMemories(context.Context, string, []dependency.Memory) error         { return nil }
func (*asItWas) WriteIncidents(context.Context, string, time.Time, []cascade.Incident) error {
	return nil
}
func (*asItWas) WriteFindings(context.Context, string, time.Time, []finding.Finding, []finding.Event) error {
	return nil
}

// chunks are the rows of the last few stretches of time that were read, each read once.
type chunks[T any] struct {
	from []time.Time
	rows [][]T
}

const chunk, keepChunks = 5 * time.Minute, 6

// read returns the rows of w, moved outward to whole buckets, but for those of buckets that had not ended by now.
func (c *chunks[T]) read(w graph.Window, step time.Duration, now time.Time, bucket func(*T) time.Time, ask func(graph.Window) ([]T, error)) (rows []T, err error) {
	first := w.From.Truncate(step)
	for from := first.Truncate(chunk); from.Before(w.To) && from.Before(now); from = from.Add(chunk) {
		all, err := c.of(from, ask)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if at := bucket(&all[i]); !at.Before(first) && at.Before(w.To) && !at.Add(step).After(now) {
				rows = append(rows, all[i])
			}
		}
	}
	return rows, nil
}

func (c *chunks[T]) of(from time.Time, ask func(graph.Window) ([]T, error)) ([]T, error) {
	for i := range c.from {
		if c.from[i].Equal(from) {
			return c.rows[i], nil
		}
	}
	rows, err := ask(graph.Window{From: from, To: from.Add(chunk)})
	if err != nil {
		return nil, err
	}
	c.from, c.rows = append(c.from, from), append(c.rows, rows)
	if len(c.from) > keepChunks {
		c.from, c.rows = c.from[1:], c.rows[1:]
	}
	return rows, nil
}

package analysis

import (
	"context"
	"fmt"
	"time"

	"faultline/graph"
)

// Pipeline tells how far ingest is.
type Pipeline interface {
	// Pipeline returns what all ingest processes reported in a window, by process and time.
	Pipeline(ctx context.Context, w graph.Window) ([]graph.PipelineRow, error)
}

const (
	onTime   = 15 * time.Second // rows may be so late while nobody is behind
	gone     = time.Minute      // a process that has not reported for so long has ended, or cannot store anything
	reported = 10 * time.Minute // how far back reports are looked at
)

// horizon is the time up to which all that was sent is stored, as far as ingest says: what has not been stored yet must
// not look like a service that has fallen silent. It is now, unless ingest is behind or has itself fallen silent, and never
// goes back.
func (e *Engine) horizon(ctx context.Context, now time.Time) (time.Time, error) {
	reports, err := e.store.Pipeline(ctx, graph.Window{From: now.Add(-reported), To: now.Add(onTime)})
	if err != nil {
		return now, fmt.Errorf("read how far ingest is: %w", err)
	}
	latest := map[string]*graph.PipelineRow{}
	for i := range reports {
		if r := &reports[i]; latest[r.Replica] == nil || r.At.After(latest[r.Replica].At) {
			latest[r.Replica] = r
		}
	}
	reach, last, alive := now, e.reached, false
	for _, r := range latest {
		if r.At.After(last) {
			last = r.At
		}
		if now.Sub(r.At) > gone {
			continue
		}
		alive = true
		lag := time.Duration(max(r.Values["store_lag_ms"], r.Values["journal_lag_ms"])) * time.Millisecond
		if at := r.At.Add(-lag); lag > onTime && at.Before(reach) {
			reach = at
		}
	}
	e.heard = e.heard || len(latest) > 0
	if e.heard && !alive {
		reach = last
	}
	if reach.After(now) {
		reach = now
	}
	if reach.Before(e.reached) {
		reach = e.reached
	}
	e.tellBehind(now, reach)
	e.reached = reach
	return reach, nil
}

// tellBehind says when the analysis begins to wait for ingest, and when that is over.
func (e *Engine) tellBehind(now, reach time.Time) {
	e.behind.Set(now.Sub(reach).Seconds())
	switch waits := now.Sub(reach) > gone; {
	case waits && !e.waits:
		e.log.Warn("ingest is behind or silent; nothing is concluded from what has not come yet", "as_of", reach)
		e.waits = true
	case !waits && e.waits:
		e.log.Info("ingest is on time again", "as_of", reach)
		e.waits = false
	}
}

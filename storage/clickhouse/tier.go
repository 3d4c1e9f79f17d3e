package clickhouse

import (
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"faultline/graph"
)

// tiers are the lengths of the buckets that storage keeps, with the suffix of their tables.
var tiers = [...]struct {
	step   time.Duration
	suffix string
}{
	{graph.Step, "10s"},
	{time.Minute, "1m"},
	{time.Hour, "1h"},
	{6 * time.Hour, "6h"},
}

// fineLimit is the longest window that is aligned to the shortest buckets. A longer one is aligned to hours:
// it saves reading the minutes at both ends, which takes as long as all the rest.
const fineLimit = 6 * time.Hour

// align returns the step to which w has to be aligned, which is also the shortest bucket that may be read
// for it: fine for a short window, and never finer than what is still kept at its beginning.
func (r Retention) align(w graph.Window, now time.Time) time.Duration {
	age := now.Sub(w.From)
	switch {
	case w.Duration() > fineLimit || age > r.Minute:
		return time.Hour
	case age > r.Fine:
		return time.Minute
	default:
		return graph.Step
	}
}

// The range of ClickHouse's DateTime, within which windows can be asked for.
var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC)
)

// plan checks w and moves it outward to the buckets that will answer for it.
func (s *Store) plan(w graph.Window) (graph.Window, time.Duration, error) {
	if err := check(w); err != nil {
		return graph.Window{}, 0, err
	}
	step := s.cfg.Retention.align(w, s.now())
	return outward(w, step), step, nil
}

// planMinutes is plan for what is kept in buckets of a minute and of an hour only.
func (s *Store) planMinutes(w graph.Window) (graph.Window, error) {
	w, step, err := s.plan(w)
	if err != nil {
		return graph.Window{}, err
	}
	return outward(w, max(step, time.Minute)), nil
}

// check reports a window that cannot be asked for.
func check(w graph.Window) error {
	if err := w.Validate(); err != nil {
		return err
	}
	if w.From.Before(earliest) || w.To.After(latest) {
		return fmt.Errorf("the window must lie between %d and %d", earliest.Year(), latest.Year())
	}
	return nil
}

// outward moves from down and to up to multiples of step since the Unix epoch, as SQL counts them.
func outward(w graph.Window, step time.Duration) graph.Window {
	return graph.Window{From: floor(w.From, step), To: floor(w.To.Add(step-1), step)}
}

func floor(t time.Time, step time.Duration) time.Time {
	n := t.UnixNano()
	d := n % int64(step)
	if d < 0 {
		d += int64(step)
	}
	return time.Unix(0, n-d).UTC()
}

// cover splits w, which is aligned to one of the tiers, among them: parts[i] is the window that tier i and
// the longer ones make up together, so that tier i itself gives what parts[i] has over parts[i+1]. Buckets
// are as long as they can be: short ones serve only towards the two ends.
func cover(w graph.Window) (parts [len(tiers)]graph.Window) {
	parts[0] = w
	for i := 1; i < len(tiers); i++ {
		inner := graph.Window{From: floor(w.From.Add(tiers[i].step-1), tiers[i].step), To: floor(w.To, tiers[i].step)}
		if !inner.From.Before(inner.To) { // not one whole bucket of this length
			inner = graph.Window{From: w.To, To: w.To}
		}
		w, parts[i] = inner, inner
	}
	return parts
}

// coverParams are the parameters of a statement that reads tables of all tiers (sql/tiers.sql).
func coverParams(tenant string, parts [len(tiers)]graph.Window) clickhouse.Parameters {
	p := clickhouse.Parameters{"tenant": escape(tenant)}
	for i, t := range tiers {
		p["from_"+t.suffix] = parts[i].From.UTC().Format(time.DateTime)
		p["to_"+t.suffix] = parts[i].To.UTC().Format(time.DateTime)
	}
	return p
}

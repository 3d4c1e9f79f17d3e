// Package analysis keeps judging the system from what is stored: it reads the latest minutes on a tick, runs
// the analyses below it, each a pure package, and holds the latest report for whoever asks.
//
// Late spans change minutes that were read; so the last ones are read again when the store says that they have changed, or, where
// it does not know, a few with every tick and more of them now and then. A tick that finds the one before it still at work is left out. After a start the engine reads
// the past, as far as Config.History says.
package analysis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"faultline/analysis/audit"
	"faultline/analysis/calibration"
	"faultline/analysis/cascade"
	"faultline/analysis/change"
	"faultline/analysis/declare"
	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/analysis/hotspot"
	"faultline/analysis/slo"
	"faultline/graph"
)

// Evidence is what was seen, as rows. Those that are read into a buffer are valid until it is read into again; it may be nil.
type Evidence interface {
	// OutcomeSeries returns the outcomes of w, which is at most six hours long, by minute.
	OutcomeSeries(ctx context.Context, tenant string, w graph.Window, buf *graph.Buffer[graph.OutcomeRow]) ([]graph.OutcomeRow, error)
	Graph(ctx context.Context, tenant string, w graph.Window) (graph.Graph, error)
	// OutcomeCounts returns how the requests of some callers fared in w: only the requests and failures among them.
	OutcomeCounts(ctx context.Context, tenant string, w graph.Window, callers []graph.NodeID) ([]graph.OutcomeRow, error)
	// CallSiteRows and OperationRows return what was seen of the whole system, bucket by bucket.
	CallSiteRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.CallSiteRow]) ([]graph.CallSiteRow, error)
	OperationRows(ctx context.Context, tenant string, w graph.Window, step time.Duration, buf *graph.Buffer[graph.OperationRow]) ([]graph.OperationRow, error)
	// ChangedBuckets returns how long ago the newest rows of the buckets of w were stored, by the buckets' Unix time, those of
	// outcomes if step is graph.OutcomeStep; nil if that is not known.
	ChangedBuckets(ctx context.Context, tenant string, w graph.Window, step time.Duration) (map[int64]time.Duration, error)
	// Slots returns what the busiest series of recent counted in the past, most operations and as many call sites.
	Slots(ctx context.Context, tenant string, starts []time.Time, recent graph.Window, most int) ([]change.Slot, error)
}

// Store is where evidence comes from and findings are kept.
type Store interface {
	Evidence
	Keeper
	Memory
	Forecasts
	Pipeline
}

// Config says how often and how far back the engine looks.
type Config struct {
	Every      time.Duration      `yaml:"every"`           // between two looks
	History    time.Duration      `yaml:"history"`         // read after a start
	Objectives time.Duration      `yaml:"objectives_over"` // how far back requests count for objectives
	Dependency dependency.Config  `yaml:"dependency"`
	Cascade    cascade.Config     `yaml:"cascade"`
	Audit      audit.Config       `yaml:"audit"`
	Warnings   change.WatchConfig `yaml:"warnings"`
	Finding    finding.Config     `yaml:"finding"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Every: 15 * time.Second, History: 6 * time.Hour, Objectives: 7 * 24 * time.Hour,
		Dependency: dependency.DefaultConfig(), Cascade: cascade.DefaultConfig(), Audit: audit.DefaultConfig(),
		Warnings: change.DefaultWatchConfig(), Finding: finding.DefaultConfig(),
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Every <= 0 {
		errs = append(errs, errors.New("every must be positive"))
	}
	if c.History < 0 {
		errs = append(errs, errors.New("history must not be negative"))
	}
	if c.Objectives < time.Hour {
		errs = append(errs, errors.New("objectives_over must be at least an hour"))
	}
	return errors.Join(append(errs, c.Dependency.Validate(), c.Cascade.Validate(), c.Audit.Validate(), c.Warnings.Validate(), c.Finding.Validate())...)
}

// Report is what the engine found last. It is never changed.
type Report struct {
	At      time.Time // of the look
	Since   time.Time // from when on evidence was read
	Nodes   map[graph.NodeID]graph.Node
	Aliases map[graph.Alias]graph.NodeID `json:"-"` // services behind addresses at which nobody answered
	Sites   []dependency.Judgement       // by caller, operation, callee
	Edges   []dependency.EdgeJudgement   // by caller, callee

	Audit     audit.Report
	Structure Structure
	Hotspots  []hotspot.Score // the most fragile first

	Objectives []slo.Assessment // in the order in which they were written down
	unseen     []slo.Objective  // those that are about nothing

	Incidents []cascade.Incident // open ones first, then the latest

	Predictions []calibration.Prediction // of incidents that are over, the latest first

	Alarms []change.Alarm // what is not as usual at this time, and was not in the last day; the latest first
	News   []change.Item  // dependencies that came up in the last day, and what that means

	Findings []finding.Finding       // open ones first, then the most severe
	Marks    map[string]finding.Mark // what people said about them, by id
}

// Expectations are what people wrote down about the system.
type Expectations struct {
	Objectives   []slo.Objective
	Declarations []declare.Declaration
}

// Engine judges the system of one tenant.
type Engine struct {
	cfg    Config
	expect Expectations
	tenant string
	store  Store
	log    *slog.Logger
	now    func() time.Time

	judge      *dependency.Judge
	tracker    *cascade.Tracker
	auditor    *audit.Auditor
	warnings   *warnings
	releases   releases
	shelf      shelf
	forecast   forecast
	nodes      map[graph.NodeID]graph.Node
	declared   declared
	unnamed    int                          // nodes of call sites that nothing named so far
	aliases    map[graph.Alias]graph.NodeID // services by what they are called where they do not answer
	met        map[graph.NodeID]bool        // callees whose names were asked for
	since      time.Time
	read       time.Time     // end of what was read
	readFrom   time.Time     // begin of what was read with the names that are known; zero: they are others now
	slice      time.Duration // to be read at once
	ticks      int
	remembered time.Time // when the judge's memories were stored last
	report     atomic.Pointer[Report]
	reached    time.Time // the horizon of the last look
	heard      bool      // ingest has reported
	waits      bool      // for ingest
	buffers    buffers
	buckets    freshness // of calls and requests
	minutes    freshness // of outcomes

	seconds prometheus.Histogram
	behind  prometheus.Gauge
	failed  prometheus.Counter
}

// New returns an Engine that reads from s and keeps findings there. It does nothing until Run.
func New(cfg Config, tenant string, s Store, log *slog.Logger, reg prometheus.Registerer) *Engine {
	f := promauto.With(reg)
	e := &Engine{
		cfg: cfg, tenant: tenant, store: s, log: log.With("component", "analysis"), now: time.Now, nodes: map[graph.NodeID]graph.Node{}, met: map[graph.NodeID]bool{},
		slice: time.Minute, tracker: cascade.New(cfg.Cascade), auditor: audit.New(cfg.Audit),
		warnings: &warnings{watch: change.NewWatch(cfg.Warnings)}, releases: releases{}, shelf: shelf{book: finding.NewBook(cfg.Finding)},
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "faultline_analysis_tick_seconds", Help: "Time of one look at the latest evidence.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		failed: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_analysis_errors_total", Help: "Looks that could not be finished; the next one makes up for it.",
		}),
	}
	e.behind = f.NewGauge(prometheus.GaugeOpts{
		Name: "faultline_analysis_behind_seconds", Help: "How long ago the time is as of which the system was last judged: ingest was no further.",
	})
	e.judge = e.newJudge()
	e.report.Store(&Report{})
	return e
}

// Expect makes the engine hold the system against what people wrote down. It is called before Run.
func (e *Engine) Expect(x Expectations) { e.expect = x }

// newJudge returns a judge that knows nothing yet.
func (e *Engine) newJudge() *dependency.Judge {
	return dependency.New(e.cfg.Dependency, dependency.Knowledge{
		NodeType: func(id graph.NodeID) graph.NodeType { return e.nodes[id].Type },
		Declared: e.declaration,
	})
}

// Report returns what was found last; its At is zero before the first look.
func (e *Engine) Report() *Report { return e.report.Load() }

// Run looks again and again until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	tick := time.NewTicker(e.cfg.Every)
	defer tick.Stop()
	for {
		start := time.Now()
		if err := e.look(ctx); err != nil && ctx.Err() == nil {
			e.failed.Inc()
			e.log.Warn("evidence not read; the last report stands", "err", err)
		}
		e.seconds.Observe(time.Since(start).Seconds())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

const (
	again     = 3 * time.Minute  // what is read again at every look, for late spans, if it is not known what has changed
	moreAgain = 16 * time.Minute // what is read again at every tenth look then, and else if it has changed: as late as a span may be
	slice     = 10 * time.Minute // read at once at most
	sliceRows = 50_000           // and no more rows than these, if a minute has less: they take half a kilobyte each, and more
)

// look reads what is new and judges.
func (e *Engine) look(ctx context.Context) error {
	now, err := e.horizon(ctx, e.now().UTC())
	if err != nil {
		return err
	}
	if err := e.loadIncidents(ctx); err != nil {
		return err
	}
	if e.ticks == 0 && e.read.IsZero() {
		if err := e.recall(ctx, now); err != nil {
			return err
		}
	}
	to := now.Truncate(time.Minute).Add(time.Minute)
	from := e.read.Add(-moreAgain)
	if e.ticks%10 == 0 {
		if err := e.nameNodes(ctx, now); err != nil {
			return err
		}
	}
	if e.read.IsZero() {
		from = to.Add(-max(e.cfg.History, again))
		e.since = from.Truncate(time.Minute)
	}
	seeing, learned := e.see(now)
	read, asked := e.read, e.now()
	ago, err := e.store.ChangedBuckets(ctx, e.tenant, graph.Window{From: from, To: to}, graph.OutcomeStep)
	if err != nil {
		return fmt.Errorf("read which minutes have changed: %w", err)
	}
	if ago == nil && !read.IsZero() && e.ticks%10 != 0 {
		from = read.Add(-again)
	}
	from = from.Truncate(time.Minute)
	if from.Before(e.since) {
		from = e.since
	}
	knownFrom := e.readFrom
	if knownFrom.IsZero() {
		e.readFrom, knownFrom = from, to // all is read
	}
	for from.Before(to) {
		if known := !from.Before(knownFrom) && from.Before(read); known && e.sameMinute(ago, asked, from, learned) {
			from = from.Add(graph.OutcomeStep)
			e.read = from
			continue
		}
		end := from.Add(e.slice)
		if end.After(to) {
			end = to
		}
		rows, err := e.outcomes(ctx, graph.Window{From: from, To: end})
		if err != nil {
			return err
		}
		if err := e.meet(ctx, now, rows); err != nil {
			return err
		}
		if err := e.add(rows); err != nil {
			return err
		}
		seeing(rows)
		fitting := sliceRows * int64(end.Sub(from)/time.Minute) / int64(len(rows)+1) // minutes
		e.slice = min(time.Duration(max(fitting, 1))*time.Minute, slice)
		from, e.read = end, end
	}
	e.minutes.asked = asked
	if err := e.watch(ctx, now); err != nil {
		return err
	}
	e.buffers.release() // what is said next takes as much memory, while what was said before still stands
	r := &Report{
		At: now, Sites: e.sites(to),
		Incidents: e.tracker.Incidents(), Alarms: e.warnings.watch.Alarms(),
	}
	r.Edges = dependency.Edges(r.Sites)
	r.Since = evidenceSince(r.Sites, e.since)
	if err := e.nameNew(ctx, now, r.Sites); err != nil {
		return err
	}
	r.Nodes, r.Aliases = e.nodes, e.aliases
	if err := e.inspect(ctx, now, r); err != nil {
		return err
	}
	if err := e.assess(ctx, now, r); err != nil {
		return err
	}
	if err := e.predict(ctx, r); err != nil {
		return err
	}
	e.ticks++
	err = e.keep(ctx, r, e.claims(r))
	e.report.Store(r)
	return errors.Join(err, e.remember(ctx, now))
}

// sameMinute reports whether a minute that was read before is still the same, and the tracker has what it needs of it.
func (e *Engine) sameMinute(ago map[int64]time.Duration, asked, minute, learned time.Time) bool {
	_, stored := ago[minute.Unix()]
	needed := stored && minute.Add(graph.OutcomeStep).After(learned)
	return e.minutes.same(ago, asked, minute) && (!needed || e.tracker.HoldsMinute(minute))
}

// add gives the judge the rows minute by minute.
func (e *Engine) add(rows []graph.OutcomeRow) error {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Bucket.Equal(rows[0].Bucket) {
			n++
		}
		if err := e.judge.Add(rows[0].Bucket, e.resolve(rows[:n])); err != nil && !errors.Is(err, dependency.ErrFinal) {
			return fmt.Errorf("judge the minute %s: %w", rows[0].Bucket.Format(time.RFC3339), err)
		}
		e.releases.add(rows[:n])
		rows = rows[n:]
	}
	return nil
}

// nameNodes learns which nodes there are, and who stands behind those that are mere addresses.
func (e *Engine) nameNodes(ctx context.Context, now time.Time) error {
	g, err := e.store.Graph(ctx, e.tenant, graph.Window{From: now.Add(-max(e.cfg.History, time.Hour)), To: now})
	if err != nil {
		return fmt.Errorf("read the nodes: %w", err)
	}
	nodes := make(map[graph.NodeID]graph.Node, len(g.Nodes)) // a new one: reports share the old one
	for i := range g.Nodes {
		nodes[g.Nodes[i].ID()] = g.Nodes[i].Node
	}
	e.nodes, e.declared = nodes, declared{}
	return e.nameAliases(ctx, now)
}

// nameNew learns which nodes there are if call sites have some that were not there before.
func (e *Engine) nameNew(ctx context.Context, now time.Time, sites []dependency.Judgement) error {
	missing := map[graph.NodeID]bool{}
	for i := range sites {
		for _, id := range [...]graph.NodeID{sites[i].Caller, sites[i].Callee} {
			if _, known := e.nodes[id]; !known {
				missing[id] = true
			}
		}
	}
	before := e.unnamed
	e.unnamed = len(missing)
	if e.unnamed <= before {
		return nil
	}
	return e.nameNodes(ctx, now)
}

package ingest

import (
	"errors"
	"fmt"
	"time"

	"faultline/graph/match"
	"faultline/graph/rollup"
	"faultline/ingest/journal"
)

// How many processes take in the spans of one system.
const (
	Auto    = "auto"
	One     = "one"
	Several = "several"
)

// Config says how spans become rows and how much may wait meanwhile.
type Config struct {
	Journal      journal.Config `yaml:"journal"`
	Replicas     string         `yaml:"replicas"`      // one, if all spans come to this process; several, if other processes take spans of the same services; auto is one for the all-in-one and several for the ingest tier
	FlushEvery   time.Duration  `yaml:"flush_every"`   // how often rows are written
	MaxQueued    int            `yaml:"max_queued"`    // spans in memory that are not matched yet; more are read from the journal when it is their turn
	MaxRows      int            `yaml:"max_rows"`      // rows not yet stored; over it spans wait in the journal
	CatchUp      float64        `yaml:"catch_up"`      // how many times faster than it came in what waits in the journal is worked off
	WriteTimeout time.Duration  `yaml:"write_timeout"` // for the first attempt to store a block; after one that took longer the next may take twice as long
	DrainTimeout time.Duration  `yaml:"drain_timeout"` // for storing the last block when stopping
	ServiceGraph int            `yaml:"service_graph"` // edges that traces_service_graph_* metrics tell apart; calls on more are those of one edge between two nodes named __other__
	Match        match.Config   `yaml:"match"`
	Rollup       rollup.Config  `yaml:"rollup"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Journal: journal.DefaultConfig(), Replicas: Auto, FlushEvery: 2 * time.Second, MaxQueued: 100_000, MaxRows: 1_000_000, CatchUp: 2,
		WriteTimeout: 30 * time.Second, DrainTimeout: 10 * time.Second, ServiceGraph: 10_000,
		Match: match.DefaultConfig(), Rollup: rollup.DefaultConfig(),
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	positive := func(name string, ok bool) {
		if !ok {
			errs = append(errs, errors.New("ingest."+name+" must be positive"))
		}
	}
	if c.Replicas != Auto && c.Replicas != One && c.Replicas != Several {
		errs = append(errs, fmt.Errorf("ingest.replicas is %q and must be one, several or auto", c.Replicas))
	}
	positive("flush_every", c.FlushEvery > 0)
	positive("max_queued", c.MaxQueued > 0)
	positive("max_rows", c.MaxRows > 0)
	positive("catch_up", c.CatchUp > 0)
	positive("write_timeout", c.WriteTimeout > 0)
	positive("drain_timeout", c.DrainTimeout > 0)
	positive("service_graph", c.ServiceGraph > 0)
	positive("match.max_spans", c.Match.MaxSpans > 0)
	if c.Match.MaxSpilled < 0 {
		errs = append(errs, errors.New("ingest.match.max_spilled must not be negative"))
	}
	positive("match.settle", c.Match.Settle > 0)
	positive("match.limits.nodes", c.Match.Limits.Nodes > 0)
	positive("match.limits.operations", c.Match.Limits.Operations > 0)
	positive("rollup.edges", c.Rollup.Edges > 0)
	if c.Match.Wait < c.Match.Settle {
		errs = append(errs, errors.New("ingest.match.wait must be at least ingest.match.settle"))
	}
	if c.Match.Keep < c.Match.Wait {
		errs = append(errs, errors.New("ingest.match.keep must be at least ingest.match.wait"))
	}
	return errors.Join(append(errs, c.Journal.Validate(), c.Match.Evidence.Validate())...)
}

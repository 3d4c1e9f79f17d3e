package ingest

import (
	"time"

	"faultline/graph"
	"faultline/graph/match"
	"faultline/graph/rollup"
	"faultline/ingest/journal"
	"faultline/ingest/otlp"
)

// machine turns records of the journal into rows. What it has found after a record is a pure function of
// the records up to it: its clock is their times, and it asks nobody else. So a process that was killed
// comes to the same rows again by reading the same records.
type machine struct {
	names   *match.Names
	folder  *rollup.Folder
	matcher *match.Matcher
	graph   *serviceGraph
	silent  bool // the rows of the records at hand are stored already

	at   journal.Position // of the last record taken
	time time.Time        // latest time of a record
}

// newMachine returns a machine that is silent. It numbers nodes anew, for g as well.
func newMachine(cfg Config, g *serviceGraph) *machine {
	g.renumber()
	names := match.NewNames(cfg.Match.Limits)
	m := &machine{names: names, folder: rollup.New(cfg.Rollup, names), graph: g, silent: true}
	m.matcher = match.New(cfg.Match, names, m)
	return m
}

// take takes the record at a position in: its time and, if it holds one, its batch.
func (m *machine) take(at journal.Position, now time.Time, b *otlp.Batch) {
	m.at = at
	if now.After(m.time) {
		m.time = now
	}
	m.graph.mu.Lock()
	defer m.graph.mu.Unlock()
	m.matcher.Advance(now)
	if b == nil {
		return
	}
	for i := range b.Spans {
		m.matcher.Add(b.Tenant, &b.Spans[i])
	}
}

// Call implements match.Sink, like the following.
func (m *machine) Call(c *match.Call) {
	if !m.silent {
		m.folder.Call(c)
		m.graph.count(m.names, c)
	}
}

// Request counts a request.
func (m *machine) Request(r *match.Request) {
	if !m.silent {
		m.folder.Request(r)
	}
}

// Half counts a half of a call.
func (m *machine) Half(h *match.Half) {
	if !m.silent {
		m.folder.Half(h)
	}
}

// Outcome counts how a request fared.
func (m *machine) Outcome(o *match.Outcome) {
	if !m.silent {
		m.folder.Outcome(o)
	}
}

// Evidence keeps a span.
func (m *machine) Evidence(s *match.Evidence) {
	if !m.silent {
		m.folder.Evidence(s)
	}
}

// flush cuts the next block, of all that was found since the last.
func (m *machine) flush() graph.Block { return m.folder.Flush() }

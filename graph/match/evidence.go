package match

import (
	"errors"
	"math"

	"faultline/graph"
)

// EvidenceConfig says which traces are kept whole, for people to look at.
type EvidenceConfig struct {
	Keep           string `yaml:"keep"`             // none, evidence or all
	BytesPerMinute int    `yaml:"bytes_per_minute"` // stored for evidence, about 100 B a span; all ignores it
	PerOperation   int    `yaml:"per_operation"`    // traces a minute for each operation and reason: failed, slow, usual
	MaxSpans       int    `yaml:"max_spans"`        // of one trace
}

// DefaultEvidenceConfig returns the defaults.
func DefaultEvidenceConfig() EvidenceConfig {
	return EvidenceConfig{Keep: "evidence", BytesPerMinute: 4 << 20, PerOperation: 3, MaxSpans: 1000}
}

// Validate reports every setting that cannot work.
func (c EvidenceConfig) Validate() error {
	var errs []error
	if c.Keep != "none" && c.Keep != "evidence" && c.Keep != "all" {
		errs = append(errs, errors.New("match.evidence.keep must be none, evidence or all"))
	}
	if c.BytesPerMinute <= 0 || c.PerOperation <= 0 || c.MaxSpans <= 0 {
		errs = append(errs, errors.New("match.evidence.bytes_per_minute, per_operation and max_spans must be positive"))
	}
	return errors.Join(errs...)
}

// Evidence is one span of a trace that is kept.
type Evidence struct {
	Trace          graph.TraceID
	ID, Parent     graph.SpanID
	Start          int64
	Duration       int64
	Node           NodeRef
	Op             NameRef
	Kind           graph.Kind
	Outcome        graph.Outcome
	Protocol       string
	Caller, Callee NodeRef // ends of the call that the span stands for; 0, 0: none
	Why            graph.Why
}

// evidence decides which traces to keep. Its clock is the matcher's.
type evidence struct {
	cfg     EvidenceConfig
	minute  int64
	left    int // bytes of this minute
	taken   map[evidenceKey]int
	usual   map[requestKind]*quantile
	traces  int64
	skipped int64
	stack   []seq
}

type requestKind struct {
	node NodeRef
	op   NameRef
}

type evidenceKey struct {
	requestKind
	why graph.Why
}

func newEvidence(cfg EvidenceConfig) evidence {
	return evidence{cfg: cfg, taken: map[evidenceKey]int{}, usual: map[requestKind]*quantile{}}
}

// quantile follows the 99th percentile of a stream of durations by stochastic approximation (Robbins and
// Monro) on their logarithms.
type quantile struct {
	value float64
	seen  int
}

const (
	tail     = 0.99
	tailStep = 0.1
	tailFrom = 100 // durations before the estimate is worth something
)

// over takes a duration in and reports whether it is over the percentile.
func (p *quantile) over(d int64) bool {
	x := math.Log(float64(max(d, 1)))
	if p.seen++; p.seen == 1 {
		p.value = x
		return false
	}
	if x > p.value {
		p.value += tailStep * tail
		return p.seen > tailFrom
	}
	p.value -= tailStep * (1 - tail)
	return false
}

// consider keeps the trace of the request that enters at s if it is worth it.
func (m *Matcher) consider(q seq, s *slot) {
	e := &m.evidence
	if e.cfg.Keep == "none" {
		return
	}
	_, _, rel := m.callerOf(s)
	first := rel != present
	why := graph.WhyAll
	if e.cfg.Keep == "evidence" {
		kind := requestKind{s.node, s.op}
		slow := false
		if first {
			p := e.usual[kind]
			if p == nil {
				p = &quantile{}
				e.usual[kind] = p
			}
			slow = p.over(s.duration)
		}
		switch {
		case s.has(troubled):
			why = graph.WhyError
		case !first:
			return
		case slow:
			why = graph.WhySlow
		default:
			why = graph.WhyBaseline
		}
		if now := m.now / 60_000; now != e.minute || len(e.taken) == 0 {
			e.minute, e.left = now, e.cfg.BytesPerMinute
			clear(e.taken)
		}
		key := evidenceKey{kind, why}
		if e.taken[key] >= e.cfg.PerOperation {
			return
		}
		e.taken[key]++
		if e.left <= 0 {
			e.skipped++
			return
		}
	}
	m.keep(q, why)
}

// keep says all spans of the trace around q that are known, once.
func (m *Matcher) keep(q seq, why graph.Why) {
	top := q
	for range m.evidence.cfg.MaxSpans {
		at, _, rel := m.callerOf(m.table.at(top))
		if rel != present {
			break
		}
		top = at
	}
	if t := m.table.at(top); t.has(kept) {
		return
	} else {
		t.state |= kept
	}
	e := &m.evidence
	e.traces++
	e.stack = append(e.stack[:0], top)
	for n := 0; len(e.stack) > 0 && n < e.cfg.MaxSpans; n++ {
		at := e.stack[len(e.stack)-1]
		e.stack = e.stack[:len(e.stack)-1]
		s := m.table.at(at)
		m.exhibit(s, why)
		m.eachCallee(s, func(q seq, c *slot) {
			if c.has(filled) && len(e.stack) < e.cfg.MaxSpans {
				e.stack = append(e.stack, q)
			}
		})
	}
}

// exhibit says the span s.
func (m *Matcher) exhibit(s *slot, why graph.Why) {
	x := Evidence{
		Trace: s.trace, ID: s.id, Start: s.start, Duration: s.duration, Node: s.node, Op: s.op,
		Kind: s.kind, Outcome: s.outcome, Protocol: m.protocol.names[s.protocol], Why: why,
	}
	if s.has(hasParent) && m.table.live(s.parent) {
		x.Parent = m.table.at(s.parent).id
	}
	_, p, rel := m.callerOf(s)
	switch {
	case s.inferred != 0:
		x.Caller, x.Callee = s.node, s.inferred
	case rel == present && (s.form == formCall || s.form == formTimed || s.form == formMessage):
		x.Caller, x.Callee = p.node, s.node
	}
	m.sink.Evidence(&x)
	m.evidence.left -= 100 + len(m.names.Name(s.op))
}

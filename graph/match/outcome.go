package match

import (
	"math"
	"time"

	"faultline/graph"
)

// Outcome is how one request fared with one callee, or, without a callee, as a whole. N < 0 takes back what
// was said before in the same words. The sink must not keep what the pointers and slices lead to.
type Outcome struct {
	N       int64
	Node    NodeRef // whose request it was
	Op      NameRef
	Version NameRef
	Callee  NodeRef // 0: the request as a whole
	Start   int64   // of the request, Unix ns
	Trace   graph.TraceID

	graph.OutcomeStats // without its histograms, which the following go into

	FailedTimes, Gaps, Patience []time.Duration
	GapRatios, Tries            []int64
}

const (
	asyncSlack = time.Millisecond // by which a call must outlive its request to be none that it waited for
	timeCap    = 60 * time.Second // durations over it count as this in sums
)

// report is what is being found out about one request.
type report struct {
	failed   bool
	tooLarge bool
	oldest   seq
	stack    []seq
	units    []unit
	calls    []logical
	spans    []interval
	outcome  Outcome
	ends     graph.Outcome // of any unit
}

const fatal = graph.Failed | graph.TimedOut

// reopenAround takes back the reports that the arrival of s, for which slot q was made before if it is not
// 0, may change: that of the request that its parent works for, and those of the requests that begin with
// its children, whose callers it is.
func (m *Matcher) reopenAround(q, parent seq, s *graph.Span) {
	if q != 0 {
		t := m.table.at(q)
		if t.has(filled) {
			if t.twin != 0 || !twins(t.kind, s.Kind) {
				return // a repeat changes nothing
			}
			m.reopen(q)
			m.reopen(t.parent)
		}
		for c := t.child; m.table.live(c); c = m.table.at(c).next {
			m.reopen(c)
		}
	}
	if parent == 0 {
		return
	}
	m.reopen(parent)
	if t := m.table.at(parent).twin; t != 0 {
		m.reopen(t)
	}
}

// reopen takes back what was reported of the request that the span at q works for. What rests on spans
// that have left stays as it is.
func (m *Matcher) reopen(q seq) {
	for range maxClimb {
		if !m.table.live(q) {
			return
		}
		s := m.table.at(q)
		if !s.has(filled) {
			return
		}
		if s.has(entry) {
			if s.since != 0 && m.table.live(s.since) {
				m.tell(-1, q, s)
				s.since = 0
				m.settling.push(q, m.now)
			}
			return
		}
		at, p, rel := m.callerOf(s)
		if rel != present || p.node != s.node {
			return
		}
		q = at
	}
}

// reportOn says how the request that enters at s fared, unless that was said.
func (m *Matcher) reportOn(q seq, s *slot) {
	if s.since == 0 && s.outcome&graph.Synthetic == 0 {
		s.since = m.tell(1, q, s)
	}
}

// tell says n times how the request that enters at s fared, and returns the oldest slot that this rests on.
func (m *Matcher) tell(n int64, q seq, s *slot) seq {
	r := &m.report
	r.units, r.calls, r.stack = r.units[:0], r.calls[:0], r.stack[:0]
	r.oldest, r.tooLarge = q, false
	r.failed = s.outcome&fatal != 0
	if at, p, rel := m.callerOf(s); rel == present && p.isCaller() {
		m.restsOn(at)
		r.failed = r.failed || p.outcome&fatal != 0
	}
	m.gather(q, s)
	if r.tooLarge {
		r.units = r.units[:0]
	}
	m.nameSilent()
	r.merge(s)
	m.speak(n, s)
	return r.oldest
}

func (m *Matcher) restsOn(q seq) {
	if q-m.table.oldest < m.report.oldest-m.table.oldest {
		m.report.oldest = q
	}
}

// speak says what was found about the request that enters at s.
func (m *Matcher) speak(n int64, s *slot) {
	r := &m.report
	o := &r.outcome
	end := s.start + s.duration
	duration := micros(s.duration)

	failing, lastFailure, lastCallee := 0, int64(math.MinInt64), NodeRef(0)
	for i := range r.calls {
		if l := &r.calls[i]; l.failed() {
			lastFailure = max(lastFailure, l.end)
			if l.callee != lastCallee {
				lastCallee = l.callee
				failing++
			}
		}
	}
	own := m.path(s.start, end)
	s.set(troubled, r.failed || failing > 0)

	r.begin(n, s, 0)
	o.PathTime = micros(own)
	if failing == 0 {
		o.Clean = 1
		o.CleanFailed = o.Failed
	}
	o.Duration = duration
	o.DurDur = duration * duration / 1024
	m.sink.Outcome(o)

	for calls := r.calls; len(calls) > 0; {
		size := 1
		for size < len(calls) && calls[size].callee == calls[0].callee {
			size++
		}
		group := calls[:size]
		calls = calls[size:]
		r.begin(n, s, group[0].callee)
		counted, failed, blamed, explained, async := 0, 0, false, true, false
		for i := range group {
			l := &group[i]
			o.Calls++
			o.Attempts += int64(l.attempts)
			o.FailedAttempts += int64(l.failures)
			r.note(l)
			async = async || l.end > end+int64(asyncSlack)
			if l.cancelled {
				o.Cancelled++
				continue
			}
			counted++
			if l.failed() {
				failed++
				if r.failed && l.end == lastFailure {
					blamed, explained = true, l.answered
				}
			}
		}
		o.classify(r.failed, counted, failed, failing)
		if failed == counted && failed > 0 && r.goesOn(group) {
			o.ContestedPassed = o.ContestedFatal + o.ContestedSurvived
			o.FatalPassed = o.TotalFatal
		}
		m.habits(group, end)
		if blamed {
			o.Blamed = 1
			if !explained {
				o.Unexplained = 1
			}
		}
		if async {
			o.Async = 1
		}
		x := r.timeIn(group, s.start, end)
		o.Time, o.Duration = x, duration
		o.TimeTime, o.TimeDur, o.DurDur = x*x/1024, x*duration/1024, duration*duration/1024
		for _, iv := range r.spans {
			if iv.callee == o.Callee {
				o.OnPath = 1
				o.PathTime += micros(iv.end - iv.start)
			}
		}
		m.sink.Outcome(o)
	}
}

// begin starts an outcome.
func (r *report) begin(n int64, s *slot, callee NodeRef) {
	r.outcome = Outcome{
		N: n, Node: s.node, Op: s.op, Version: s.version, Callee: callee, Start: s.start, Trace: s.trace,
		FailedTimes: r.outcome.FailedTimes[:0], Gaps: r.outcome.Gaps[:0],
		GapRatios: r.outcome.GapRatios[:0], Tries: r.outcome.Tries[:0], Patience: r.outcome.Patience[:0],
	}
	r.outcome.Requests = 1
	if r.failed {
		r.outcome.Failed = 1
	}
}

// note takes down how a logical call was repeated.
func (r *report) note(l *logical) {
	o := &r.outcome
	switch {
	case l.hedged:
		o.Hedged++
	case l.failures > 0 && failures(l.outcome) == 0 && !l.cancelled:
		o.Rescued++
	}
	if l.failed() {
		o.Tries = append(o.Tries, int64(l.attempts))
		if l.outcome&graph.TimedOut != 0 {
			o.TimedOut++
		}
		o.FailedTimes = append(o.FailedTimes, time.Duration(l.end-l.last))
	}
	if l.gap1 >= 0 {
		o.FailedTimes = append(o.FailedTimes, time.Duration(l.first-l.start))
		o.Gaps = append(o.Gaps, l.gap1)
		if l.gap2 >= 0 && l.gap1 > 0 {
			o.GapRatios = append(o.GapRatios, int64(l.gap2)*1000/int64(l.gap1))
		}
	}
}

// classify counts the failure of a group, of whose calls counted are evidence and failed of these failed;
// failing groups of the request failed in all.
func (o *Outcome) classify(requestFailed bool, counted, failed, failing int) {
	if failed == 0 {
		return
	}
	fatal, survived := &o.TotalFatal, &o.TotalSurvived
	switch {
	case failing > 1:
		fatal, survived = &o.ContestedFatal, &o.ContestedSurvived
	case failed < counted:
		fatal, survived = &o.PartialFatal, &o.PartialSurvived
	}
	if requestFailed {
		*fatal = 1
		o.FatalTrace = o.Trace
	} else {
		*survived = 1
		o.SurvivedTrace = o.Trace
	}
}

func micros(ns int64) int64 { return min(max(ns, 0), int64(timeCap)) / int64(time.Microsecond) }

package match

import (
	"bytes"
	"cmp"
	"math"
	"slices"
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
	maxWork  = 4096 // spans of one service that are looked at for one request; the calls of a larger one are not told apart
	maxClimb = 64   // spans of one service above one another (R3)

	hedgeSlack = 5 * time.Millisecond // between the answer to one attempt and the end of those made beside it (R12)
	asyncSlack = time.Millisecond     // by which a call must outlive its request to be none that it waited for
	timeCap    = 60 * time.Second     // durations over it count as this in sums
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

// unit is an outermost outgoing span of a request, or a span of another service directly under its own.
type unit struct {
	callee     NodeRef
	op         NameRef
	parent     seq
	start, end int64
	outcome    graph.Outcome
	id         graph.SpanID
	answered   bool    // its failure is also the callee's own word
	peer       NodeRef // if no service answered: the address called, which callee is then; else what the caller calls it
	silent     bool    // no service answered

	attempts, failures int // of the spans nested in it that each tried once

	gaveUp bool  // a deadline of the caller ended it
	write  bool  // it sends a message
	served int64 // how long the callee took; -1: not known
}

// logical is one call as the caller meant it: its attempts merged (R10, R12).
type logical struct {
	unit
	first     int64 // end of the first attempt
	last      int64 // start of the last one
	gap1      time.Duration
	gap2      time.Duration
	cancelled bool
	hedged    bool
}

type interval struct {
	start, end int64
	callee     NodeRef
	id         graph.NodeID // the callee's: refs differ from process to process
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

// eachCallee calls f for every span that s called or started.
func (m *Matcher) eachCallee(s *slot, f func(q seq, c *slot)) {
	first := s
	if s.has(secondTwin) && m.table.live(s.twin) {
		first = m.table.at(s.twin)
	}
	for q := first.child; m.table.live(q); {
		c := m.table.at(q)
		if s.twin == 0 && c.twin == 0 {
			f(q, c)
		} else if _, p, _ := m.callerOf(c); p == s {
			f(q, c)
		}
		q = c.next
	}
	if m.table.live(s.twin) && s.kind.IsOutgoing() {
		if t := m.table.at(s.twin); t.kind.IsIncoming() {
			f(s.twin, t)
		}
	}
}

// gather finds the calls that the request entering at s made.
func (m *Matcher) gather(q seq, s *slot) {
	r := &m.report
	r.stack = append(r.stack, q)
	for looked := 0; len(r.stack) > 0; {
		at := r.stack[len(r.stack)-1]
		r.stack = r.stack[:len(r.stack)-1]
		m.eachCallee(m.table.at(at), func(q seq, c *slot) {
			if looked++; looked > maxWork {
				r.tooLarge = true
			}
			if r.tooLarge || !c.has(filled) {
				return
			}
			m.restsOn(q)
			switch {
			case c.node != s.node:
				if !c.isConsumer() {
					r.units = append(r.units, unit{
						callee: c.node, op: c.op, parent: at, start: c.start, end: c.start + c.duration, outcome: c.outcome,
						id: c.id, answered: c.outcome&fatal != 0, attempts: 1, failures: failures(c.outcome), served: -1,
					})
				}
			case c.has(entry):
			case c.isCaller():
				looked += m.gatherCall(at, c)
			default:
				r.stack = append(r.stack, q)
			}
		})
	}
}

// gatherCall notes the call that the outermost outgoing span s makes under parent, and returns how many
// spans it looked at.
func (m *Matcher) gatherCall(parent seq, s *slot) (looked int) {
	u := unit{
		op: s.op, parent: parent, start: s.start, end: s.start + s.duration, outcome: s.outcome, id: s.id,
		gaveUp: s.outcome&graph.TimedOut != 0, write: s.kind == graph.KindProducer, served: -1,
	}
	var answers graph.Outcome
	var inner func(s *slot, depth int)
	inner = func(s *slot, depth int) {
		leaf, answer := true, graph.Outcome(0)
		m.eachCallee(s, func(q seq, c *slot) {
			if looked++; looked > maxWork || !c.has(filled) {
				return
			}
			m.restsOn(q)
			switch {
			case c.has(nested) && c.isCaller() && depth < maxClimb:
				leaf = false
				inner(c, depth+1)
			case !c.isConsumer():
				if u.callee == 0 || m.names.ID(c.node) < m.names.ID(u.callee) {
					u.callee = c.node
				}
				answer |= c.outcome
				u.served = max(u.served, c.duration)
			}
		})
		if leaf {
			u.attempts++
			u.failures += failures(s.outcome)
			answers |= answer
		}
	}
	inner(s, 0)
	peer := m.peerOf(s)
	u.peer = peer
	if u.callee == 0 || m.isQueue(peer) {
		u.callee = peer
		u.silent = peer != 0 && m.names.nodes[peer].Type == graph.TypeExternal
	}
	if u.attempts == 1 {
		u.answered = answers&fatal != 0
		u.outcome |= answers & (fatal | graph.Throttled)
		u.failures = failures(u.outcome)
	}
	if u.callee != 0 && u.callee != s.node {
		m.report.units = append(m.report.units, u)
	}
	return looked
}

// nameSilent makes the callee of a call that nobody answered the service that answered a call of the same name
// to the same address in the same request: an instance that is going away refuses some of a request's calls,
// whose failures are then in part, or absorbed by retries, and not those of another callee.
func (m *Matcher) nameSilent() {
	units := m.report.units
	for i := range units {
		u := &units[i]
		if !u.silent {
			continue
		}
		for j := range units {
			v := &units[j]
			if v.peer == u.peer && v.op == u.op && !v.silent && (u.callee == u.peer || m.names.ID(v.callee) < m.names.ID(u.callee)) {
				u.callee = v.callee
			}
		}
	}
}

// failures is 1 for an attempt that a caller may want to repeat.
func failures(o graph.Outcome) int {
	if o&(fatal|graph.Throttled) != 0 {
		return 1
	}
	return 0
}

// merge makes logical calls of the units: those of one callee and name under one parent, of which each
// began after the end of a failed one, or says that it repeats another.
func (r *report) merge(s *slot) {
	slices.SortFunc(r.units, func(a, b unit) int {
		return cmp.Or(cmp.Compare(a.callee, b.callee), cmp.Compare(a.op, b.op), cmp.Compare(a.parent, b.parent),
			cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), bytes.Compare(a.id[:], b.id[:]))
	})
	end := s.start + s.duration
	r.ends = 0
	for i := range r.units {
		u := &r.units[i]
		r.ends |= u.outcome
		cut := r.cut(u, end)
		if n := len(r.calls); n > 0 {
			l := &r.calls[n-1]
			if l.callee == u.callee && l.op == u.op && l.parent == u.parent {
				if l.hedge(u, cut) {
					continue
				}
				if (failures(l.outcome) == 1 || u.outcome&graph.Resent != 0) && u.start >= l.end {
					l.retry(*u, cut)
					continue
				}
			}
		}
		r.calls = append(r.calls, logical{unit: *u, first: u.end, last: u.start, gap1: -1, gap2: -1, cancelled: cut})
	}
}

// cut reports whether the caller gave u up, or its own end cut it off.
func (r *report) cut(u *unit, end int64) bool {
	return u.outcome&graph.Cancelled != 0 && u.outcome&graph.Failed == 0 || r.failed && u.end > end
}

// retry adds the attempt u, after which l ended as u did.
func (l *logical) retry(u unit, cut bool) {
	switch gap := time.Duration(u.start - l.end); l.attempts {
	case 1:
		l.gap1 = gap
	case 2:
		l.gap2 = gap
	}
	l.last, l.end, l.outcome, l.answered, l.cancelled = u.start, u.end, u.outcome, u.answered, cut
	l.attempts += u.attempts
	l.failures += u.failures
}

// hedge adds u if the two are attempts made side by side, of which one was cancelled when the other had
// succeeded.
func (l *logical) hedge(u *unit, cut bool) bool {
	if cut == l.cancelled || u.start >= l.end {
		return false
	}
	won, lost := l.unit, *u
	if l.cancelled {
		won, lost = *u, l.unit
	}
	if failures(won.outcome) == 1 || lost.end < won.end || lost.end > won.end+int64(hedgeSlack) {
		return false
	}
	l.attempts += u.attempts
	l.failures += u.failures
	l.end, l.outcome, l.answered, l.cancelled, l.hedged = won.end, won.outcome, false, false, true
	return true
}

func (l *logical) failed() bool { return !l.cancelled && l.outcome&fatal != 0 }

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

// goesOn reports whether the request called another callee after the calls of the group had ended.
func (r *report) goesOn(group []logical) bool {
	end := group[0].end
	for i := range group {
		end = max(end, group[i].end)
	}
	for i := range r.calls {
		if l := &r.calls[i]; l.callee != group[0].callee && l.start >= end {
			return true
		}
	}
	return false
}

// path finds the calls on the critical path of a request, walking backwards from its end: the last call that
// ended before the cursor is on it. It leaves them in r.spans and returns the time outside of them.
func (m *Matcher) path(start, end int64) (own int64) {
	r := &m.report
	r.spans = r.spans[:0]
	for _, l := range r.calls {
		if l.end <= end+int64(asyncSlack) && l.end > start {
			r.spans = append(r.spans, interval{max(l.start, start), min(l.end, end), l.callee, m.names.ID(l.callee)})
		}
	}
	slices.SortFunc(r.spans, func(a, b interval) int {
		return cmp.Or(cmp.Compare(b.end, a.end), cmp.Compare(b.start, a.start), cmp.Compare(a.id, b.id))
	})
	on, cursor := r.spans[:0], end
	for _, iv := range r.spans {
		if iv.end <= cursor && iv.end > iv.start {
			own += cursor - iv.end
			cursor = iv.start
			on = append(on, iv)
		}
	}
	r.spans = on
	return own + max(cursor-start, 0)
}

// timeIn is the time in µs, between start and end and at most timeCap, in which a call of the group was
// under way.
func (r *report) timeIn(group []logical, start, end int64) int64 {
	slices.SortFunc(group, func(a, b logical) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	var sum int64
	for _, l := range group {
		from, to := max(l.start, start), min(l.end, end)
		if to > from {
			sum += to - from
			start = to
		}
	}
	return micros(sum)
}

func micros(ns int64) int64 { return min(max(ns, 0), int64(timeCap)) / int64(time.Microsecond) }

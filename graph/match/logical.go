package match

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"faultline/graph"
)

const hedgeSlack = 5 * time.Millisecond // between the answer to one attempt and the end of those made beside it (R12)

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

// failures is 1 for an attempt that a caller may want to repeat.
func failures(o graph.Outcome) int {
	if o&(fatal|graph.Throttled) != 0 {
		return 1
	}
	return 0
}

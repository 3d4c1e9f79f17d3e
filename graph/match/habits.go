package match

import (
	"strings"
	"time"

	"faultline/graph"
)

const (
	// overrun is by how much a callee must outlast a caller that gave up, for its work to be called wasted.
	// Durations are compared and not ends, since clocks differ.
	overrun = 100 * time.Millisecond

	// burst is how many calls of one name a request must make to one callee to be called chatty.
	burst = 20
)

// habits counts how the caller went about the failures in a group, whose request ended at end. Nearly all
// requests have none, and of those nothing is looked at again.
func (m *Matcher) habits(group []logical, end int64) {
	r := &m.report
	if len(group) >= burst && hasBurst(group) {
		r.outcome.Bursts = 1
	}
	if r.ends&(fatal|graph.Throttled|graph.Permanent) == 0 {
		return
	}
	o := &r.outcome
	for i := range r.units {
		u := &r.units[i]
		if u.callee != o.Callee || r.cut(u, end) {
			continue
		}
		again := i+1 < len(r.units) && r.units[i+1].repeats(u)
		if again && failures(u.outcome) == 1 {
			o.RetryTrace = o.Trace
		}
		if u.gaveUp {
			o.Patience = append(o.Patience, time.Duration(u.end-u.start))
			o.PatienceTrace = o.Trace
			if u.served >= 0 {
				o.Abandoned++
				if u.served > u.end-u.start+int64(overrun) {
					o.Overrun++
				}
			}
			if again && (u.write || writes(m.names.Name(u.op))) {
				o.UnsafeRetries++
			}
		}
		if u.outcome&graph.Permanent != 0 {
			o.Refused++
			if again {
				o.RefusedRepeated++
				o.RetryTrace = o.Trace
			}
		}
	}
}

// repeats reports whether u makes the same call as before, which had ended. That alone makes it no retry: a
// request may have many things to ask.
func (u *unit) repeats(before *unit) bool {
	return u.callee == before.callee && u.op == before.op && u.parent == before.parent && u.start >= before.end
}

// hasBurst reports whether a group, in which calls of one name follow each other, has many of one.
func hasBurst(group []logical) bool {
	for first, i := 0, 1; i <= len(group); i++ {
		if i == len(group) || group[i].op != group[first].op {
			if i-first >= burst {
				return true
			}
			first = i
		}
	}
	return false
}

// writes reports whether an operation of that name changes something each time it is done. Others may too, but
// nothing says so.
func writes(operation string) bool {
	word, _, _ := strings.Cut(strings.TrimPrefix(operation, "HTTP "), " ")
	switch strings.ToUpper(word) {
	case "POST", "PATCH", "INSERT", "SEND", "PUBLISH":
		return true
	}
	return false
}

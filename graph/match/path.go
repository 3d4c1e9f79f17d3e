package match

import (
	"cmp"
	"slices"

	"faultline/graph"
)

// interval is the part of a request's time that one of its calls takes.
type interval struct {
	start, end int64
	callee     NodeRef
	id         graph.NodeID // the callee's: refs differ from process to process
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

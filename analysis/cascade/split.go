package cascade

import (
	"time"

	"faultline/graph"
)

// after makes a member that was well in the meantime one that is ill since a time at the earliest: compared with all before it, what was
// wrong then would be taken for what is wrong now.
func (s *series) after(m *Member, last time.Time) {
	for n := m.from; n <= latest && !m.Onset.After(last); n++ {
		if b := s.begin[n]; b.After(last) {
			m.from, m.Onset = n, b
		}
	}
}

// split is what is known of some nodes, of their calls and of those to them, before the begin of a stretch and
// since then. What was seen before in times that are left out is on neither side.
func (s *series) split(nodes map[graph.NodeID]bool, from int, leaveOut func(graph.Window) bool) (before, since *Sample) {
	before, since = NewSample(), NewSample()
	var sides [stretches]*Sample
	for n := range stretches {
		switch {
		case n != usual && leaveOut(graph.Window{From: s.begin[n], To: s.end(n)}):
			sides[n] = NewSample()
		case n >= from:
			sides[n] = since
		default:
			sides[n] = before
		}
	}
	take := func(k operation) {
		o := s.operations[k]
		if o == nil || before.operations[k] != nil || since.operations[k] != nil {
			return
		}
		for n, side := range sides {
			if o.requests(n) > 0 {
				sum := o.sum(n)
				at(side.operations, k).add(&sum)
			}
		}
	}
	for _, o := range s.operationList {
		if nodes[o.node] {
			take(o.operation)
		}
	}
	for _, c := range s.callList {
		k := c.call
		if !nodes[k.caller.node] && !nodes[k.callee.node] {
			continue
		}
		take(k.caller)
		take(k.callee)
		last := c.lastCounted()
		for n, side := range sides {
			if c.calls(n) > 0 {
				sum := c.sum(n)
				at(side.calls, k).add(&sum)
			}
			if o := s.operations[k.caller]; n > last && o != nil {
				at(side.uncounted, k).add(uncounted{o.requests(n), c.calls(n)})
			}
		}
	}
	for k, g := range s.groups {
		if nodes[k.node] {
			at(before.groups, k).add(g)
		}
	}
	for _, m := range s.fared {
		if leaveOut(graph.Window{From: m.begin, To: m.begin.Add(graph.OutcomeStep)}) {
			continue
		}
		side := since
		if s.begin[from].Sub(m.begin) > graph.OutcomeStep/2 {
			side = before
		}
		for i := range m.groups {
			f := &m.groups[i]
			if !nodes[f.node] {
				continue
			}
			g := at(side.groups, f.group)
			g.groupCounts.add(&f.groupCounts)
			g.fatalTraces.add(f.fatalTrace)
			g.survivedTraces.add(f.survivedTrace)
		}
	}
	return before, since
}

// next is the first stretch from one on in which something was seen, or the latest.
func (s *series) next(stretch int) int {
	for stretch < latest && s.begin[stretch].IsZero() {
		stretch++
	}
	return min(stretch, latest)
}

// end is where the next stretch begins in which something was seen.
func (s *series) end(stretch int) time.Time {
	for _, b := range s.begin[stretch+1:] {
		if !b.IsZero() {
			return b
		}
	}
	return s.begin[stretch].Add(graph.Step)
}

package match

import "faultline/graph"

const (
	maxWork  = 4096 // spans of one service that are looked at for one request; the calls of a larger one are not told apart
	maxClimb = 64   // spans of one service above one another (R3)
)

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

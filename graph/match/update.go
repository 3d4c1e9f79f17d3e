package match

import (
	"time"

	"faultline/graph"
)

// form is how the incoming call of a span is counted.
type form uint8

const (
	formNone    form = iota
	formCall         // from the parent's service
	formTimed        // likewise, and the parent, which has no kind, measured it
	formMessage      // from the parent's service through a queue
	formUser         // from the user
	formUnknown      // from a caller that was never seen
)

// relation is what is known of a span's parent.
type relation uint8

const (
	root    relation = iota // it has none
	missing                 // it has not come yet
	present
	gone // it came and has left, or may have: nothing about it changes any more
)

// isCaller reports whether the span is the caller's half of a call. A receive span asks a broker for
// messages, but what it stands for flows the other way.
func (s *slot) isCaller() bool { return s.kind.IsOutgoing() && s.outcome&graph.Receive == 0 }

// isWrapper reports whether a span without a kind is the caller's half of a call in all but name: it is not
// where a request enters its service, and exactly one span of another service is right below it.
func (s *slot) isWrapper() bool {
	return s.kind == graph.KindUnspecified && !s.has(entry) && s.answers == 1
}

// isConsumer reports whether the span takes messages.
func (s *slot) isConsumer() bool { return s.kind == graph.KindConsumer || s.isReceive() }

func (s *slot) isReceive() bool {
	return s.outcome&graph.Receive != 0 && (s.kind == graph.KindConsumer || s.kind.IsOutgoing())
}

// callerOf returns the span that s was called or started by.
func (m *Matcher) callerOf(s *slot) (seq, *slot, relation) {
	if s.has(orphaned) {
		return 0, nil, gone
	}
	if s.kind.IsIncoming() && m.table.live(s.twin) {
		return s.twin, m.table.at(s.twin), present
	}
	if !s.has(hasParent) {
		return 0, nil, root
	}
	if !m.table.live(s.parent) {
		return 0, nil, gone
	}
	p := m.table.at(s.parent)
	if !p.has(filled) {
		return 0, nil, missing
	}
	if m.table.live(p.twin) {
		if t := m.table.at(p.twin); t.likelier(s) > p.likelier(s) {
			return p.twin, t, present
		}
	}
	return s.parent, p, present
}

// likelier ranks two spans of one id as the parent of s: the one of the same service, then the callee's.
func (s *slot) likelier(child *slot) (rank int) {
	if s.node == child.node {
		rank += 2
	}
	if s.kind.IsIncoming() {
		rank++
	}
	return rank
}

// update says what is known of s by now and was not said yet, and takes back what turned out otherwise.
// It puts every span on the work list for which that changes something.
func (m *Matcher) update(q seq, s *slot) {
	at, p, rel := m.callerOf(s)
	same := rel == present && p.node == s.node
	crosses := rel == present && !s.isReceive() && (!same || p.isCaller() && s.kind.IsIncoming())

	if rel != gone {
		was := s.has(entry)
		s.set(entry, m.isEntry(s, rel, crosses, same && p.isReceive()))
		if s.kind == graph.KindUnspecified && was != s.has(entry) && s.answers > 0 {
			m.pushChildren(s)
		}
		s.set(nested, same && (s.isCaller() && p.isCaller() || s.isConsumer() && p.isConsumer() && !p.isReceive()))
	}
	m.updateEntryOp(q, s, p, rel, same)
	if rel != gone {
		m.setAnswering(at, p, s, rel == present && (p.isCaller() && (crosses || s.has(nested) && s.answers > 0) || p.kind == graph.KindUnspecified && crosses))
	}
	if same {
		m.tellParent(at, p, s)
	}

	hold := m.updateCall(s, p, rel, crosses)
	hold = m.updateConsumer(q, s) || hold
	hold = m.updateInferred(s) || hold
	s.set(held, hold)
	m.updateFate(q, s, rel, crosses)

	if want := s.has(entry); want != s.has(requestOut) {
		s.set(requestOut, want)
		n := int64(1)
		if !want {
			n = -1
		} else if s.has(settled) {
			m.settling.push(q, m.now) // it became an entry late
		}
		m.told.request = Request{
			N: n, Node: s.node, Op: s.op, Version: s.version, Outcome: s.outcome, Start: s.start,
			ServerTime: time.Duration(s.duration), Weight: s.weight,
		}
		m.sink.Request(&m.told.request)
	}
}

// isEntry reports whether a request enters its service with s (R3, R5).
func (m *Matcher) isEntry(s *slot, rel relation, crosses, inReceive bool) bool {
	if s.isReceive() {
		return false
	}
	switch rel {
	case root:
		return s.kind.IsIncoming() || s.kind == graph.KindUnspecified
	case missing:
		return s.kind.IsIncoming() && s.outcome&graph.LocalParent == 0
	}
	return crosses || inReceive && s.kind == graph.KindConsumer
}

// updateEntryOp finds the operation that the span works for.
func (m *Matcher) updateEntryOp(q seq, s, p *slot, rel relation, same bool) {
	op := s.entryOp
	switch {
	case s.has(entry):
		op = s.op
	case same:
		op = p.entryOp
	case rel == root || rel == present:
		op = m.names.name(Background)
	}
	if op == s.entryOp {
		return
	}
	s.entryOp = op
	m.pushChildren(s)
	m.pushLinked(q, s)
	if m.table.live(s.twin) {
		m.push(s.twin)
	}
}

// setAnswering makes s count, or no longer count, among the answers of its caller.
func (m *Matcher) setAnswering(at seq, p, s *slot, on bool) {
	if on == s.has(answering) {
		return
	}
	s.set(answering, on)
	if p == nil {
		return
	}
	m.answer(at, p, on)
}

// answer adds an answer to an outgoing span, or takes one away.
func (m *Matcher) answer(at seq, p *slot, on bool) {
	before := p.answers
	if on {
		p.answers++
	} else {
		p.answers--
	}
	if before == 0 || p.answers == 0 {
		m.push(at)
	}
	if p.kind == graph.KindUnspecified {
		m.pushChildren(p)
	}
}

// tellParent passes on what a span of the same service changes for its parent.
func (m *Matcher) tellParent(at seq, p, s *slot) {
	switch {
	case s.has(nested) && s.isCaller() && m.isWeak(p.peer):
		m.push(at)
	case s.kind == graph.KindConsumer && !s.isReceive() && p.isReceive() && !p.has(consumed):
		p.state |= consumed
		m.push(at)
	}
}

func (m *Matcher) isWeak(n NodeRef) bool { return n != 0 && m.names.nodes[n].weak }

// peerOf returns the node that the outgoing span s calls, or 0: what it says itself, or if that is nothing
// what the spans nested in it say. Of several the one with the least node id decides, so that their order
// does not.
func (m *Matcher) peerOf(s *slot) NodeRef {
	best := s.peer
	if !m.isWeak(best) {
		return best
	}
	first := s
	if s.has(secondTwin) && m.table.live(s.twin) {
		first = m.table.at(s.twin)
	}
	for c := first.child; m.table.live(c); {
		child := m.table.at(c)
		c = child.next
		if !child.has(nested) || !child.isCaller() {
			continue
		}
		if _, p, _ := m.callerOf(child); p != s {
			continue
		}
		if n := m.peerOf(child); n != 0 && !m.isWeak(n) && (m.isWeak(best) || m.names.ID(n) < m.names.ID(best)) {
			best = n
		}
	}
	return best
}

// updateCall counts the call that s answers; it reports whether that is held back.
func (m *Matcher) updateCall(s, p *slot, rel relation, crosses bool) (hold bool) {
	var f form
	var op NameRef
	switch {
	case rel == gone:
		return false
	case rel == root && s.kind == graph.KindServer:
		f = formUser
	case rel == missing && s.kind == graph.KindServer && s.outcome&graph.LocalParent == 0:
		if !s.has(waited) {
			return true
		}
		f = formUnknown
	case crosses && !s.has(nested):
		if op = p.entryOp; op == 0 && !s.has(settled) {
			return true
		}
		f = formCall
		switch {
		case m.queueOf(p, s) != 0:
			f = formMessage
		case p.isWrapper():
			f = formTimed
		}
	}
	if f == s.form && op == s.counted {
		return false
	}
	m.withdrawCall(s)
	s.form, s.counted = f, op
	m.say(1, p, s)
	return false
}

// withdrawCall takes back the incoming call that was said of s.
func (m *Matcher) withdrawCall(s *slot) {
	if s.form == formNone {
		return
	}
	if _, p, rel := m.callerOf(s); rel == present || s.form == formUser || s.form == formUnknown {
		m.counters.Late++
		m.say(-1, p, s)
		s.form, s.counted = formNone, 0
	}
}

// detach takes back all that hangs on who the caller of s is, because that may be another span from now on.
func (m *Matcher) detach(s *slot) {
	m.withdrawCall(s)
	if at, p, rel := m.callerOf(s); rel == present {
		m.setAnswering(at, p, s, false)
		m.push(at)
	}
}

// say counts the incoming call of s n times in the form noted in it; p is its caller.
func (m *Matcher) say(n int64, p, s *slot) {
	switch s.form {
	case formCall, formTimed:
		m.call(n, p, s, s.counted, graph.ByBoundary)
	case formMessage:
		m.message(n, p, s, s.counted, graph.ByBoundary)
	case formUser:
		m.fromOutside(n, s, graph.TypeUser)
	case formUnknown:
		m.fromOutside(n, s, graph.TypeUnknown)
	}
}

// updateConsumer counts the messages that s took from a queue it names itself, and those that its links
// tell of; it reports whether something is held back.
func (m *Matcher) updateConsumer(q seq, s *slot) (hold bool) {
	if !s.isConsumer() {
		return false
	}
	counts := !s.has(nested) && (!s.isReceive() || s.has(waited) && !s.has(consumed))
	hold = s.isReceive() && !s.has(waited)
	if want := counts && m.isQueue(s.peer); want != s.has(queueOut) {
		s.set(queueOut, want)
		n := int64(1)
		if set := m.links.of[q]; set != nil {
			n = max(n, set.messages)
		}
		if !want {
			n = -n
		}
		m.delivery(n, s.peer, s)
	}
	if s.has(linked) {
		hold = m.updateLinks(q, s, counts) || hold
	}
	return hold
}

// updateInferred counts the call that s makes to a node of which only s tells; it reports whether that is
// held back.
func (m *Matcher) updateInferred(s *slot) (hold bool) {
	if !s.isCaller() {
		return false
	}
	var callee NodeRef
	op := s.entryOp
	if peer := m.peerOf(s); peer != 0 && !s.has(nested) {
		switch m.names.nodes[peer].Type {
		case graph.TypeQueue:
			callee = peer
		case graph.TypeDatabase, graph.TypeCache:
			if s.answers == 0 {
				callee = peer
			}
		default:
			if s.answers == 0 {
				if !s.has(waited) {
					return true
				}
				callee = peer
			}
		}
	}
	if callee != 0 && op == 0 && !s.has(settled) {
		return true
	}
	if callee == 0 {
		op = 0
	}
	if callee == s.inferred && op == s.inferredFrom {
		return false
	}
	if s.inferred != 0 {
		m.counters.Late++
		m.outgoing(-1, s, s.inferred, s.inferredFrom)
	}
	s.inferred, s.inferredFrom = callee, op
	if callee != 0 {
		m.outgoing(1, s, callee, op)
	}
	return false
}

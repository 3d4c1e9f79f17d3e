package match

import "faultline/graph"

// fates are the fates of a half by their number in a slot; 0 is none yet.
var fates = [...]graph.Fate{
	"", graph.FatePaired, graph.FateInferred, graph.FateRoot, graph.FateInner, graph.FateNoPeer, graph.FateNoPartner, graph.FateLimit,
}

const (
	fateNone uint8 = iota // it waits, or is no half at all
	fatePaired
	fateInferred
	fateRoot
	fateInner
	fateNoPeer
	fateNoPartner
	fateLimit
)

// Half is a half of a call that met its fate; N < 0 takes one back, whose fate turned out another.
type Half struct {
	N     int64
	Node  NodeRef
	Side  graph.Side
	Fate  graph.Fate
	Start int64 // Unix ns
}

// side returns which half of a call s is, "" for none.
func (s *slot) side() graph.Side {
	switch {
	case s.isConsumer() || s.kind == graph.KindServer:
		return graph.ServerSide
	case s.isCaller():
		return graph.ClientSide
	}
	return ""
}

// updateFate says what became of the half that s is. rel is what is known of its parent, crosses whether
// the parent is the other end of a call.
func (m *Matcher) updateFate(q seq, s *slot, rel relation, crosses bool) {
	var f uint8
	side := s.side()
	switch {
	case side == "" || rel == gone && s.fate != fateNone:
		return
	case side == graph.ClientSide:
		f = m.clientFate(s)
	default:
		f = m.serverFate(q, s, rel, crosses)
	}
	if f != fateNone && f != fateInner && m.names.nodes[s.node].Name == graph.Other {
		f = fateLimit
	}
	if f == s.fate {
		return
	}
	m.sayFate(-1, s, side)
	s.fate = f
	m.sayFate(1, s, side)
}

func (m *Matcher) sayFate(n int64, s *slot, side graph.Side) {
	if s.fate != fateNone {
		m.told.half = Half{N: n, Node: s.node, Side: side, Fate: fates[s.fate], Start: s.start}
		m.sink.Half(&m.told.half)
	}
}

func (m *Matcher) clientFate(s *slot) uint8 {
	switch {
	case s.has(nested):
		return fateInner
	case s.answers > 0:
		return fatePaired
	case s.inferred != 0 && !m.isWeak(s.inferred):
		return fateInferred
	case s.inferred != 0 || s.peer == 0:
		return fateNoPeer
	}
	return fateNone
}

func (m *Matcher) serverFate(q seq, s *slot, rel relation, crosses bool) uint8 {
	switch {
	case s.has(nested) || s.has(consumed) || rel == present && !crosses && !s.isConsumer() || s.outcome&graph.LocalParent != 0 && rel == missing:
		return fateInner
	case s.form == formCall || s.form == formTimed || s.form == formMessage || m.links.counts(q, s):
		return fatePaired
	case s.form == formUnknown:
		return fateNoPartner
	case s.form == formUser:
		return fateRoot
	case s.has(queueOut):
		return fateInferred
	case s.has(held):
		return fateNone
	case rel == root:
		return fateRoot
	case rel == present && !crosses:
		return fateInner
	}
	return fateNoPartner
}

// counts reports whether a call from one of the producers that s links to is counted.
func (l *links) counts(q seq, s *slot) bool {
	if !s.has(linked) {
		return false
	}
	set := l.of[q]
	for i := range set.links {
		if set.links[i].out {
			return true
		}
	}
	return false
}

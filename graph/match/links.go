package match

import (
	"slices"

	"faultline/graph"
)

// links remembers which consumers name which producers by span links.
type links struct {
	of map[seq]*linkSet // by consumer
	to map[seq][]seq    // consumers by producer
}

type linkSet struct {
	messages int64 // messages the consumer took
	links    []link
}

type link struct {
	target seq
	op     NameRef // producer's operation with which the call is counted
	out    bool    // counted
	gone   bool    // the producer has left: what is counted is final

	answering bool // it is one of the producer's answers
}

func newLinks() links { return links{of: map[seq]*linkSet{}, to: map[seq][]seq{}} }

// drop forgets q as consumer and as producer.
func (l *links) drop(q seq) {
	if set := l.of[q]; set != nil {
		for _, k := range set.links {
			if k.gone {
				continue
			}
			if rest := slices.DeleteFunc(l.to[k.target], func(c seq) bool { return c == q }); len(rest) > 0 {
				l.to[k.target] = rest
			} else {
				delete(l.to, k.target)
			}
		}
		delete(l.of, q)
	}
	for _, c := range l.to[q] {
		set := l.of[c]
		for i := range set.links {
			if set.links[i].target == q {
				set.links[i].gone = true
			}
		}
	}
	delete(l.to, q)
}

// addLinks remembers the links of a consumer. A link to the parent says nothing that the parent does not.
func (m *Matcher) addLinks(q seq, p *slot, s *graph.Span) {
	set := &linkSet{}
	p.state |= linked
	seen := make(map[graph.Link]struct{}, len(s.Links))
	for _, l := range s.Links {
		if _, twice := seen[l]; twice || l.ID == (graph.SpanID{}) {
			continue
		}
		seen[l] = struct{}{}
		set.messages++
		if l.Trace == s.Trace && (l.ID == s.Parent || l.ID == s.ID) {
			continue
		}
		at := m.table.find(&l.Trace, &l.ID)
		if at == 0 {
			at, _ = m.newSlot(&l.Trace, &l.ID)
		}
		m.table.at(at).state |= linkTarget
		set.links = append(set.links, link{target: at})
		m.links.to[at] = append(m.links.to[at], q)
	}
	m.links.of[q] = set
}

// pushLinked puts the consumers that name the span as their producer on the work list.
func (m *Matcher) pushLinked(q seq, s *slot) {
	if s.has(secondTwin) {
		q = s.twin
	}
	if m.table.live(q) && m.table.at(q).has(linkTarget) {
		m.work = append(m.work, m.links.to[q]...)
	}
}

// producer returns the span that a link names: of twins, the outgoing one.
func (m *Matcher) producer(q seq) (seq, *slot) {
	s := m.table.at(q)
	if m.table.live(s.twin) && !s.kind.IsOutgoing() {
		return s.twin, m.table.at(s.twin)
	}
	return q, s
}

// detachLinked takes back what links to the span told, because they may name its twin from now on.
func (m *Matcher) detachLinked(q seq) {
	for _, c := range m.links.to[q] {
		set := m.links.of[c]
		for i := range set.links {
			l := &set.links[i]
			if l.target != q {
				continue
			}
			at, p := m.producer(q)
			if l.out {
				m.message(-1, p, m.table.at(c), l.op, graph.ByLink)
				l.out = false
			}
			if l.answering {
				m.answer(at, p, false)
				l.answering = false
			}
		}
	}
}

// updateLinks says what the consumer's links tell; it reports whether something is held back.
func (m *Matcher) updateLinks(q seq, s *slot, counts bool) (hold bool) {
	set := m.links.of[q]
	for i := range set.links {
		l := &set.links[i]
		if l.gone || !m.table.live(l.target) {
			continue
		}
		at, p := m.producer(l.target)
		if !p.has(filled) {
			continue
		}
		if on := counts && p.isCaller(); on != l.answering {
			l.answering = on
			m.answer(at, p, on)
		}
		op := p.entryOp
		switch {
		case counts && op == 0 && !s.has(settled) && !l.out:
			hold = true
			continue
		case l.out && counts && (op == l.op || op == 0):
			continue
		case l.out:
			m.message(-1, p, s, l.op, graph.ByLink)
			m.counters.Late++
		}
		if l.out = counts; counts {
			l.op = op
			m.message(1, p, s, op, graph.ByLink)
		}
	}
	return hold
}

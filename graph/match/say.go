package match

import (
	"time"

	"faultline/graph"
)

const (
	notMeasured     time.Duration = -1
	resultBits                    = graph.Failed | graph.Throttled | graph.ClientError | graph.TimedOut | graph.Cancelled
	unknownProtocol               = "unknown"
)

func (m *Matcher) isQueue(n NodeRef) bool {
	return n != 0 && m.names.nodes[n].Type == graph.TypeQueue
}

// queueOf returns the queue through which s was sent something by p, or 0.
func (m *Matcher) queueOf(p, s *slot) NodeRef {
	switch {
	case !s.isConsumer():
		return 0
	case m.isQueue(s.peer):
		return s.peer
	}
	return m.sentTo(p)
}

// sentTo returns the queue that p itself says it sends to, or 0.
func (m *Matcher) sentTo(p *slot) NodeRef {
	if p.isCaller() && !p.has(adopted) && m.isQueue(p.peer) {
		return p.peer
	}
	return 0
}

// between is the call from p to s as both measured it.
func (m *Matcher) between(n int64, p, s *slot, op NameRef, basis graph.Basis) Call {
	c := Call{
		N: n, Caller: p.node, Callee: s.node, CallerOp: op, CalleeOp: s.op, Mode: graph.Sync, Basis: basis,
		Outcome: s.outcome & (resultBits | graph.SamplingKnown), Start: s.start,
		ClientTime: notMeasured, ServerTime: time.Duration(s.duration), Weight: max(p.weight, s.weight),
	}
	c.Outcome |= p.outcome & graph.SamplingKnown
	protocol := s.protocol
	if p.isCaller() {
		c.Start, c.ClientTime = p.start, time.Duration(p.duration)
		c.Outcome |= p.outcome & (resultBits | graph.Resent)
		if s.kind.IsIncoming() && basis == graph.ByBoundary {
			c.Basis = graph.ByKinds
		}
		if p.protocol != 0 {
			protocol = p.protocol
		}
	}
	if s.isConsumer() {
		c.Mode = graph.Async
		// The producer's duration is that of handing the message over, and its failure is not the consumer's.
		c.ClientTime = notMeasured
		c.Outcome = s.outcome&(resultBits|graph.SamplingKnown) | p.outcome&graph.SamplingKnown
	}
	if s.form == formTimed && basis == graph.ByBoundary {
		c.Start, c.ClientTime = p.start, time.Duration(p.duration)
	}
	c.Protocol = m.protocolName(protocol, s)
	return c
}

func (m *Matcher) protocolName(p uint8, s *slot) string {
	if name := m.protocol.names[p]; name != "" {
		return name
	}
	if s.isConsumer() || s.kind == graph.KindProducer {
		return "messaging"
	}
	return unknownProtocol
}

// call counts a call from p to s.
func (m *Matcher) call(n int64, p, s *slot, op NameRef, basis graph.Basis) {
	c := m.between(n, p, s, op, basis)
	c.Peer = m.learnFrom(p)
	m.tellCall(c)
}

// learnShare is how many traces there are for each whose calls are learned from.
const learnShare = 8

// learnFrom returns the peer that the caller's half p names, if an answered call of it is to be remembered
// under that name: those of one trace in learnShare are, by the trace's id, so that every process and every
// order of spans chooses the same.
func (m *Matcher) learnFrom(p *slot) NodeRef {
	if p.peer == 0 || p.trace[len(p.trace)-1]%learnShare != 0 || !p.isCaller() || p.has(adopted) {
		return 0
	}
	if nd := &m.names.nodes[p.peer]; nd.Type != graph.TypeExternal || nd.weak || nd.Name == graph.Other {
		return 0
	}
	return p.peer
}

func (m *Matcher) tellCall(c Call) {
	m.told.call = c
	m.sink.Call(&m.told.call)
}

// message counts a message from p to s: through its queue where one is known, else as a direct call.
func (m *Matcher) message(n int64, p, s *slot, op NameRef, basis graph.Basis) {
	queue := m.queueOf(p, s)
	c := m.between(n, p, s, op, basis)
	c.Via = queue
	m.tellCall(c)
	if queue == 0 {
		return
	}
	if queue != s.peer { // s does not name its queue, so that nobody has counted the delivery yet
		m.delivery(n, queue, s)
	}
	if m.sentTo(p) == 0 { // nor has anybody counted the sending
		m.tellCall(Call{
			N: n, Caller: p.node, Callee: queue, CallerOp: op, CalleeOp: op, Protocol: c.Protocol, Mode: graph.Sync,
			Basis: graph.ByVirtual, Outcome: c.Outcome & graph.SamplingKnown, Start: c.Start,
			ClientTime: notMeasured, ServerTime: notMeasured, Weight: c.Weight,
		})
	}
}

// delivery counts n messages from a queue to the consumer s.
func (m *Matcher) delivery(n int64, queue NodeRef, s *slot) {
	m.tellCall(Call{
		N: n, Caller: queue, Callee: s.node, CallerOp: 0, CalleeOp: s.op, Protocol: m.protocolName(s.protocol, s),
		Mode: graph.Async, Basis: graph.ByVirtual, Outcome: s.outcome & (resultBits | graph.SamplingKnown), Start: s.start,
		ClientTime: notMeasured, ServerTime: time.Duration(s.duration), Weight: s.weight,
	})
}

// outgoing counts a call from s to a node inferred from it.
func (m *Matcher) outgoing(n int64, s *slot, callee NodeRef, op NameRef) {
	m.tellCall(Call{
		N: n, Caller: s.node, Callee: callee, CallerOp: op, CalleeOp: m.names.operation(callee, m.names.Name(s.op)),
		Protocol: m.protocolName(s.protocol, s), Mode: graph.Sync, Basis: graph.ByVirtual,
		Outcome: s.outcome & (resultBits | graph.SamplingKnown | graph.Resent), Start: s.start,
		ClientTime: time.Duration(s.duration), ServerTime: notMeasured, Weight: s.weight,
	})
}

// fromOutside counts a call to s from the user or from a caller never seen.
func (m *Matcher) fromOutside(n int64, s *slot, typ graph.NodeType) {
	key := userKey{s.node, typ}
	caller, ok := m.user[key]
	if !ok {
		nd := m.names.nodes[s.node]
		caller = m.names.node(nd.tenant, graph.Node{Type: typ, Name: string(typ), Environment: nd.Environment}, "")
		m.user[key] = caller
	}
	m.tellCall(Call{
		N: n, Caller: caller, Callee: s.node, CalleeOp: s.op, Protocol: m.protocolName(s.protocol, s), Mode: graph.Sync,
		Basis: graph.ByVirtual, Outcome: s.outcome & (resultBits | graph.SamplingKnown), Start: s.start,
		ClientTime: notMeasured, ServerTime: time.Duration(s.duration), Weight: s.weight,
	})
}

// protocols interns the few protocol names.
type protocols struct {
	names []string
	index map[string]uint8
}

func newProtocols() protocols { return protocols{names: []string{""}, index: map[string]uint8{"": 0}} }

func (p *protocols) intern(name string) uint8 {
	if i, ok := p.index[name]; ok {
		return i
	}
	if len(p.names) == 255 {
		name = graph.Other
		if i, ok := p.index[name]; ok {
			return i
		}
	}
	i := uint8(len(p.names))
	p.names = append(p.names, string(append([]byte(nil), name...)))
	p.index[p.names[i]] = i
	return i
}

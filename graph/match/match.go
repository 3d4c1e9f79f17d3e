// Package match joins spans into calls. It takes spans one at a time, in any order, and says which calls
// they make up; what it said too early it takes back. The sum of what it said about a set of spans does
// not depend on the order in which they came, on how often each came, or on when time passed in between,
// as long as parts that belong together come within Config.Keep of each other.
//
// The rules are those of the analysis specification, section A:
//
//   - A span whose parent lies in another service is a call from that service, whatever the kinds of the
//     two are. A CLIENT and a SERVER span of one id (Zipkin's shared spans) are the two halves of a call.
//   - A CLIENT or PRODUCER span that no other service answered is a call to a node inferred from its
//     attributes: at once to a database, cache or queue, after Config.Wait to anything else. Of nested
//     outgoing spans in one service the outermost is the call.
//   - A SERVER span without a parent is called by the user; one whose parent never came, by unknown.
//   - A consumer is called by its queue, once per message, whether it names its producers as parent or by
//     links; the call from producer to consumer is also said, marked with the queue it went via.
//
// The package is pure: time is what its caller says it is.
package match

import (
	"math/rand/v2"
	"time"

	"faultline/graph"
)

// Config says how long and how much is remembered.
type Config struct {
	Settle     time.Duration  `yaml:"settle"`      // how long a call waits for the span that names the caller's operation
	Wait       time.Duration  `yaml:"wait"`        // how long half a call waits before its other end is inferred
	Keep       time.Duration  `yaml:"keep"`        // how long a span is remembered: late halves and repeats are recognised for so long
	MaxSpans   int            `yaml:"max_spans"`   // spans remembered in memory, 130 B each; over it the oldest go to disk
	MaxSpilled int            `yaml:"max_spilled"` // spans remembered on disk, 120 B there and 10 B in memory each; over it the oldest are forgotten early
	Limits     Limits         `yaml:"limits"`
	Evidence   EvidenceConfig `yaml:"evidence"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Settle: 5 * time.Second, Wait: 30 * time.Second, Keep: 15 * time.Minute, MaxSpans: 3_000_000, MaxSpilled: 12_000_000,
		Limits: DefaultLimits(), Evidence: DefaultEvidenceConfig(),
	}
}

// Call is one or several equal calls between two nodes, or fewer: N < 0 takes back what was said before
// in the same words.
type Call struct {
	N                      int64
	Caller, Callee, Via    NodeRef // Via: the queue, in the producer → consumer view of a message
	CallerOp, CalleeOp     NameRef
	Peer                   NodeRef // whom the caller's half names, in some of the calls that were answered (see learnFrom)
	Protocol               string
	Mode                   graph.Mode
	Basis                  graph.Basis
	Outcome                graph.Outcome
	Start                  int64         // Unix ns by the caller's clock, else by the callee's
	ClientTime, ServerTime time.Duration // < 0: not measured
	Weight                 float32
}

// Request is one request that a node served; N < 0 takes one back.
type Request struct {
	N          int64
	Node       NodeRef
	Op         NameRef
	Version    NameRef
	Outcome    graph.Outcome
	Start      int64
	ServerTime time.Duration
	Weight     float32
}

// Sink takes what the matcher finds. It must not keep the pointers.
type Sink interface {
	Call(c *Call)
	Request(r *Request)
	Half(h *Half)
	Outcome(o *Outcome)
	Evidence(s *Evidence)
}

// Counters tell what became of spans. All but Waiting and Remembered only grow.
type Counters struct {
	Spans      int64 // taken in
	Duplicates int64 // ignored: the same span came before
	Cycles     int64 // parent links dropped because they led back to the span
	Overflowed int64 // forgotten before their wait was over, for want of room
	Late       int64 // calls corrected after they had been said
	Traces     int64 // kept as evidence
	Skipped    int64 // traces not kept as evidence for want of room in the minute
	Remembered int   // slots in use
	Spilled    int   // of these, on disk
	Waiting    int   // spans that still wait for another
}

// Spill is where the oldest spans go when there are more than memory has room for.
type Spill interface {
	// Store returns memory that holds what b does and is not the process's own, such as that of a file. It keeps
	// nothing of b.
	Store(b []byte) ([]byte, error)
	// Free takes back what Store returned.
	Free(b []byte)
}

// Matcher joins spans. It is not safe for concurrent use.
type Matcher struct {
	cfg      Config
	names    *Names
	sink     Sink
	table    table
	epoch    int64 // ms of the first span's arrival
	now      int64 // ms since epoch
	settling queue
	waiting  queue
	work     []seq
	links    links
	protocol protocols
	counters Counters
	user     map[userKey]NodeRef
	terms    knownTerms
	spill    Spill // nil: there is none
	full     int64 // ms since epoch when it had no room
	report   report
	evidence evidence
	told     told
}

// told is what the sink is told. It stays, so that telling allocates nothing.
type told struct {
	call    Call
	request Request
	half    Half
}

type userKey struct {
	service NodeRef
	typ     graph.NodeType
}

// New returns a Matcher that tells sink what it finds, in terms of names.
func New(cfg Config, names *Names, sink Sink) *Matcher {
	return &Matcher{
		cfg: cfg, names: names, sink: sink, table: newTable(rand.Uint64()),
		links: newLinks(), protocol: newProtocols(), user: map[userKey]NodeRef{}, terms: newKnownTerms(),
		evidence: newEvidence(cfg.Evidence),
	}
}

// SpillTo makes the matcher use s from now on.
func (m *Matcher) SpillTo(s Spill) { m.spill = s }

// Counters returns what became of spans so far.
func (m *Matcher) Counters() Counters {
	c := m.counters
	c.Remembered, c.Spilled = m.table.len(), m.table.spilledSlots()
	c.Waiting = m.waiting.len()
	c.Traces, c.Skipped = m.evidence.traces, m.evidence.skipped
	return c
}

// Advance tells the time. Waits that are over by then end, and what is older than Config.Keep is
// forgotten. Time never runs backwards: an earlier now is taken as the latest one given.
func (m *Matcher) Advance(now time.Time) {
	ms := now.UnixMilli()
	if m.epoch == 0 {
		m.epoch = ms
	}
	m.now = max(m.now, ms-m.epoch)
	m.names.hour = (m.epoch + m.now) / time.Hour.Milliseconds()
	for {
		q, ok := m.settling.pop(m.now - m.cfg.Settle.Milliseconds())
		if !ok {
			break
		}
		m.expire(q, settled)
	}
	for {
		q, ok := m.waiting.pop(m.now - m.cfg.Wait.Milliseconds())
		if !ok {
			break
		}
		m.expire(q, waited)
	}
	for m.table.len() > 0 && m.now-int64(m.table.at(m.table.oldest).arrived)*1000 > m.cfg.Keep.Milliseconds()+1000 {
		m.forgetOldest()
	}
}

func (m *Matcher) expire(q seq, b state) {
	if !m.table.live(q) {
		return
	}
	s := m.table.at(q)
	s.state |= b
	if s.has(held) {
		m.push(q)
		m.run()
	}
	if !s.has(entry) {
		return
	}
	if b == waited {
		m.consider(q, s)
	} else {
		m.reportOn(q, s)
	}
}

// Add takes one span of a tenant in. It keeps nothing of s but copies.
func (m *Matcher) Add(tenant string, s *graph.Span) {
	m.counters.Spans++
	m.makeRoom(2 + len(s.Links))
	q := m.table.find(&s.Trace, &s.ID)
	var parent seq
	if s.Parent != (graph.SpanID{}) && s.Parent != s.ID {
		parent = m.table.find(&s.Trace, &s.Parent)
	}
	m.reopenAround(q, parent, s)
	var p *slot
	switch {
	case q == 0:
		q, p = m.newSlot(&s.Trace, &s.ID)
	case !m.table.at(q).has(filled):
		p = m.table.at(q)
	default:
		base := m.table.at(q)
		if base.twin != 0 || !twins(base.kind, s.Kind) {
			m.counters.Duplicates++
			return
		}
		// Whose child a child is, and who called the incoming one, may change from here on.
		m.detach(base)
		for c := base.child; m.table.live(c); c = m.table.at(c).next {
			m.detach(m.table.at(c))
		}
		m.detachLinked(q)
		first := q
		q, p = m.table.add(&s.Trace, &s.ID, false)
		p.arrived = uint32(m.now / 1000)
		base.twin, p.twin = q, first
	}
	m.fill(p, tenant, s)
	if s.Parent != (graph.SpanID{}) && s.Parent != s.ID {
		m.adopt(q, p, parent, &s.Trace, &s.Parent)
	}
	if len(s.Links) > 0 {
		m.addLinks(q, p, s)
	}
	m.push(q)
	m.pushChildren(p)
	if m.table.live(p.twin) {
		t := m.table.at(p.twin)
		m.push(p.twin)
		m.pushChildren(t)
	}
	m.pushLinked(q, p)
	m.run()
	m.settling.push(q, m.now)
	m.waiting.push(q, m.now)
}

// mostForgotten is how many slots are forgotten for one span at most: many that are spilled may have to go before the first
// that is in memory, and everybody else waits meanwhile.
const mostForgotten = 64

// makeRoom makes room for n slots, if there are so many.
func (m *Matcher) makeRoom(n int) {
	for range mostForgotten {
		over := m.table.len() - m.table.spilledSlots() + n - m.cfg.MaxSpans
		if m.table.len() == 0 || over <= 0 {
			return
		}
		if m.table.len() < m.cfg.MaxSpans+m.cfg.MaxSpilled && m.spillOldest() {
			continue
		}
		if m.full != 0 && m.table.spilled > 0 && over <= m.slack() {
			return // to forget what is spilled gains no memory, and soon there may be room for more of it
		}
		if s := m.table.at(m.table.oldest); s.has(filled) && !s.has(waited) {
			m.counters.Overflowed++
		}
		m.forgetOldest()
	}
}

// slack is by how many slots memory may hold more than Config.MaxSpans while the spill has no room: as many as come until
// it is asked again.
func (m *Matcher) slack() int { return max(m.cfg.MaxSpans/8, 2<<chunkBits) }

// spillOldest moves the oldest slots in memory to the spill, and reports whether that did it. One that had no room is
// asked again after a while.
func (m *Matcher) spillOldest() bool {
	const while = 1000
	if m.spill == nil || m.full != 0 && m.now < m.full+while {
		return false
	}
	ok := m.table.spillOldest(m.spill)
	if m.full = 0; !ok {
		m.full = m.now
	}
	return ok
}

// twins reports whether two spans with one id are the two halves of a call rather than one span twice.
func twins(a, b graph.Kind) bool {
	return a.IsOutgoing() && b.IsIncoming() || a.IsIncoming() && b.IsOutgoing()
}

func (m *Matcher) newSlot(trace *graph.TraceID, id *graph.SpanID) (seq, *slot) {
	q, p := m.table.add(trace, id, true)
	p.arrived = uint32(m.now / 1000)
	return q, p
}

func (m *Matcher) fill(p *slot, tenant string, s *graph.Span) {
	p.state |= filled
	p.arrived = max(p.arrived, uint32(m.now/1000))
	p.start, p.duration = s.Start, int64(s.Duration)
	p.kind, p.outcome, p.weight = s.Kind, s.Outcome, max(s.Weight, 1)
	of := m.termsOf(tenant, s.Shape)
	p.node, p.version, p.op, p.peer, p.protocol = of.node, of.version, of.op, of.peer, of.protocol
}

// adopt makes q a child of the slot at, or if that is 0 of a new one for the parent, which has not come yet.
func (m *Matcher) adopt(q seq, p *slot, at seq, trace *graph.TraceID, parent *graph.SpanID) {
	p.state |= hasParent
	if at == 0 {
		at, _ = m.newSlot(trace, parent)
	} else if p.child != 0 && m.leadsTo(at, q) {
		m.counters.Cycles++
		p.state &^= hasParent
		return
	}
	p.parent = at
	up := m.table.at(at)
	if m.table.live(up.child) {
		m.table.at(up.child).prev = q
		p.next = up.child
	}
	up.child = q
}

// leadsTo reports whether q is reached from the span at by climbing parents.
func (m *Matcher) leadsTo(at, q seq) bool {
	const tooDeep = 1 << 10 // deeper than any trace; a longer cycle is harmless, only not counted
	for range tooDeep {
		if at == q {
			return true
		}
		if !m.table.live(at) {
			return false
		}
		at = m.table.at(at).parent
	}
	return false
}

// forgetOldest lets the oldest slot go. What waited for it is final from now on.
func (m *Matcher) forgetOldest() {
	q := m.table.oldest
	s := m.table.at(q)
	m.conclude(q, s)
	for c := s.child; m.table.live(c); c = m.table.at(c).next {
		m.conclude(c, m.table.at(c))
	}
	m.run()
	if _, p, rel := m.callerOf(s); rel == present && s.has(nested) && m.isWeak(p.peer) {
		if peer := m.peerOf(p); peer != p.peer { // what the parent learned from its children must outlive them
			p.peer = peer
			p.state |= adopted
		}
	}
	if heir := s.twin; m.table.live(heir) && !s.has(secondTwin) {
		// The index and the children hang on the first of two twins: hand both over.
		m.table.replace(q, heir)
		t := m.table.at(heir)
		t.state &^= secondTwin
		s.state |= secondTwin
		t.child, s.child = s.child, 0
		for c := t.child; m.table.live(c); c = m.table.at(c).next {
			m.table.at(c).parent = heir
			m.table.at(c).state |= orphaned
		}
	}
	if m.table.live(s.twin) {
		t := m.table.at(s.twin)
		t.twin = 0
		t.state |= orphaned
	}
	for c := s.child; m.table.live(c); {
		child := m.table.at(c)
		c = child.next
		child.parent, child.next, child.prev = 0, 0, 0
		child.state |= orphaned
	}
	if m.table.live(s.parent) {
		if m.table.live(s.prev) {
			m.table.at(s.prev).next = s.next
		} else {
			m.table.at(s.parent).child = s.next
		}
		if m.table.live(s.next) {
			m.table.at(s.next).prev = s.prev
		}
	}
	if s.has(linked | linkTarget) {
		m.links.drop(q)
	}
	m.table.dropOldest(!s.has(secondTwin), m.spill)
	for _, w := range [...]*queue{&m.settling, &m.waiting} {
		for w.n > 0 && !m.table.live(w.item(0).at) {
			w.drop()
		}
	}
}

// conclude ends the waits of a slot whose surroundings are about to be forgotten.
func (m *Matcher) conclude(q seq, s *slot) {
	if s.has(held) {
		s.state |= settled | waited
		m.push(q)
	}
	if s.has(entry) && !s.has(settled) {
		s.state |= settled
		m.reportOn(q, s)
	}
}

func (m *Matcher) push(q seq) { m.work = append(m.work, q) }

func (m *Matcher) pushChildren(s *slot) {
	if s.has(secondTwin) && m.table.live(s.twin) {
		s = m.table.at(s.twin)
	}
	for c := s.child; m.table.live(c); c = m.table.at(c).next {
		m.push(c)
	}
}

// run updates every slot in the work list and whatever that brings into it.
func (m *Matcher) run() {
	for i := 0; i < len(m.work); i++ {
		if q := m.work[i]; m.table.live(q) {
			if s := m.table.at(q); s.has(filled) {
				m.update(q, s)
			}
		}
	}
	m.work = m.work[:0]
}

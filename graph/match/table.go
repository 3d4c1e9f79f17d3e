package match

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"faultline/graph"
)

// seq numbers slots in the order in which they were made. It wraps; 0 is none. Slots leave in the same
// order, so a number below the oldest is one that has left, and nothing needs to be told that it has.
type seq uint32

// slot is what is remembered of one span, or of one that was only named as a parent so far (placeholder).
// It holds no pointers, so that the garbage collector never looks at it.
type slot struct {
	trace    graph.TraceID
	id       graph.SpanID
	start    int64 // Unix ns
	duration int64 // ns

	parent       seq // slot first made for the parent's id; 0 for a root or when the parent has left
	child        seq // newest of the children, which are doubly linked
	next, prev   seq // siblings
	twin         seq // the other span with this id: tracers of the Zipkin kind share one id between client and server
	node, peer   NodeRef
	op, version  NameRef
	entryOp      NameRef // operation of the nearest entry at or above the span in its service; 0 unresolved
	counted      NameRef // caller operation with which the incoming call is counted
	inferred     NodeRef // callee with which the outgoing call is counted as inferred; 0 not counted
	inferredFrom NameRef // and its caller operation

	weight   float32
	arrived  uint32 // s since the matcher's first span
	answers  uint32 // spans of other services that an outgoing span, or one nested in it, led to
	since    seq    // entry: the oldest slot that what was reported of its request rests on; 0 not reported
	outcome  graph.Outcome
	state    state
	kind     graph.Kind
	protocol uint8
	form     form
	fate     uint8
}

// state is what the matcher knows of a slot, as bits.
type state uint32

const (
	filled     state = 1 << iota // the span itself arrived
	hasParent                    // it names a parent
	orphaned                     // its parent was known and has left: what depends on it is final
	entry                        // it is where a request enters its service
	nested                       // an outgoing span within an outgoing span of the same service
	answering                    // it is one of its caller's answers
	consumed                     // a receive span with a consumer span of the same service inside
	settled                      // Settle has passed since it arrived
	waited                       // Wait has passed since it arrived
	adopted                      // peer was learned from a nested span that has left
	requestOut                   // counted as a request of its service
	queueOut                     // counted as a message its own queue delivered
	linked                       // has links
	linkTarget                   // may be the target of links
	secondTwin                   // found through its twin and not through the index
	held                         // something is not said yet because it is not settled or has not waited
	kept                         // first span of a trace that was kept as evidence
	troubled                     // entry: its request failed, or a call that it made did
)

func (s *slot) has(b state) bool { return s.state&b != 0 }

func (s *slot) set(b state, on bool) {
	if on {
		s.state |= b
	} else {
		s.state &^= b
	}
}

const chunkBits = 12

type chunk [1 << chunkBits]slot

// table keeps slots by number and finds them by trace and span id.
type table struct {
	chunks  []*chunk // of the live numbers, oldest first
	spilled int      // of these, that are not in memory
	spare   []*chunk
	oldest  seq // first live number
	next    seq // number the next slot gets
	lines   []line
	used    int // slots that the index names
	seed    uint64
}

// line is one line of the index, and of the processor's cache. A trace has a line for its first spans, so that
// looking for several spans of a trace, as one request brings them, waits for memory once. What finds no place there
// goes on to a line that fewer spans of the trace share, and in the end to one of its own.
//
// Slots leave in the order of their numbers, and nothing tells a line that one has left: its place is free because
// its number is no longer live. In the same way passed, the latest slot that went on from here, tells whether
// anything can still be found further on; of what that is, onward has a bit each (a Bloom filter with one hash), since most
// of what is looked for is new and would be looked for in vain in several lines.
type line struct {
	slots  [lineSlots]seq
	passed seq
	tags   [lineSlots]uint8
	onward uint64
}

const lineSlots = 10

func newTable(seed uint64) table {
	return table{oldest: 1, next: 1, lines: make([]line, 1<<8), seed: seed, chunks: []*chunk{new(chunk)}}
}

func (t *table) len() int { return int(t.next - t.oldest) }

// live reports whether q numbers a slot that is still there.
func (t *table) live(q seq) bool { return q != 0 && q-t.oldest < t.next-t.oldest }

func (t *table) at(q seq) *slot {
	return &t.chunks[t.chunkOf(q)][q&(1<<chunkBits-1)]
}

func (t *table) chunkOf(q seq) int {
	return int((q>>chunkBits - t.oldest>>chunkBits) & (1<<(32-chunkBits) - 1))
}

// place is where the index has a span: the line of its trace, and what tells it from others there.
type place struct{ trace, span uint64 }

func (t *table) place(trace *graph.TraceID, id *graph.SpanID) place {
	a := binary.LittleEndian.Uint64(trace[:8])
	b := binary.LittleEndian.Uint64(trace[8:])
	c := binary.LittleEndian.Uint64(id[:])
	hi, lo := bits.Mul64(a^t.seed, b^0xbf58476d1ce4e5b9)
	p := place{trace: hi ^ lo}
	hi, lo = bits.Mul64(c^t.seed, p.trace^0x94d049bb133111eb)
	p.span = hi ^ lo
	return p
}

func (p place) tag() uint8 { return uint8(p.span >> 56) }

// bit is that of the span in line.onward. It depends on none of the bits that choose lines.
func (p place) bit() uint64 { return 1 << (p.span >> 48 & 63) }

// line returns the line where the span is looked for after that many others.
func (t *table) line(p place, others int) *line {
	at := p.trace
	switch others {
	case 0:
	case 1:
		at = (at + 1 + p.span&1) * 0x9e3779b97f4a7c15
	case 2:
		at = (at + 3 + p.span&7) * 0x9e3779b97f4a7c15
	default:
		at = (at ^ p.span + uint64(others)) * 0x9e3779b97f4a7c15
	}
	return &t.lines[at>>20&uint64(len(t.lines)-1)]
}

// find returns the slot first made for the id, or 0.
func (t *table) find(trace *graph.TraceID, id *graph.SpanID) seq {
	p := t.place(trace, id)
	tag := p.tag()
	for others := 0; ; others++ {
		l := t.line(p, others)
		for i, other := range l.tags {
			if other == tag && t.live(l.slots[i]) {
				if s := t.at(l.slots[i]); s.id == *id && s.trace == *trace {
					return l.slots[i]
				}
			}
		}
		if l.onward&p.bit() == 0 || !t.live(l.passed) {
			return 0
		}
	}
}

// add makes a slot for the id; inIndex is false for a second twin. The pointer is valid until the slot
// leaves.
func (t *table) add(trace *graph.TraceID, id *graph.SpanID, inIndex bool) (seq, *slot) {
	if t.next == 0 { // wrapped around: 0 is none
		t.next = 1
		if t.oldest == 0 {
			t.oldest = 1
		}
	}
	q := t.next
	for t.chunkOf(q) >= len(t.chunks) {
		c := new(chunk)
		if n := len(t.spare); n > 0 {
			c, t.spare = t.spare[n-1], t.spare[:n-1]
		}
		t.chunks = append(t.chunks, c)
	}
	t.next++
	s := t.at(q)
	*s = slot{trace: *trace, id: *id}
	if !inIndex {
		s.state = secondTwin
		return q, s
	}
	if t.used++; t.used*4 > len(t.lines)*lineSlots*3 {
		t.grow()
	}
	t.insert(q, s)
	return q, s
}

// insert makes the index name q, the slot s.
func (t *table) insert(q seq, s *slot) {
	p := t.place(&s.trace, &s.id)
	for others := 0; ; others++ {
		l := t.line(p, others)
		for i := range l.slots {
			if !t.live(l.slots[i]) {
				l.slots[i], l.tags[i] = q, p.tag()
				return
			}
		}
		t.pass(l, p, q)
	}
}

// pass notes that q, of the place p, goes on from l.
func (t *table) pass(l *line, p place, q seq) {
	if !t.live(l.passed) {
		l.passed, l.onward = q, 0
	}
	l.onward |= p.bit()
	if l.passed-t.oldest < q-t.oldest {
		l.passed = q
	}
}

func (t *table) grow() {
	t.lines = make([]line, 2*len(t.lines))
	for q := t.oldest; q != t.next; q++ {
		if s := t.at(q); q != 0 && q != t.next-1 && !s.has(secondTwin) {
			t.insert(q, s)
		}
	}
}

// replace makes the index find to, which came later, where it found from.
func (t *table) replace(from, to seq) {
	s := t.at(from)
	p := t.place(&s.trace, &s.id)
	for others := 0; ; others++ {
		l := t.line(p, others)
		for i := range l.slots {
			if l.slots[i] == from {
				l.slots[i] = to
				return
			}
		}
		t.pass(l, p, to)
	}
}

// spillOldest moves the oldest chunk in memory to s, unless that has no room or it is the chunk that grows.
func (t *table) spillOldest(s Spill) bool {
	if t.spilled+1 >= len(t.chunks) {
		return false
	}
	c := t.chunks[t.spilled]
	b, err := s.Store(c.bytes())
	if err != nil {
		return false // counted and said by s
	}
	t.chunks[t.spilled] = (*chunk)(unsafe.Pointer(unsafe.SliceData(b)))
	t.spilled++
	t.keep(c)
	return true
}

func (c *chunk) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(c)), unsafe.Sizeof(*c))
}

// spilledSlots is how many live slots are not in memory.
func (t *table) spilledSlots() int {
	if t.spilled == 0 {
		return 0
	}
	return t.spilled<<chunkBits - int(t.oldest&(1<<chunkBits-1))
}

// keep keeps a chunk for later.
func (t *table) keep(c *chunk) {
	if len(t.spare) < 16 {
		t.spare = append(t.spare, c)
	}
}

// dropOldest forgets the oldest slot; indexed tells whether the index names it. If its chunk was spilled to s, that
// is freed with its last slot.
func (t *table) dropOldest(indexed bool, s Spill) {
	if indexed {
		t.used--
	}
	before := t.oldest >> chunkBits
	t.oldest++
	if t.oldest == 0 && t.next != 0 {
		t.oldest = 1
	}
	if t.oldest>>chunkBits != before && len(t.chunks) > 1 {
		if t.spilled > 0 {
			s.Free(t.chunks[0].bytes())
			t.spilled--
		} else {
			t.keep(t.chunks[0])
		}
		t.chunks = t.chunks[1:]
	}
}

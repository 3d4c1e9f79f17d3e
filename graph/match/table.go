package match

import (
	"encoding/binary"
	"math/bits"

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
	chunks []*chunk // of the live numbers, oldest first
	spare  []*chunk
	oldest seq // first live number
	next   seq // number the next slot gets
	index  []cell
	used   int // cells that name live slots
	swept  uint32
	seed   uint64
}

// cell is one place of the index, a hash table with linear probing. The hash stands beside the number so that
// searching and moving cells seldom touch a slot. A cell whose slot has left is dead: it is passed over in
// searching, given to a new slot that comes by, and swept up in time. So a slot that leaves costs no search
// in memory that nobody has looked at for long.
type cell struct {
	hash uint32
	q    seq
}

// Every slot that is added sweeps so many cells, which is a line of the cache. With half of the cells live at
// most, about a sixteenth are dead, and even if all slots leave at once some are always empty.
const sweepCells = 8

func newTable(seed uint64) table {
	return table{oldest: 1, next: 1, index: make([]cell, 1<<10), seed: seed, chunks: []*chunk{new(chunk)}}
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

func (t *table) hash(trace *graph.TraceID, id *graph.SpanID) uint32 {
	a := binary.LittleEndian.Uint64(trace[:8])
	b := binary.LittleEndian.Uint64(trace[8:])
	c := binary.LittleEndian.Uint64(id[:])
	hi, lo := bits.Mul64(a^t.seed, b^0xbf58476d1ce4e5b9)
	hi, lo = bits.Mul64(hi^lo^c, 0x94d049bb133111eb^t.seed)
	return uint32((hi ^ lo) >> 16)
}

// find returns the slot first made for the id, or 0.
func (t *table) find(trace *graph.TraceID, id *graph.SpanID) seq {
	h, mask := t.hash(trace, id), uint32(len(t.index)-1)
	for i := h & mask; ; i = (i + 1) & mask {
		c := t.index[i]
		if c.q == 0 {
			return 0
		}
		if c.hash == h && t.live(c.q) {
			if s := t.at(c.q); s.id == *id && s.trace == *trace {
				return c.q
			}
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
	if t.used++; t.used*2 > len(t.index) {
		t.grow()
	}
	t.insert(cell{t.hash(trace, id), q})
	t.sweep(sweepCells)
	return q, s
}

// insert puts c, which is not in the index, into the first place that is empty or dead.
func (t *table) insert(c cell) {
	mask := uint32(len(t.index) - 1)
	i := c.hash & mask
	for t.live(t.index[i].q) {
		i = (i + 1) & mask
	}
	t.index[i] = c
}

func (t *table) grow() {
	old := t.index
	t.index = make([]cell, 2*len(old))
	for _, c := range old {
		if t.live(c.q) {
			t.insert(c)
		}
	}
}

// sweep empties the dead cells among the next n or a few more. A run of cells is not longer than up to the
// next empty one, and whatever is in it belongs there; so it is cleared and filled again with what lives.
func (t *table) sweep(n int) {
	mask := uint32(len(t.index) - 1)
	i := t.swept & mask
	for ; t.index[i].q != 0 && n > 0; n-- { // in a run whose beginning may have changed since
		i = (i + 1) & mask
	}
	for ; n > 0; n-- {
		for t.index[i].q == 0 && n > 0 {
			i = (i + 1) & mask
			n--
		}
		from, dead := i, false
		for ; t.index[i].q != 0; n-- {
			dead = dead || !t.live(t.index[i].q)
			i = (i + 1) & mask
		}
		if dead {
			t.refill(from, i)
		}
	}
	t.swept = i
}

// refill puts the live cells of the run [from, to) where they are found without the dead ones.
func (t *table) refill(from, to uint32) {
	mask := uint32(len(t.index) - 1)
	for i := from; i != to; i = (i + 1) & mask {
		c := t.index[i]
		t.index[i] = cell{}
		if t.live(c.q) {
			t.insert(c)
		}
	}
}

// replace makes the index find to where it found from.
func (t *table) replace(from, to seq) { t.index[t.position(from)].q = to }

// position returns where the index names q.
func (t *table) position(q seq) uint32 {
	mask := uint32(len(t.index) - 1)
	s := t.at(q)
	i := t.hash(&s.trace, &s.id) & mask
	for t.index[i].q != q {
		i = (i + 1) & mask
	}
	return i
}

// dropOldest forgets the oldest slot; indexed tells whether the index names it.
func (t *table) dropOldest(indexed bool) {
	if indexed {
		t.used--
	}
	before := t.oldest >> chunkBits
	t.oldest++
	if t.oldest == 0 && t.next != 0 {
		t.oldest = 1
	}
	if t.oldest>>chunkBits != before && len(t.chunks) > 1 {
		t.spare = append(t.spare[:min(len(t.spare), 15)], t.chunks[0])
		t.chunks = t.chunks[1:]
	}
}

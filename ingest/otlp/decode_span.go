package otlp

import (
	"math"
	"time"

	"faultline/graph"
)

// scan decodes one trace request. It is used again for the next one.
type scan struct {
	cfg    *DecodeConfig
	known  *resources
	shapes *shapes
	now    int64 // Unix ns
	room   room

	attributes graph.Attributes // of the resource, then of each span
	held       []held           // those of the span that its shape follows from
	hash       uint64           // of these, and of which others there are
	ofSpan     bool             // attributes are those of a span

	// The resource at hand.
	raw       []byte         // what it was read from, unless it is scattered
	source    uint64         // hash of raw
	scattered bool           // over several places
	fresh     graph.Service  // as read: its strings are views of the request
	service   *graph.Service // what spans refer to; nil before one does
	lasting   bool           // requests to come will refer to the same
	flawed    repairs        // what was mended in it

	span     rawSpan
	links    [][]byte // of the span at hand
	rejected map[Reason]int
	repaired [len(repairNames)]int
}

// rawSpan is what is known of a span when all its fields were read.
type rawSpan struct {
	trace, id, parent []byte
	state             []byte
	name              []byte
	kind              uint64
	start, end        uint64
	code              uint64
	message           []byte
	flags             uint32
	exception         []byte // the last event that is an exception
	attributes        int
	events            int
	mended            repairs
}

// repairs is a set of Repair, as bits in the order of repairNames.
type repairs uint8

const (
	negativeDuration repairs = 1 << iota
	invalidUTF8
	selfParent
	nestedValue
	truncated
	clampedFuture
	unnamedService
	invalidLink
)

var repairNames = [...]Repair{
	NegativeDuration, InvalidUTF8, SelfParent, NestedValue, Truncated, ClampedFuture, UnknownService, InvalidLink,
}

// minSpan is the least number of bytes of a span that is kept: its ids and a time.
const minSpan = 18 + 10 + 9

func (s *scan) begin(d *Decoder, now time.Time, data []byte) {
	s.cfg, s.known, s.shapes, s.now = &d.cfg, &d.known, &d.shapes, now.UnixNano()
	if n := countSpans(data); n > 0 {
		s.room.spans = spanRooms.get(n)
	}
}

// countSpans returns how many spans of a request are long enough to be kept. Room for exactly these is at
// most six times the size of the request, and never grows.
func countSpans(data []byte) (n int) {
	for r := (fields{in: data}); r.next(); {
		if r.number != 1 || r.typ != wireBytes {
			continue
		}
		for s := (fields{in: r.data()}); s.next(); {
			if s.number != 2 || s.typ != wireBytes {
				continue
			}
			for sp := (fields{in: s.data()}); sp.next(); {
				if sp.number == 2 && sp.typ == wireBytes && sp.to-sp.from >= minSpan {
					n++
				}
			}
		}
	}
	return n
}

// batch returns what was found.
func (s *scan) batch() (*Batch, room) {
	b := &Batch{Spans: s.room.spans, Rejected: s.rejected}
	for i, n := range s.repaired {
		if n > 0 {
			if b.Repaired == nil {
				b.Repaired = map[Repair]int{}
			}
			b.Repaired[repairNames[i]] = n
		}
	}
	return b, s.room
}

// end lets go of the request's memory.
func (s *scan) end() {
	s.attributes.Reset()
	clear(s.links[:cap(s.links)])
	clear(s.held[:cap(s.held)])
	s.room, s.raw, s.service, s.rejected = room{}, nil, nil, nil
	s.fresh, s.span, s.repaired = graph.Service{}, rawSpan{}, [len(repairNames)]int{}
}

func (s *scan) request(data []byte) *fault {
	f := fields{in: data}
	for i := 0; f.next(); {
		if f.number != 1 || !f.is(wireBytes) {
			continue
		}
		if bad := s.resourceSpans(f.data()); bad != nil {
			return bad.in("resourceSpans", i)
		}
		i++
	}
	return f.fault
}

// resourceSpans reads the spans of one resource. The resource may stand behind its spans and so is looked
// for first.
func (s *scan) resourceSpans(data []byte) *fault {
	if bad := s.findResource(data); bad != nil {
		return bad
	}
	f := fields{in: data}
	for i := 0; f.next(); {
		if f.number != 2 || !f.is(wireBytes) {
			continue
		}
		if bad := s.scopeSpans(f.data()); bad != nil {
			return bad.in("scopeSpans", i)
		}
		i++
	}
	return f.fault
}

func (s *scan) scopeSpans(data []byte) *fault {
	f := fields{in: data}
	for i := 0; f.next(); {
		if f.number != 2 || !f.is(wireBytes) {
			continue
		}
		if bad := s.readSpan(f.data()); bad != nil {
			return bad.in("spans", i)
		}
		s.admit()
		i++
	}
	return f.fault
}

// readSpan reads the fields of a span into s.span, s.attributes and s.links.
func (s *scan) readSpan(data []byte) *fault {
	s.attributes.Reset()
	s.held, s.hash = s.held[:0], 0
	s.links = s.links[:0]
	s.span = rawSpan{}
	p := &s.span
	f := fields{in: data}
	for {
		// Most fields are attributes. They may be taken without a step of f.
		for f.pos < len(data) && data[f.pos] == attributeTag {
			from, to := shortField(data, f.pos)
			if to == 0 {
				break
			}
			f.pos = to
			if bad := s.attribute(data[from:to:to], &p.attributes, &p.mended); bad != nil {
				return bad
			}
		}
		if !f.next() {
			break
		}
		var bad *fault
		switch f.number {
		case 1:
			p.trace = f.bytes()
		case 2:
			p.id = f.bytes()
		case 3:
			p.state = f.bytes()
		case 4:
			p.parent = f.bytes()
		case 5:
			p.name = f.bytes()
		case 6:
			p.kind = f.uint(wireVarint)
		case 7:
			p.start = f.uint(wireFixed64)
		case 8:
			p.end = f.uint(wireFixed64)
		case 9:
			if f.is(wireBytes) {
				bad = s.attribute(f.data(), &p.attributes, &p.mended)
			}
		case 11:
			if f.is(wireBytes) {
				bad = s.event(f.data())
			}
		case 13:
			if f.is(wireBytes) {
				s.link(f.data())
			}
		case 15:
			if f.is(wireBytes) {
				bad = s.status(f.data())
			}
		case 16:
			p.flags = uint32(f.uint(wireFixed32))
		}
		if bad != nil {
			return bad
		}
	}
	if f.fault != nil || p.exception == nil {
		return f.fault
	}
	return s.exceptionAttributes()
}

// admit judges the span that was read, mends what can be mended, and adds it to the batch.
func (s *scan) admit() {
	p := &s.span
	s.room.spans = append(s.room.spans, graph.Span{})
	sp := &s.room.spans[len(s.room.spans)-1]
	if reason := s.place(sp); reason != "" {
		s.room.spans = s.room.spans[:len(s.room.spans)-1]
		if s.rejected == nil {
			s.rejected = map[Reason]int{}
		}
		s.rejected[reason]++
		return
	}
	if s.service == nil {
		s.keepResource()
	}
	sp.Shape = s.shape()
	var known bool
	if sp.Weight, known = graph.SamplingWeight(graph.Cut(view(p.state), s.cfg.MaxValueBytes), s.cfg.MaxWeight); known {
		sp.Outcome |= graph.SamplingKnown
	}
	raw := graph.Raw{Error: p.code == statusError, Message: graph.Cut(view(p.message), s.cfg.MaxValueBytes), Flags: p.flags}
	sp.Conclude(&raw, &s.attributes)
	if sp.Kind == graph.KindConsumer || sp.Outcome&graph.Receive != 0 {
		sp.Links = s.readLinks()
	}
	if mended := p.mended | s.flawed; mended != 0 {
		for i := range s.repaired {
			s.repaired[i] += int(mended >> i & 1)
		}
	}
}

// statusError is the code ERROR of a span's status.
const statusError = 2

// place reads the ids and times of a span. It returns why the span cannot be used, "" if it can.
func (s *scan) place(sp *graph.Span) Reason {
	p := &s.span
	var traced, named, child bool
	sp.Trace, traced = traceID(p.trace)
	sp.ID, named = spanID(p.id)
	if sp.Parent, child = spanID(p.parent); !traced || !named || !child && !isZero(p.parent) {
		return InvalidID // without its parent it would be a root, and so a request of its own
	}
	if sp.Parent == sp.ID {
		sp.Parent = graph.SpanID{}
		p.mended |= selfParent
	}
	start, end := p.start, p.end
	switch {
	case start == 0 && end == 0:
		return NoTimestamp
	case start == 0:
		start = end
	case end < start:
		end = start
		p.mended |= negativeDuration
	}
	latest := uint64(max(s.now, 0)) + uint64(s.cfg.MaxFuture)
	if end > min(latest, math.MaxInt64) || int64(start) < s.now-int64(s.cfg.MaxAge) {
		return OutOfWindow
	}
	sp.Start, sp.Duration = int64(start), time.Duration(end-start)
	if sp.Start > s.now {
		sp.Start = s.now
		p.mended |= clampedFuture
	}
	return ""
}

// traceID and spanID read an id. They are false if the id has another length or is all zero.
func traceID(b []byte) (id graph.TraceID, ok bool) {
	if len(b) == len(id) {
		id = graph.TraceID(b)
	}
	return id, id != graph.TraceID{}
}

func spanID(b []byte) (id graph.SpanID, ok bool) {
	if len(b) == len(id) {
		id = graph.SpanID(b)
	}
	return id, id != graph.SpanID{}
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

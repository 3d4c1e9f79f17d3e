package otlp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"time"

	"faultline/graph"
)

// errPacked says that what was read is not what Pack writes.
var errPacked = errors.New("these are no packed spans")

// Unpack reads spans of a tenant that Pack wrote. The batch may be released; until then its strings may be views of
// packed. The time and memory that it takes are linear in len(packed), whatever that holds.
func (d *Decoder) Unpack(tenant string, packed []byte) (*Batch, error) {
	if len(packed) == 0 || packed[0] != packedVersion {
		return nil, fmt.Errorf("%w of a form that this release knows", errPacked)
	}
	u := unpacker{decoder: d, in: packed[1:]}
	u.services(u.count(leastService))
	u.shapes(u.count(leastShape))
	n := u.count(leastSpan)
	u.room.spans = spanRooms.get(n)
	for range n {
		u.room.spans = append(u.room.spans, graph.Span{})
		u.span(&u.room.spans[len(u.room.spans)-1])
	}
	if u.bad || len(u.in) > 0 {
		u.room.free()
		return nil, errPacked
	}
	r := u.room
	return &Batch{Tenant: tenant, Spans: r.spans, Bytes: len(packed), Release: r.free}, nil
}

// unpacker reads from in. Once something was not as it should be it is bad, and what it returns means nothing.
type unpacker struct {
	decoder *Decoder
	in      []byte
	bad     bool
	room    room
	of      []*graph.Service
	lasting []bool // of which services shapes may last
	known   []*graph.Shape
	trace   graph.TraceID // of the span before
	start   int64         // likewise
}

// The least bytes of what there are several of, so that what is said to come cannot take more memory than a few times
// what does.
const (
	leastService = 5
	leastShape   = 11
	leastSpan    = 12
	leastLink    = 24
)

func (u *unpacker) number() uint64 {
	x, n := binary.Uvarint(u.in)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.in = u.in[n:]
	return x
}

func (u *unpacker) fail() { u.bad, u.in = true, nil }

// count reads how many things follow that take at least so many bytes each.
func (u *unpacker) count(least int) int {
	n := u.number()
	if n > uint64(len(u.in)/least) {
		u.fail()
		return 0
	}
	return int(n)
}

func (u *unpacker) bytes(n int) []byte {
	if n > len(u.in) {
		u.fail()
		return nil
	}
	b := u.in[:n:n]
	u.in = u.in[n:]
	return b
}

func (u *unpacker) byte() byte {
	if b := u.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (u *unpacker) texts(to ...*string) {
	for _, t := range to {
		*t = view(u.bytes(u.count(1)))
	}
}

// index reads the number of one of n things.
func (u *unpacker) index(n int) int {
	x := u.number()
	if x >= uint64(n) {
		u.fail()
		return 0
	}
	return int(x)
}

// aside keeps hashes of packed things apart from those of things on the wire.
const aside = 0x70_61_63_6b

func (u *unpacker) services(n int) {
	known := &u.decoder.known
	u.of, u.lasting = make([]*graph.Service, 0, n), make([]bool, 0, n)
	for range n {
		from := u.in
		s := graph.Service{Node: graph.Node{Type: graph.TypeService}}
		u.texts(&s.Name, &s.Namespace, &s.Environment, &s.Version, &s.Tier)
		if u.bad {
			return
		}
		hash := stir(maphash.Bytes(known.seed, from[:len(from)-len(u.in)]), aside)
		if k := known.find(hash); k != nil {
			u.of, u.lasting = append(u.of, k.service), append(u.lasting, true)
			continue
		}
		service, lasting := known.add(hash, s.Lasting(), 0)
		u.of, u.lasting = append(u.of, service), append(u.lasting, lasting)
	}
}

func (u *unpacker) shapes(n int) {
	u.known = make([]*graph.Shape, 0, n)
	for range n {
		service := u.index(len(u.of))
		from := u.in
		kind, marks := u.byte(), u.byte()
		var s graph.Shape
		u.texts(&s.Operation, &s.Protocol)
		typ := u.byte()
		u.texts(&s.Peer.Name, &s.Peer.Namespace, &s.Peer.Environment, &s.Peer.System, &s.Peer.Address)
		if u.bad || kind > byte(graph.KindConsumer) || int(typ) >= len(nodeTypes) || marks > packedOwn|packedIP {
			u.fail()
			return
		}
		s.Service, s.Kind, s.Peer.Type = u.of[service], graph.Kind(kind), nodeTypes[typ]
		s.Peer.Own, s.Peer.IP = marks&packedOwn != 0, marks&packedIP != 0
		u.known = append(u.known, u.shape(&s, u.lasting[service], from[:len(from)-len(u.in)]))
	}
}

// shape returns what stands for s, which was read from raw.
func (u *unpacker) shape(s *graph.Shape, lasting bool, raw []byte) *graph.Shape {
	shapes := &u.decoder.shapes
	hash := stir(shapes.hash(s.Service, s.Kind, aside), maphash.Bytes(shapes.seed, raw))
	if k := shapes.find(hash, s.Service, s.Kind); k != nil {
		return k.shape
	}
	if lasting {
		if lasts := shapes.add(hash, s, 0); lasts != nil {
			return lasts
		}
	}
	passing := u.room.shape()
	*passing = *s
	return passing
}

func (u *unpacker) span(s *graph.Span) {
	shape := u.index(len(u.known))
	marks := u.byte()
	if marks&packedTrace != 0 {
		copy(u.trace[:], u.bytes(len(u.trace)))
	}
	s.Trace = u.trace
	copy(s.ID[:], u.bytes(len(s.ID)))
	if marks&packedParent != 0 {
		copy(s.Parent[:], u.bytes(len(s.Parent)))
	}
	past, n := binary.Varint(u.in)
	if n <= 0 {
		u.fail()
		return
	}
	u.in = u.in[n:]
	u.start += past
	s.Start, s.Duration = u.start, time.Duration(u.number())
	if marks&packedOutcome != 0 {
		s.Outcome = graph.Outcome(u.number())
	}
	s.Weight = 1
	if marks&packedWeight != 0 {
		if b := u.bytes(4); b != nil {
			s.Weight = math.Float32frombits(binary.LittleEndian.Uint32(b))
		}
	}
	if marks&packedLinks != 0 {
		s.Links = u.links(u.count(leastLink))
	}
	if u.bad || marks > allPacked || s.Trace == (graph.TraceID{}) || s.ID == (graph.SpanID{}) || s.Start <= 0 || s.Duration < 0 || !(s.Weight >= 1) {
		u.fail()
		return
	}
	s.Shape = u.known[shape]
}

func (u *unpacker) links(n int) []graph.Link {
	links := make([]graph.Link, n)
	for i := range links {
		copy(links[i].Trace[:], u.bytes(len(links[i].Trace)))
		copy(links[i].ID[:], u.bytes(len(links[i].ID)))
	}
	return links
}

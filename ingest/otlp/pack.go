package otlp

import (
	"encoding/binary"
	"math"
	"sync"

	"faultline/graph"
)

// The packed form of spans is what is kept of them: all that matching needs and nothing else, a sixth of what they take as
// OTLP. It stands by itself:
//
//	version 1
//	n services   name, namespace, environment, version, tier
//	n shapes     service · kind · marks · operation, protocol, type of the peer, its name, namespace, environment, system, address
//	n spans      shape · marks · trace 16 · id 8 · parent 8 · start · duration · outcome · weight 4 · n links: trace 16, id 8
//
// Numbers are varints, texts have their length before them, services and shapes are numbered from 0. The marks of a span
// say which of trace, parent, outcome, weight and links are there. Without a trace it is that of the span before, and start is
// the difference to that span's, zigzag, in ns.
const packedVersion = 1

// The marks of a shape.
const (
	packedOwn = 1 << iota
	packedIP
)

// The marks of a span.
const (
	packedTrace = 1 << iota
	packedParent
	packedOutcome
	packedWeight
	packedLinks
	allPacked = 1<<iota - 1
)

// nodeTypes are the types of a node by their number in the packed form. Those never change.
var nodeTypes = [...]graph.NodeType{
	"", graph.TypeService, graph.TypeDatabase, graph.TypeCache, graph.TypeQueue, graph.TypeFunction, graph.TypeExternal,
	graph.TypeUser, graph.TypeUnknown,
}

func numberOf(t graph.NodeType) byte {
	for i := range nodeTypes {
		if nodeTypes[i] == t {
			return byte(i)
		}
	}
	return 0 // there is none
}

// packer numbers services and shapes. It is used again.
type packer struct {
	services map[*graph.Service]uint64
	shapes   map[*graph.Shape]uint64
	used     []*graph.Shape // in the order of their numbers
	of       []*graph.Service
	numbers  []uint32 // shape of each span
}

var packers = sync.Pool{New: func() any {
	return &packer{services: map[*graph.Service]uint64{}, shapes: map[*graph.Shape]uint64{}}
}}

// Pack appends spans in their packed form to b.
func Pack(b []byte, spans []graph.Span) []byte {
	p := packers.Get().(*packer)
	defer packers.Put(p)
	p.number(spans)
	defer p.reset()
	b = append(b, packedVersion)
	b = binary.AppendUvarint(b, uint64(len(p.of)))
	for _, s := range p.of {
		b = appendTexts(b, s.Name, s.Namespace, s.Environment, s.Version, s.Tier)
	}
	b = binary.AppendUvarint(b, uint64(len(p.used)))
	for _, s := range p.used {
		b = p.appendShape(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(spans)))
	var last graph.Span
	for i := range spans {
		b = appendSpan(b, &spans[i], &last, p.numbers[i])
		last.Trace, last.Start = spans[i].Trace, spans[i].Start
	}
	return b
}

func (p *packer) number(spans []graph.Span) {
	for i := range spans {
		s := spans[i].Shape
		n, known := p.shapes[s]
		if !known {
			n = uint64(len(p.used))
			p.shapes[s] = n
			p.used = append(p.used, s)
			if _, known := p.services[s.Service]; !known {
				p.services[s.Service] = uint64(len(p.of))
				p.of = append(p.of, s.Service)
			}
		}
		p.numbers = append(p.numbers, uint32(n))
	}
}

func (p *packer) reset() {
	clear(p.services)
	clear(p.shapes)
	clear(p.used)
	clear(p.of)
	p.used, p.of, p.numbers = p.used[:0], p.of[:0], p.numbers[:0]
}

func (p *packer) appendShape(b []byte, s *graph.Shape) []byte {
	b = binary.AppendUvarint(b, p.services[s.Service])
	var marks byte
	if s.Peer.Own {
		marks |= packedOwn
	}
	if s.Peer.IP {
		marks |= packedIP
	}
	b = append(b, byte(s.Kind), marks)
	b = appendTexts(b, s.Operation, s.Protocol)
	b = append(b, numberOf(s.Peer.Type))
	return appendTexts(b, s.Peer.Name, s.Peer.Namespace, s.Peer.Environment, s.Peer.System, s.Peer.Address)
}

func appendTexts(b []byte, texts ...string) []byte {
	for _, t := range texts {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	return b
}

// appendSpan appends s, which comes after last.
func appendSpan(b []byte, s, last *graph.Span, shape uint32) []byte {
	b = binary.AppendUvarint(b, uint64(shape))
	at := len(b)
	b = append(b, 0)
	var marks byte
	if s.Trace != last.Trace {
		marks |= packedTrace
		b = append(b, s.Trace[:]...)
	}
	b = append(b, s.ID[:]...)
	if s.Parent != (graph.SpanID{}) {
		marks |= packedParent
		b = append(b, s.Parent[:]...)
	}
	b = binary.AppendVarint(b, s.Start-last.Start)
	b = binary.AppendUvarint(b, uint64(s.Duration))
	if s.Outcome != 0 {
		marks |= packedOutcome
		b = binary.AppendUvarint(b, uint64(s.Outcome))
	}
	if s.Weight != 1 {
		marks |= packedWeight
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(s.Weight))
	}
	if len(s.Links) > 0 {
		marks |= packedLinks
		b = binary.AppendUvarint(b, uint64(len(s.Links)))
		for i := range s.Links {
			b = append(append(b, s.Links[i].Trace[:]...), s.Links[i].ID[:]...)
		}
	}
	b[at] = marks
	return b
}

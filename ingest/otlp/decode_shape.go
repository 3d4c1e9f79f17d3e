package otlp

import (
	"hash/maphash"
	"math"
	"unsafe"

	"faultline/graph"
)

// shapes are the shapes of late spans, by a hash of all that they follow from: the service, the span's kind and
// name, the attributes whose values do not vary from span to span, and which of the others there are. Nearly all
// spans come from few places, and one whose shape is known costs neither naming nor memory.
type shapes struct{ knowns[knownShape] }

type knownShape struct {
	shape   *graph.Shape
	service *graph.Service // that of the shape, like its kind: they cost no look elsewhere
	kind    graph.Kind
	mended  repairs // what was mended in what it follows from
}

// The bounds of what is remembered, whatever senders make up. A shape takes about 260 bytes, and an edge has about two.
const (
	shapeBuckets  = 1 << 16
	maxShapeBytes = 48 << 20
)

func bytesOf(s *graph.Shape) int64 {
	return int64(unsafe.Sizeof(known[knownShape]{})+unsafe.Sizeof(*s)) +
		int64(len(s.Operation)+len(s.Protocol)+len(s.Peer.Name)+len(s.Peer.Namespace)+len(s.Peer.Environment)+len(s.Peer.System)+len(s.Peer.Address))
}

// hash mixes the service and the kind of a shape into the hash of all else that it follows from.
func (c *shapes) hash(service *graph.Service, kind graph.Kind, rest uint64) uint64 {
	return stir(rest, uint64(uintptr(unsafe.Pointer(service)))^uint64(kind))
}

// find returns what is known behind a hash, or nil.
func (c *shapes) find(hash uint64, service *graph.Service, kind graph.Kind) *knownShape {
	if k := c.knowns.find(hash); k != nil && k.service == service && k.kind == kind {
		return k
	}
	return nil
}

// rehash mixes what a shape is called into the hash of what it follows from.
func (c *shapes) rehash(hash uint64, s *graph.Shape) uint64 {
	for _, text := range [...]string{s.Operation, s.Peer.Name, s.Peer.Address} {
		hash = stir(hash, maphash.String(c.seed, text))
	}
	return hash
}

// add remembers what shape was found behind a hash, and returns a copy that lasts; nil if there is no place for it.
func (c *shapes) add(hash uint64, shape *graph.Shape, mended repairs) *graph.Shape {
	k := c.knowns.add(hash, bytesOf(shape), func() knownShape {
		return knownShape{shape.Lasting(), shape.Service, shape.Kind, mended}
	})
	if k == nil {
		return nil
	}
	return k.shape
}

// held is an attribute that shapes follow from. Its text is looked at only if the shape is not known.
type held struct {
	key   graph.Key
	value value
}

// hold takes an attribute of the span at hand down, in the hash at least.
func (s *scan) hold(k graph.Key, v *value) {
	s.held = append(s.held, held{k, *v})
	s.hash = stir(s.hash, uint64(k)<<8|uint64(v.form))
	switch v.form {
	case textValue:
		s.hash = stir(s.hash, maphash.Bytes(s.shapes.seed, v.text))
	case doubleValue:
		s.hash = stir(s.hash, math.Float64bits(v.double))
	default:
		s.hash = stir(s.hash, uint64(v.number))
	}
}

// note takes down that there is an attribute whose value varies.
func (s *scan) note(k graph.Key, v *value) {
	if v.form == textValue && len(v.text) == 0 || v.form == noValue {
		return // as if it were not there
	}
	s.hash += stir(presence, uint64(k))
}

// presence tells that an attribute is there from its value. It is like no key: stirred into itself each would come to nothing.
const presence = 0xa0761d6478bd642f

// stir mixes x into h (the multiplication and fold of wyhash).
func stir(h, x uint64) uint64 {
	h = (h ^ x) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// shape returns the shape of the span that was read.
func (s *scan) shape() *graph.Shape {
	p := &s.span
	kind := graph.KindUnspecified
	if p.kind <= uint64(graph.KindConsumer) {
		kind = graph.Kind(p.kind)
	}
	hash := stir(s.shapes.hash(s.service, kind, s.hash), maphash.Bytes(s.shapes.seed, p.name))
	if k := s.shapes.find(hash, s.service, kind); k != nil {
		p.mended |= k.mended
		return k.shape
	}
	var mended repairs
	for i := range s.held {
		s.set(s.held[i].key, &s.held[i].value, &mended)
	}
	shape := s.room.shape()
	shape.Service, shape.Kind = s.service, kind
	alike := shape.Describe(s.text(p.name, graph.MaxName, &mended), &s.attributes)
	p.mended |= mended
	if !alike {
		// A value that varies had a part in it, such as a path. It is one of few shapes nevertheless, since what
		// varies was left out of the names: only finding out which one costs more.
		hash = s.shapes.rehash(hash, shape)
		if k := s.shapes.find(hash, s.service, kind); k != nil && k.shape.Equal(shape) {
			s.room.dropShape()
			return k.shape
		}
		mended = 0
	}
	if s.lasting {
		if lasts := s.shapes.add(hash, shape, mended); lasts != nil {
			s.room.dropShape()
			return lasts
		}
	}
	s.room.viewed = true
	return shape
}

package match

import (
	"unsafe"

	"faultline/graph"
)

// terms are what a Shape says, in numbers. They are found out anew every hour, so that it is known which names are in use.
type terms struct {
	tenant      string
	hour        int64
	node, peer  NodeRef
	op, version NameRef
	protocol    uint8
}

// knownTerms are the terms of shapes that last. Each has one place, by its address, and gives way to another that has
// the same: it is asked for every span, and a map would cost several times as much.
type knownTerms struct {
	places []knownTerm // a power of two
	used   int
}

type knownTerm struct {
	shape *graph.Shape
	terms terms
}

const leastTerms, mostTerms = 1 << 8, 1 << 17

func newKnownTerms() knownTerms { return knownTerms{places: make([]knownTerm, leastTerms)} }

func (k *knownTerms) place(s *graph.Shape) *knownTerm {
	h := uint64(uintptr(unsafe.Pointer(s))) * 0x9e3779b97f4a7c15
	return &k.places[h>>40&uint64(len(k.places)-1)]
}

// of returns the terms of a shape, or nil if they are not known.
func (k *knownTerms) of(s *graph.Shape) *terms {
	if p := k.place(s); p.shape == s {
		return &p.terms
	}
	return nil
}

// put remembers the terms of a shape.
func (k *knownTerms) put(s *graph.Shape, t terms) {
	if 4*k.used >= len(k.places) && len(k.places) < mostTerms {
		old := k.places
		*k = knownTerms{places: make([]knownTerm, min(4*len(old), mostTerms))}
		for i := range old {
			if old[i].shape != nil {
				k.put(old[i].shape, old[i].terms)
			}
		}
	}
	p := k.place(s)
	if p.shape == nil {
		k.used++
	}
	*p = knownTerm{s, t}
}

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

// knownTerms are the terms of shapes that last, by their addresses: a map would cost several times as much, and they are
// asked for every span. When there are too many all are forgotten, since nothing says which of the shapes still are.
type knownTerms struct {
	places []knownTerm // a power of two; what has no room in its place has it in one of the next
	used   int         // at most three quarters
}

type knownTerm struct {
	shape *graph.Shape
	terms terms
}

const leastTerms, mostTerms = 1 << 8, 1 << 18

func newKnownTerms() knownTerms { return knownTerms{places: make([]knownTerm, leastTerms)} }

// place returns the place of a shape, or the one where it would be.
func (k *knownTerms) place(s *graph.Shape) *knownTerm {
	h := uint64(uintptr(unsafe.Pointer(s))) * 0x9e3779b97f4a7c15
	for i := h >> 32; ; i++ {
		if p := &k.places[i&uint64(len(k.places)-1)]; p.shape == s || p.shape == nil {
			return p
		}
	}
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
	p := k.place(s)
	if p.shape == nil {
		if 4*(k.used+1) > 3*len(k.places) {
			k.makeRoom()
			p = k.place(s)
		}
		k.used++
	}
	*p = knownTerm{s, t}
}

func (k *knownTerms) makeRoom() {
	old := k.places
	if len(old) >= mostTerms {
		*k = newKnownTerms()
		return
	}
	*k = knownTerms{places: make([]knownTerm, 2*len(old))}
	for i := range old {
		if old[i].shape != nil {
			k.put(old[i].shape, old[i].terms)
		}
	}
}

package graph

// Buffer is memory for rows that are read again and again. Those in it are valid until it is read into again. The zero value is
// ready; nil is one that is used once.
type Buffer[T any] struct {
	Rows []T
	Bins Bins // of the histograms of Rows

	expected int // rows, after Release
}

// Reset returns b, or a new Buffer if b is nil, without rows. Room of which not a quarter was used is given back.
func (b *Buffer[T]) Reset() *Buffer[T] {
	if b == nil {
		return new(Buffer[T])
	}
	switch {
	case b.expected > 0:
		*b = Buffer[T]{Rows: make([]T, 0, b.expected)}
	case cap(b.Rows) > 4*len(b.Rows):
		*b = Buffer[T]{}
	default:
		b.Rows = b.Rows[:0]
		b.Bins.reset()
	}
	return b
}

// Release gives the memory back until b is used again; how much was needed is remembered. Rows that were read are not valid any more.
func (b *Buffer[T]) Release() {
	if n := len(b.Rows); n > 0 {
		*b = Buffer[T]{expected: n + n/8}
	}
}

// Bins is memory for histograms, in large pieces: a graph has hundreds of thousands of short ones. The zero value is ready.
type Bins struct {
	pages [][]Bin
	page  int   // from 1, the one that is being cut; 0: none
	free  []Bin // the rest of it
}

const binsPage = 16 << 10

// Cut returns an empty histogram with room for n buckets. Its capacity ends there, so that what grows moves away from its neighbours.
func (b *Bins) Cut(n int) Histogram {
	for len(b.free) < n {
		if b.page == len(b.pages) {
			b.pages = append(b.pages, make([]Bin, max(binsPage, n)))
		}
		b.free = b.pages[b.page]
		b.page++
	}
	h := b.free[:0:n]
	b.free = b.free[n:]
	return Histogram(h)
}

// reset makes the memory of all histograms that were cut free for others.
func (b *Bins) reset() {
	b.pages = b.pages[:b.page] // what was not needed is given back
	b.page, b.free = 0, nil
}

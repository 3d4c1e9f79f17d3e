package rollup

import "math/bits"

// key tells rows apart. It holds small numbers and no strings, because it is hashed for every call.
type key interface {
	comparable
	hash() uint64
}

// rows are the rows of one kind in a block. Unlike a map it keeps them in one piece of memory, in the order in which
// they came, and uses that again for the next block.
type rows[K key, V any] struct {
	cells []cell // open addressing with linear probing; a power of two, at most half full
	keys  []K
	list  []V
}

// cell is one place of the index.
type cell struct {
	hash uint32
	at   uint32 // place in list, from 1; 0: free
}

func (r *rows[K, V]) len() int { return len(r.list) }

// find returns the row with that key, or nil. It is valid until the next add.
func (r *rows[K, V]) find(k K) *V {
	if len(r.cells) == 0 {
		return nil
	}
	h, mask := uint32(k.hash()>>32), uint32(len(r.cells)-1)
	for i := h & mask; r.cells[i].at != 0; i = (i + 1) & mask {
		if c := r.cells[i]; c.hash == h && r.keys[c.at-1] == k {
			return &r.list[c.at-1]
		}
	}
	return nil
}

// add makes an empty row with a key that no other has.
func (r *rows[K, V]) add(k K) *V {
	if 2*(len(r.list)+1) > len(r.cells) {
		r.grow()
	}
	var v V
	r.keys, r.list = append(r.keys, k), append(r.list, v)
	r.insert(uint32(k.hash()>>32), uint32(len(r.list)))
	return &r.list[len(r.list)-1]
}

func (r *rows[K, V]) insert(h, at uint32) {
	mask := uint32(len(r.cells) - 1)
	i := h & mask
	for r.cells[i].at != 0 {
		i = (i + 1) & mask
	}
	r.cells[i] = cell{h, at}
}

func (r *rows[K, V]) grow() {
	old := r.cells
	r.cells = make([]cell, max(64, 2*len(old)))
	for _, c := range old {
		if c.at != 0 {
			r.insert(c.hash, c.at)
		}
	}
}

// reset forgets all rows. Room that was not half used is given back.
func (r *rows[K, V]) reset() {
	if 8*len(r.list) < len(r.cells) {
		*r = rows[K, V]{}
		return
	}
	clear(r.cells)
	clear(r.list) // it may refer to much
	r.keys, r.list = r.keys[:0], r.list[:0]
}

// mix folds two numbers into one that depends on every bit of both (the multiplication of wyhash).
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xbf58476d1ce4e5b9)
	return hi ^ lo
}

func pair(a, b uint32) uint64 { return uint64(a)<<32 | uint64(b) }

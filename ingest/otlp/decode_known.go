package otlp

import (
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"
)

// knowns are things that were found out before, by a hash of all that they follow from, within a bound on their number
// and one on their bytes. It is safe for concurrent use, and looking something up waits for nobody.
//
// A hash stands for what was hashed: that two things share one of 64 bits, seeded anew in every process, is less
// likely than that memory errs.
type knowns[T any] struct {
	seed    maphash.Seed
	buckets []bucket[T] // a power of two
	most    int64       // bytes
	bytes   atomic.Int64
}

// bucket is one line of the processor's cache.
type bucket[T any] struct {
	hashes [ways]atomic.Uint64 // a hint: that of the known itself counts
	knowns [ways]atomic.Pointer[known[T]]
}

const ways = 4

type known[T any] struct {
	hash  uint64
	bytes int64 // that it takes, about
	what  T
}

// newcomer is how seldom something takes the place of something else. If it always did, things that come in turns and are
// too many for a bucket would never be found there.
const newcomer = 8

func newKnowns[T any](buckets int, most int64) knowns[T] {
	return knowns[T]{seed: maphash.MakeSeed(), buckets: make([]bucket[T], buckets), most: most}
}

// find returns what is known behind a hash, or nil.
func (k *knowns[T]) find(hash uint64) *T {
	b := &k.buckets[hash&uint64(len(k.buckets)-1)]
	for i := range b.hashes {
		if b.hashes[i].Load() == hash {
			if e := b.knowns[i].Load(); e != nil && e.hash == hash {
				return &e.what
			}
		}
	}
	return nil
}

// add remembers what was found behind a hash, which takes so many bytes: what is asked for only if there is a place for
// it. It returns nil if there is none.
func (k *knowns[T]) add(hash uint64, bytes int64, what func() T) *T {
	b := &k.buckets[hash&uint64(len(k.buckets)-1)]
	at := 0
	for at < ways && b.knowns[at].Load() != nil {
		at++
	}
	if at == ways {
		if rand.Uint32()%newcomer != 0 {
			return nil
		}
		at = rand.IntN(ways)
	}
	old := b.knowns[at].Load()
	grows := bytes
	if old != nil {
		grows -= old.bytes
	}
	if grows > 0 && k.bytes.Load()+grows > k.most {
		return nil
	}
	e := &known[T]{hash, bytes, what()}
	if !b.knowns[at].CompareAndSwap(old, e) {
		return nil
	}
	b.hashes[at].Store(hash)
	k.bytes.Add(grows)
	return &e.what
}

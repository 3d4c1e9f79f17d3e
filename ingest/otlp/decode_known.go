package otlp

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// knowns are things that were found out before, by a hash of all that they follow from, within a bound on their number
// and one on their bytes. It is safe for concurrent use, and looking something up waits for nobody.
//
// A hash stands for what was hashed: that two things share one of 64 bits, seeded anew in every process, is less
// likely than that memory errs.
type knowns[T any] struct {
	seed        maphash.Seed
	buckets     atomic.Pointer[[]bucket[T]] // a power of two
	mostBuckets int
	mostBytes   int64

	adding sync.Mutex
	bytes  int64
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
// too many for a bucket, or for the bytes, would never be found there.
const newcomer = 8

// begin makes k one of at most so many buckets, a power of two, and bytes.
func (k *knowns[T]) begin(mostBuckets int, mostBytes int64) {
	const least = 64
	k.seed, k.mostBuckets, k.mostBytes = maphash.MakeSeed(), mostBuckets, mostBytes
	buckets := make([]bucket[T], least)
	k.buckets.Store(&buckets)
}

func bucketOf[T any](all []bucket[T], hash uint64) *bucket[T] {
	return &all[hash&uint64(len(all)-1)]
}

// find returns what is known behind a hash, or nil.
func (k *knowns[T]) find(hash uint64) *T {
	b := bucketOf(*k.buckets.Load(), hash)
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
// it. It returns nil if there is none, or if something else is just being added.
func (k *knowns[T]) add(hash uint64, bytes int64, what func() T) *T {
	if !k.adding.TryLock() {
		return nil
	}
	defer k.adding.Unlock()
	if known := k.find(hash); known != nil {
		return known // somebody else found it out meanwhile
	}
	all := *k.buckets.Load()
	b := bucketOf(all, hash)
	at := b.free()
	for at == ways && len(all) < k.mostBuckets {
		all = grown(all)
		k.buckets.Store(&all)
		b = bucketOf(all, hash)
		at = b.free()
	}
	if at == ways || k.bytes+bytes > k.mostBytes {
		if bytes > k.mostBytes || rand.Uint32()%newcomer != 0 {
			return nil
		}
		if at == ways {
			at = rand.IntN(ways)
			k.drop(b, at)
		}
		k.makeRoom(all, bytes)
	}
	k.bytes += bytes
	e := &known[T]{hash, bytes, what()}
	b.put(at, e)
	return &e.what
}

// makeRoom forgets what it comes across until there is room for so many bytes, which the bound allows.
func (k *knowns[T]) makeRoom(all []bucket[T], bytes int64) {
	for i := rand.IntN(len(all)); k.bytes+bytes > k.mostBytes; i = (i + 1) % len(all) {
		for at := range ways {
			k.drop(&all[i], at)
		}
	}
}

// drop forgets what is at a place of b, if there is something.
func (k *knowns[T]) drop(b *bucket[T], at int) {
	if e := b.knowns[at].Load(); e != nil {
		k.bytes -= e.bytes
		b.knowns[at].Store(nil)
	}
}

// free is the first free place, or ways.
func (b *bucket[T]) free() (at int) {
	for at < ways && b.knowns[at].Load() != nil {
		at++
	}
	return at
}

func (b *bucket[T]) put(at int, e *known[T]) {
	b.knowns[at].Store(e)
	b.hashes[at].Store(e.hash)
}

// grown is twice as many buckets with the same in them: what one held has room in the two that it became.
func grown[T any](old []bucket[T]) []bucket[T] {
	all := make([]bucket[T], 2*len(old))
	for i := range old {
		for j := range old[i].knowns {
			if e := old[i].knowns[j].Load(); e != nil {
				b := bucketOf(all, e.hash)
				b.put(b.free(), e)
			}
		}
	}
	return all
}

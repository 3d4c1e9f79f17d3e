package ingest

import (
	"math/rand/v2"
	"time"
)

// backoff gives pauses that double from first to most, each drawn from its upper half so that replicas
// that failed together do not come back together.
type backoff struct {
	first, most time.Duration
	last        time.Duration
}

func (b *backoff) next() time.Duration {
	b.last = min(max(2*b.last, b.first), b.most)
	return b.last/2 + rand.N(b.last/2)
}

package otlp

import (
	"math/rand/v2"
	"sync"
	"time"
)

// pace says when refused senders should come again: soon at first, later the longer the refusals go on,
// and never all at once.
type pace struct {
	mu          sync.Mutex
	first, last time.Time // of the refusals going on
}

// The longest wait at the start of an episode of refusals and ever, in seconds. Many SDKs keep a batch for
// 10 s only, so a short jam should not cost them any.
const (
	firstWait = 3
	maxWait   = 30
)

// wait returns a whole number of seconds from 1 to maxWait.
func (p *pace) wait(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.last) > maxWait*time.Second {
		p.first = now
	}
	p.last = now
	longest := min(firstWait+int(now.Sub(p.first)/time.Second), maxWait)
	return time.Duration(1+rand.IntN(longest)) * time.Second
}

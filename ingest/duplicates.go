package ingest

import (
	"sync"
	"time"

	"faultline/ingest/otlp"
)

// duplicates remembers the bodies of the last minutes, so that one sent again is known before it costs
// anything. It is a shortcut: matching knows each span again by itself.
type duplicates struct {
	keep time.Duration
	most int

	mu       sync.Mutex
	old, new map[otlp.Hash]struct{} // of the last period and of this one, each half of keep long at least
	since    time.Time              // begin of this period
}

// maxHashes bounds the bodies remembered: at 40 B each, twice this many take 40 MB.
const maxHashes = 500_000

func newDuplicates(keep time.Duration) *duplicates {
	return &duplicates{keep: keep, most: maxHashes, new: map[otlp.Hash]struct{}{}}
}

// has reports whether h was added lately.
func (d *duplicates) has(h otlp.Hash) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.new[h]; ok {
		return true
	}
	_, ok := d.old[h]
	return ok
}

// add remembers h, which was received at now.
func (d *duplicates) add(h otlp.Hash, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.since) > d.keep || len(d.new) >= d.most {
		d.old, d.new, d.since = d.new, map[otlp.Hash]struct{}{}, now
	}
	d.new[h] = struct{}{}
}

package journal

import (
	"os"
	"sync"
	"testing"
	"time"
)

// Segments end while others append, and what Append says is kept was synced.
func TestSyncOverSegments(t *testing.T) {
	c := config(t)
	c.Fsync = Always
	j := open(t, c)
	var wg sync.WaitGroup
	const writers, each = 8, 60
	for range writers {
		wg.Go(func() {
			for range each {
				at, err := j.Append(t.Context(), Record{Time: t0, Body: make([]byte, 700)}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				j.syncing.Lock()
				synced := j.synced
				j.syncing.Unlock()
				if synced < at {
					t.Errorf("record %d is kept, on the disk is all up to %d", at, synced)
				}
			}
		})
	}
	wg.Wait()
	if n := len(j.segments); n < 80 {
		t.Errorf("%d segments", n)
	}
	shut(t, j)
}

// A sync that fails is told to all who wait for one of its records, however often they ask, and to nobody else.
func TestSyncFails(t *testing.T) {
	c := config(t)
	c.Fsync, c.FsyncEvery = Interval, time.Hour
	j := open(t, c)
	closed, err := os.CreateTemp(c.Dir, "closed")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()

	add(t, j, 1, 2)
	if err := j.syncTo(1); err != nil {
		t.Fatal(err)
	}
	add(t, j, 3, 4)
	j.mu.Lock()
	if err := j.turn(); err != nil {
		t.Fatal(err)
	}
	good := j.ended[0].file
	j.ended[0].file = closed
	j.mu.Unlock()
	add(t, j, 5, 6)
	if err := j.syncTo(6); err == nil {
		t.Error("a sync that failed is not told")
	}
	for at, want := range map[Position]bool{1: true, 2: true, 3: false, 4: false, 5: true, 6: true} {
		if err := j.syncTo(at); (err == nil) != want {
			t.Errorf("record %d: %v", at, err)
		}
	}
	add(t, j, 7, 7)
	if err := j.syncTo(7); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	equal(t, "all that was written", numbers(1, 7), read(t, j, 0))
	_ = good.Close()
	shut(t, j)
}

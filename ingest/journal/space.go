package journal

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// freeSpace watches how much of the disk is free.
type freeSpace struct {
	dir  string
	keep int64
	at   time.Time
	free int64
}

// lookEvery is how long one look at the disk is good for.
const lookEvery = time.Second

// forget makes the next check look at the disk.
func (s *freeSpace) forget() { s.at = time.Time{} }

// check reports ErrFull if n bytes more would leave less than keep.
func (s *freeSpace) check(n int64) error {
	if s.keep == 0 {
		return nil
	}
	if now := time.Now(); now.Sub(s.at) > lookEvery {
		var st unix.Statfs_t
		if err := unix.Statfs(s.dir, &st); err != nil {
			return fmt.Errorf("look at the disk of the journal: %w", err)
		}
		s.at, s.free = now, int64(st.Bavail)*st.Bsize
	}
	if s.free-n < s.keep {
		return fmt.Errorf("%w: its disk has %d bytes left, and journal.keep_free leaves %d to others", ErrFull, s.free, s.keep)
	}
	return nil
}

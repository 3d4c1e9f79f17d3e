package journal

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// breakDisk replaces what puts files or names on the disk until the end of the test.
func breakDisk(t *testing.T, data func(fd int) error, names func(dir string) error) {
	t.Helper()
	working := disk
	t.Cleanup(func() { disk = working })
	if data != nil {
		disk.data = data
	}
	if names != nil {
		disk.names = names
	}
}

var errDisk = errors.New("input/output error")

// kept asks for the records that are on the disk, as those who wait for them do.
func kept(t *testing.T, j *Journal, want map[Position]bool) {
	t.Helper()
	for at, want := range want {
		if err := j.syncTo(at); (err == nil) != want {
			t.Errorf("record %d: %v, want it kept: %t", at, err, want)
		}
	}
}

// What an earlier process wrote is put on the disk before it counts as kept: a process that is killed leaves it to the operating system.
func TestOpenPutsWhatItFindsOnTheDisk(t *testing.T) {
	for policy, want := range map[string]int{Always: 3, Interval: 3, Off: 0} {
		c := config(t)
		j := open(t, c)
		for n := 1; len(j.segments) < 3; n++ {
			add(t, j, n, n)
		}
		shut(t, j)
		files, names := map[string]bool{}, 0
		breakDisk(t, func(fd int) error {
			path, err := os.Readlink(filepath.Join("/proc/self/fd", strconv.Itoa(fd)))
			files[path] = true
			return errors.Join(err, unix.Fdatasync(fd))
		}, func(dir string) error { names++; return syncDir(dir) })
		c.Fsync, c.FsyncEvery = policy, time.Hour
		j = open(t, c)
		if len(files) != want || (names > 0) != (want > 0) {
			t.Errorf("%s: %d files and the folder %d times put on the disk, want %d files", policy, len(files), names, want)
		}
		shut(t, j)
		if policy == Off {
			continue
		}
		disk.data = func(int) error { return errDisk }
		if _, err := Open(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); !errors.Is(err, errDisk) {
			t.Errorf("%s: opened although what is there may not be kept: %v", policy, err)
		}
		disk.data = unix.Fdatasync
	}
}

// turn begins another segment, as a segment that is full does.
func turn(t *testing.T, j *Journal) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.turn(); err != nil {
		t.Fatal(err)
	}
}

// A file whose name the disk may not have is of no use, however well its records are kept.
func TestNamesFail(t *testing.T) {
	c := config(t)
	c.Fsync, c.FsyncEvery = Interval, time.Hour
	j := open(t, c)
	add(t, j, 1, 2)
	kept(t, j, map[Position]bool{2: true})
	turn(t, j)
	add(t, j, 3, 4)
	turn(t, j)
	add(t, j, 5, 5)
	breakDisk(t, nil, func(string) error { return errDisk })
	if err := j.syncTo(5); !errors.Is(err, errDisk) {
		t.Errorf("a folder that cannot be synced: %v", err)
	}
	disk.names = syncDir
	add(t, j, 6, 7)
	kept(t, j, map[Position]bool{1: true, 2: true, 3: false, 4: false, 5: false, 6: true, 7: true})
	equal(t, "all that was written", numbers(1, 7), read(t, j, 0))
	shut(t, j)
}

// A file that could not be synced before anything was written to it does not stand in the way of the next.
func TestEmptyFileFails(t *testing.T) {
	c := config(t)
	c.Fsync, c.FsyncEvery = Interval, time.Hour
	j := open(t, c)
	add(t, j, 1, 2)
	turn(t, j)
	breakDisk(t, func(int) error { return errDisk }, nil)
	if err := j.syncTo(2); !errors.Is(err, errDisk) {
		t.Errorf("a sync that failed: %v", err)
	}
	disk.data = unix.Fdatasync
	add(t, j, 3, 4)
	kept(t, j, map[Position]bool{1: false, 2: false, 3: true, 4: true})
	shut(t, j)
	j = open(t, c)
	equal(t, "opened again", numbers(1, 4), read(t, j, 0))
	shut(t, j)
}

// What is written to a file while its sync fails may be lost as well, also if another file was begun before the failure is known.
func TestWrittenWhileSyncFails(t *testing.T) {
	for name, turned := range map[string]bool{"to the same file": false, "and another file begun": true} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			c.Fsync, c.FsyncEvery = Interval, time.Hour
			j := open(t, c)
			add(t, j, 1, 2)
			kept(t, j, map[Position]bool{2: true})
			add(t, j, 3, 3)
			breakDisk(t, func(int) error {
				add(t, j, 4, 4)
				if turned {
					j.mu.Lock()
					defer j.mu.Unlock()
					return errors.Join(errDisk, j.turn())
				}
				return errDisk
			}, nil)
			if err := j.syncTo(3); !errors.Is(err, errDisk) {
				t.Errorf("a sync that failed: %v", err)
			}
			disk.data = unix.Fdatasync
			add(t, j, 5, 6)
			kept(t, j, map[Position]bool{1: true, 2: true, 3: false, 4: false, 5: true, 6: true})
			equal(t, "all that was written", numbers(1, 6), read(t, j, 0))
			shut(t, j)
		})
	}
}

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

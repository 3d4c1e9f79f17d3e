package journal

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// ended is the file of a segment that is complete. It is put on the disk by the next sync and not when it ends: everybody
// who appends would wait for the disk.
type ended struct {
	file *os.File
	last Position
}

// span is the positions above after, up to last.
type span struct{ after, last Position }

func (s span) has(at Position) bool { return at > s.after && at <= s.last }

// endFile lets go of the file that was written so far. It needs mu, but for Open.
func (j *Journal) endFile() {
	switch {
	case j.file == nil:
	case j.cfg.Fsync == Off:
		_ = j.file.Close()
	default:
		j.ended = append(j.ended, ended{j.file, j.end})
	}
}

// disk is what puts files and the names in a folder on the disk. Tests let it fail.
var disk = struct {
	data  func(fd int) error
	names func(dir string) error
}{unix.Fdatasync, syncDir}

// Sync puts all that was appended so far on the disk, but for what an earlier attempt has lost.
func (j *Journal) Sync() error { return j.syncTo(j.End()) }

// syncTo puts everything up to at on the disk, unless that has been done. Those who wait meanwhile find it
// done for them. A sync that failed is not tried again, since the operating system forgets what it could not write: who
// waits for one of those records is told.
func (j *Journal) syncTo(at Position) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if j.lost.has(at) {
		return errors.New("sync the journal: an earlier attempt failed, and what of it the disk has is not known")
	}
	if j.synced >= at {
		return nil
	}
	start := time.Now()
	j.mu.Lock()
	old, begun, file, end, spoilt := j.ended, j.begun, j.file, j.end, j.spoilt
	// The file may be closed when another segment is begun; its own handle keeps this one open.
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		j.ended, j.begun = nil, false
	}
	j.mu.Unlock()
	if err != nil {
		return fmt.Errorf("sync the journal: %w", err)
	}
	defer func() { _ = unix.Close(fd) }() // a second handle of an open file
	// A file is of no use without its name, and the sync of one says nothing of those before it.
	var unnamed error
	if begun {
		unnamed = disk.names(j.cfg.Dir)
	}
	var errs []error
	for _, e := range old {
		err := unnamed
		if err == nil {
			err = disk.data(int(e.file.Fd()))
		}
		errs = append(errs, j.note(err, e.last), e.file.Close())
	}
	switch {
	case unnamed != nil:
		err = unnamed
	case spoilt:
		err = errors.New("the file was spoilt by an earlier failure")
	default:
		err = disk.data(fd)
	}
	if err != nil {
		end = j.abandon(file, unnamed != nil)
	}
	errs = append(errs, j.note(err, end))
	j.metrics.syncSeconds.Observe(time.Since(start).Seconds())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sync the journal: %w", err)
	}
	return nil
}

// abandon gives a file up that could not be synced, and returns the last position in it: also what was written to it meanwhile may
// be lost, and a later sync of it would not tell. What comes goes into another segment.
func (j *Journal) abandon(file *os.File, unnamed bool) Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.begun = j.begun || unnamed
	if j.file == file {
		j.spoilt = true
		return j.end
	}
	i := slices.IndexFunc(j.ended, func(e ended) bool { return e.file == file }) // another was begun meanwhile
	if i < 0 {
		return j.end // it is closed already: nothing was to be kept
	}
	last := j.ended[i].last
	_ = file.Close() // what is in it counts as lost
	j.ended = slices.Delete(j.ended, i, i+1)
	return last
}

// note notes that the records up to last are on the disk or, if err is not nil, that they may not be.
func (j *Journal) note(err error, last Position) error {
	switch {
	case err == nil:
	case j.lost.last == 0:
		j.lost = span{j.synced, last}
	default:
		j.lost.last = last // and all between the two: nobody waits for what was known to be on the disk
	}
	j.synced = max(j.synced, last)
	return err
}

// settle puts what an earlier process wrote on the disk, which that process may not have done: what is read of it counts as kept.
func (j *Journal) settle() error {
	if j.cfg.Fsync == Off {
		return nil
	}
	for _, s := range j.segments {
		f, err := os.Open(s.path)
		if err != nil {
			return err
		}
		err = disk.data(int(f.Fd()))
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("put %s on the disk: %w", s.path, err)
		}
	}
	return disk.names(j.cfg.Dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// syncOften syncs every Config.FsyncEvery, if that is the policy.
func (j *Journal) syncOften() {
	defer close(j.stopped)
	if j.cfg.Fsync != Interval {
		return
	}
	tick := time.NewTicker(j.cfg.FsyncEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := j.Sync(); err != nil {
				j.log.Error("the journal could not be put on the disk", "err", err)
			}
		case <-j.stop:
			return
		}
	}
}

// Package journal keeps records on disk until their effects are stored elsewhere: an append-only log in
// segments, with checksums, group commit, and a bound on its size.
//
// Records are numbered without gaps in the order in which they are written, for ever. Many goroutines may
// append at once; those that wait for the disk share its work. Damage never keeps the journal from opening:
// a record that was being written when the process or the machine died is cut off, and one that was damaged
// later is skipped, set aside and counted.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// ErrFull is returned by Append when the journal has reached its bound or the disk has. Appending works
// again when there is room.
var ErrFull = errors.New("the journal is full")

// ErrLocked is returned by Open when another process uses the folder.
var ErrLocked = errors.New("another process uses the journal")

// Journal is an open journal. It is safe for concurrent use.
type Journal struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	lock    *os.File
	stop    chan struct{} // ends the goroutine that syncs
	stopped chan struct{}

	mu       sync.Mutex
	segments []*segment // oldest first; the last is being written
	file     *os.File   // of the last
	end      Position   // of the last record
	total    int64      // bytes of all segments
	spares   []string   // files whose records are no longer needed, to be written anew
	spoilt   bool       // the last segment could not be synced: another must be begun
	ended    []ended    // segments that another was begun after, whose last records the disk may not have
	begun    bool       // the disk may not know the name of the last segment
	header   []byte     // scratch
	space    freeSpace
	closed   bool

	syncing sync.Mutex
	synced  Position // all up to here is on the disk, but for lost; under syncing
	lost    span     // records that the disk may not have since a sync failed; under syncing
}

// segment is one file.
type segment struct {
	path  string
	first Position // of its first record
	size  int64    // bytes written
	seed  uint32   // of its checksums
	since int64    // Unix ns of its first record, 0 if it has none
}

// Open opens the journal in cfg.Dir, which is made if need be.
func Open(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the journal: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{cfg: cfg, log: log.With("component", "journal"), lock: lock, stop: make(chan struct{}), stopped: make(chan struct{})}
	j.metrics = newMetrics(reg, j)
	j.space.dir, j.space.keep = cfg.Dir, cfg.KeepFree
	if err := j.load(); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("open the journal in %s: %w", cfg.Dir, err)
	}
	j.synced = j.end
	go j.syncOften()
	return j, nil
}

// lockDir takes the folder for this process, until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the journal: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w in %s: give this one a folder of its own", ErrLocked, dir)
		}
		return nil, fmt.Errorf("lock the journal: %w", err)
	}
	return f, nil
}

const (
	suffix      = ".wal"
	spareSuffix = ".spare"
)

// load finds the segments, mends the last, and begins a new one behind it.
func (j *Journal) load() error {
	if err := j.dropSpares(); err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(j.cfg.Dir, "*"+suffix))
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, path := range names {
		s, err := j.openSegment(path)
		switch {
		case errors.Is(err, errDamaged):
			j.setAside(path)
		case err != nil:
			return err
		default:
			j.segments = append(j.segments, s)
			j.total += s.size
		}
	}
	if n := len(j.segments); n > 0 {
		last := j.segments[n-1]
		j.end = last.first - 1
		if err := j.mend(last); err != nil {
			return err
		}
	}
	if err := j.settle(); err != nil {
		return err
	}
	return j.begin()
}

// openSegment reads the header of a segment.
func (j *Journal) openSegment(path string) (*segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var b [segmentHeader + recordHeader]byte
	n, err := io.ReadFull(f, b[:])
	if n < segmentHeader {
		return nil, errDamaged
	}
	var first Position
	if _, scan := fmt.Sscanf(strings.TrimSuffix(filepath.Base(path), suffix), "%d", &first); scan != nil || first < 1 || [8]byte(b[:8]) != magic {
		return nil, errDamaged
	}
	s := &segment{path: path, first: first, size: info.Size(), seed: seedOf(b[:])}
	if err == nil {
		h := parseHeader(b[segmentHeader:])
		s.since = h.time
	}
	return s, nil
}

// setAside moves a file that is no segment out of the way.
func (j *Journal) setAside(path string) {
	to := filepath.Join(j.cfg.Dir, "quarantine", filepath.Base(path))
	err := os.MkdirAll(filepath.Dir(to), 0o700)
	if err == nil {
		err = os.Rename(path, to)
	}
	j.metrics.corrupt.Inc()
	j.log.Error("a file of the journal is damaged from its beginning and was set aside", "file", to, "err", err)
}

// mend finds the end of the last segment and cuts off a record that was not written to its end.
func (j *Journal) mend(s *segment) error {
	r := &Reader{journal: j, segment: s, last: s.first - 1, mending: true}
	defer func() { _ = r.Close() }() // it was only read
	for {
		_, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	j.end = r.last
	if good := r.offset; good < s.size {
		if r.torn {
			j.log.Warn("the end of the journal was not written to its end and is cut off", "file", s.path, "bytes", s.size-good)
			j.metrics.torn.Inc()
		}
		if err := os.Truncate(s.path, good); err != nil {
			return err
		}
		j.total -= s.size - good
		s.size = good
	}
	return nil
}

// begin begins a segment. It needs mu, but for Open.
func (j *Journal) begin() error {
	var empty *segment // the last one, if nothing was written to it: the new one has its name
	if n := len(j.segments); n > 0 && j.segments[n-1].size <= segmentHeader {
		empty = j.segments[n-1]
		if err := os.Remove(empty.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("begin a segment: %w", err)
		}
	}
	header := newSegmentHeader(j.end + 1)
	s := &segment{
		path:  filepath.Join(j.cfg.Dir, fmt.Sprintf("%020d%s", j.end+1, suffix)),
		first: j.end + 1, size: segmentHeader, seed: seedOf(header[:]),
	}
	f, err := j.newFile(s.path)
	if err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	if _, err = f.WriteAt(header[:], 0); err != nil {
		_ = f.Close()
		_ = os.Remove(s.path)
		return fmt.Errorf("begin a segment: %w", err)
	}
	j.endFile()
	j.file, j.spoilt, j.begun = f, false, true
	if empty != nil {
		j.total -= empty.size
		j.segments = j.segments[:len(j.segments)-1]
	}
	j.segments = append(j.segments, s)
	j.total += s.size
	return nil
}

// newFile makes the file of a segment. It takes a spare one if there is one: writing over pages that the
// operating system has in memory and blocks that the file has on the disk costs a fraction of getting new
// ones (docs/benchmarks.md).
func (j *Journal) newFile(path string) (*os.File, error) {
	for len(j.spares) > 0 && j.total+j.cfg.SegmentBytes*int64(len(j.spares)) > j.cfg.MaxBytes {
		if err := j.dropSpare(); err != nil {
			return nil, err
		}
	}
	if n := len(j.spares); n > 0 {
		spare := j.spares[n-1]
		j.spares = j.spares[:n-1]
		if err := os.Rename(spare, path); err != nil {
			return nil, err
		}
		return os.OpenFile(path, os.O_RDWR, 0o600)
	}
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

// dropSpare deletes one spare file.
func (j *Journal) dropSpare() error {
	path := j.spares[0]
	j.spares = j.spares[1:]
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// dropSpares deletes the spare files, those of an earlier run among them.
func (j *Journal) dropSpares() error {
	spares, err := filepath.Glob(filepath.Join(j.cfg.Dir, "*"+spareSuffix))
	if err != nil {
		return err
	}
	j.spares = nil
	var errs []error
	for _, path := range spares {
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

// Append writes a record and returns its position once it is kept as Config.Fsync says. Its Position is
// ignored, and nothing of it is kept after Append returns. taken, if not nil, is called with the position as
// soon as it is known, in the order of positions and one call at a time; when Append fails after that, the
// record may or may not be there.
func (j *Journal) Append(ctx context.Context, r Record, taken func(Position)) (Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(r.Meta) > maxMeta || len(r.Body) > maxBody {
		return 0, fmt.Errorf("a record of %d bytes is larger than a journal takes", len(r.Body))
	}
	at, err := j.write(&r, taken)
	if err != nil {
		return 0, err
	}
	if j.cfg.Fsync == Always {
		if err := j.syncTo(at); err != nil {
			return 0, err
		}
	}
	return at, nil
}

func (j *Journal) write(r *Record, taken func(Position)) (Position, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return 0, errors.New("the journal is closed")
	}
	if err := j.room(recordHeader + int64(len(r.Meta)+len(r.Body))); err != nil {
		return 0, err
	}
	s := j.segments[len(j.segments)-1]
	if j.spoilt || s.size > segmentHeader && s.size+recordHeader+int64(len(r.Meta)+len(r.Body)) > j.cfg.SegmentBytes {
		if err := j.turn(); err != nil {
			return 0, full(err)
		}
		s = j.segments[len(j.segments)-1]
	}
	r.Position = j.end + 1
	j.header = append(appendHeader(j.header[:0], s.seed, r), r.Meta...)
	n, err := writeBoth(j.file, j.header, r.Body, s.size)
	if err != nil {
		// What was written of it must not stand before what comes next.
		if cut := j.file.Truncate(s.size); cut != nil {
			j.spoilt = true
		}
		return 0, full(fmt.Errorf("write to the journal: %w", err))
	}
	if s.since == 0 {
		s.since = r.Time.UnixNano()
	}
	s.size += n
	j.total += n
	j.end = r.Position
	j.metrics.appended.Inc()
	if taken != nil {
		taken(r.Position)
	}
	return r.Position, nil
}

// full turns an error that says that there is no space into ErrFull.
func full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// writeBoth writes a and b, one behind the other, at an offset.
func writeBoth(f *os.File, a, b []byte, at int64) (n int64, err error) {
	size := int64(len(a) + len(b))
	if c, err := unix.Pwritev(int(f.Fd()), [][]byte{a, b}, at); err == nil && int64(c) == size {
		return size, nil
	}
	// Interrupted, or no more space: the usual way tells which.
	if _, err := f.WriteAt(a, at); err != nil {
		return 0, err
	}
	if _, err := f.WriteAt(b, at+int64(len(a))); err != nil {
		return 0, err
	}
	return size, nil
}

// turn ends the last segment and begins another.
func (j *Journal) turn() error {
	s := j.segments[len(j.segments)-1]
	if err := j.file.Truncate(s.size); err != nil && !j.spoilt { // what is behind is of an earlier life of the file
		return fmt.Errorf("end a segment: %w", err)
	}
	return j.begin()
}

// room reports ErrFull if n bytes more are too many.
func (j *Journal) room(n int64) error {
	if j.total+n > j.cfg.MaxBytes {
		return fmt.Errorf("%w: %d bytes wait to be stored, the most that journal.max_bytes allows", ErrFull, j.total)
	}
	err := j.space.check(n)
	for errors.Is(err, ErrFull) && len(j.spares) > 0 { // they are worth less than what comes
		if drop := j.dropSpare(); drop != nil {
			return errors.Join(err, drop)
		}
		j.space.forget()
		err = j.space.check(n)
	}
	return err
}

// Writable reports why the journal has no room, or hardly any, or nil.
func (j *Journal) Writable() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.room(j.cfg.MaxBytes / 100)
}

// End is the position of the last record, 0 if there never was one.
func (j *Journal) End() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.end
}

// spareShare is the share of the journal's bound that spare files may have: as much as is let go of at once when the
// journal fills quickly.
const spareShare = 2

// Release lets go of the segments all of whose records are at or before upTo; no reader may be among them.
func (j *Journal) Release(upTo Position) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for len(j.segments) > 1 && j.segments[1].first <= upTo+1 {
		s := j.segments[0]
		j.total -= s.size
		j.segments = j.segments[1:]
		if short := j.space.check(0) != nil; short || s.size < j.cfg.SegmentBytes/2 || int64(len(j.spares)+1)*j.cfg.SegmentBytes > j.cfg.MaxBytes/spareShare {
			errs = append(errs, os.Remove(s.path))
			continue
		}
		spare := strings.TrimSuffix(s.path, suffix) + spareSuffix
		if err := os.Rename(s.path, spare); err != nil {
			errs = append(errs, err)
			continue
		}
		j.spares = append(j.spares, spare)
	}
	return errors.Join(errs...)
}

// Stats is how much the journal holds.
type Stats struct {
	Bytes    int64
	Segments int
	Oldest   time.Time // of the oldest record; zero if there is none
}

// Stats returns how much the journal holds now.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Stats{Bytes: j.total, Segments: len(j.segments)}
	for _, seg := range j.segments {
		if seg.since != 0 {
			s.Oldest = time.Unix(0, seg.since)
			break
		}
	}
	return s
}

// Close ends the journal; what was appended is on the disk then.
func (j *Journal) Close() error {
	close(j.stop)
	<-j.stopped
	err := j.Sync()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	for _, e := range j.ended {
		_ = e.file.Close() // all of it is on the disk, or that was reported
	}
	cut := j.file.Truncate(j.segments[len(j.segments)-1].size)
	return errors.Join(err, cut, j.file.Close(), j.dropSpares(), j.lock.Close())
}

package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Reader reads records in their order. It is not safe for concurrent use, but for use beside the journal.
type Reader struct {
	journal *Journal
	segment *segment // being read; nil: none yet
	file    *os.File
	offset  int64    // of what comes next in segment
	last    Position // of the record read last
	mending bool     // the journal is being opened: only segment is read, to where it is sound
	torn    bool     // behind that begins a record that was not written to its end
	buf     []byte
}

// Read returns a reader of the records behind a position.
func (j *Journal) Read(after Position) *Reader { return &Reader{journal: j, last: after} }

// Close ends the reader.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Next returns the next record, or io.EOF when there is none yet. Meta and Body are valid until the next
// call. Damaged records are left out.
func (r *Reader) Next() (Record, error) {
	for {
		size, err := r.locate()
		if err != nil {
			return Record{}, err
		}
		rec, n, err := r.at(r.offset, size)
		switch {
		case err == nil:
			r.offset += n
			if rec.Position <= r.last {
				continue // before what was asked for
			}
			r.last = rec.Position
			return rec, nil
		case !errors.Is(err, errDamaged):
			return Record{}, fmt.Errorf("read %s: %w", r.segment.path, err)
		}
		to, found := r.resume(size)
		if !found && r.mending {
			return Record{}, io.EOF // the rest was never written to its end, or is of an earlier life of the file
		}
		r.skip(r.offset, to)
		r.offset = to
	}
}

// locate makes segment the one with the next record and returns how many of its bytes are written.
func (r *Reader) locate() (size int64, err error) {
	j := r.journal
	if !r.mending {
		j.mu.Lock()
		defer j.mu.Unlock()
	}
	if r.segment != nil && r.file != nil && r.offset < r.segment.size {
		return r.segment.size, nil
	}
	next := r.segment
	if !r.mending {
		next = nil
		for i, s := range j.segments {
			behind := r.segment == nil || s.first > r.segment.first
			if behind && s.size > segmentHeader && (i == len(j.segments)-1 || j.segments[i+1].first > r.last+1) {
				next = s
				break
			}
		}
	}
	if next == nil || r.file != nil && next == r.segment {
		return 0, io.EOF
	}
	if err := r.Close(); err != nil {
		return 0, err
	}
	r.file, err = os.Open(next.path)
	if err != nil {
		return 0, err
	}
	r.segment, r.offset = next, segmentHeader
	if next.size <= segmentHeader {
		return 0, io.EOF
	}
	return next.size, nil
}

// at reads the record at an offset of the segment, of which size bytes are written.
func (r *Reader) at(offset, size int64) (rec Record, n int64, err error) {
	r.torn = false
	if size-offset < recordHeader {
		return Record{}, 0, errDamaged
	}
	var header [recordHeader]byte
	if _, err := r.file.ReadAt(header[:], offset); err != nil {
		return Record{}, 0, err
	}
	h := parseHeader(header[:])
	r.torn = h.position == r.last+1
	if h.position < r.segment.first || offset+h.size() > size {
		return Record{}, 0, errDamaged
	}
	rest := h.meta + h.body
	if cap(r.buf) < rest {
		r.buf = make([]byte, max(rest, min(2*cap(r.buf), 4<<20), 64<<10))
	}
	b := r.buf[:rest]
	if _, err := r.file.ReadAt(b, offset+recordHeader); err != nil {
		return Record{}, 0, err
	}
	if checksum(r.segment.seed, header[:], b) != h.sum {
		return Record{}, 0, errDamaged
	}
	return Record{
		Position: h.position, Time: time.Unix(0, h.time), Kind: h.kind, Meta: b[:h.meta:h.meta], Body: b[h.meta:],
	}, h.size(), nil
}

// resume finds where behind a damaged record the next sound one is; size if there is none.
func (r *Reader) resume(size int64) (to int64, found bool) {
	const window = 1 << 20
	buf := make([]byte, window+recordHeader)
	for from := r.offset + 1; from+recordHeader <= size; from += window {
		n, err := r.file.ReadAt(buf[:min(int64(len(buf)), size-from)], from)
		if err != nil && !errors.Is(err, io.EOF) {
			break
		}
		for i := 0; i+recordHeader <= n && i < window; i++ {
			// Damaged records are few, so the next sound one has a number not far on.
			h := parseHeader(buf[i:])
			if h.position <= r.last || h.position > r.last+1<<20 || from+int64(i)+h.size() > size {
				continue
			}
			if _, _, err := r.at(from+int64(i), size); err == nil {
				return from + int64(i), true
			}
		}
	}
	return size, false
}

// skip counts damaged bytes and sets them aside, for whoever wants to look.
func (r *Reader) skip(from, to int64) {
	j := r.journal
	j.metrics.corrupt.Inc()
	path := filepath.Join(j.cfg.Dir, "quarantine", fmt.Sprintf("%s.%d-%d", filepath.Base(r.segment.path), from, to))
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = copyRange(path, r.file, from, to)
	}
	j.log.Error("damaged records are skipped", "file", r.segment.path, "from", from, "to", to, "after", int64(r.last), "set_aside", path, "err", err)
}

// maxSetAside bounds what is copied of one damaged place.
const maxSetAside = 64 << 20

func copyRange(path string, from io.ReaderAt, begin, end int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(from, begin, min(end-begin, maxSetAside)))
	return errors.Join(err, f.Close())
}

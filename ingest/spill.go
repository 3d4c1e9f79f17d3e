package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// spill keeps the oldest spans that matching remembers in a file that is mapped into memory: the operating system
// has in memory what is looked at and nothing else. The file has no name, so that it ends with the process; what was
// in it is in the journal as well. It implements match.Spill.
type spill struct {
	file     *os.File
	writable func() error // nil if the disk has room to spare
	log      *slog.Logger
	failed   prometheus.Counter
	said     time.Time // when a failure was last logged
	end      int64     // of the file
	free     []int64   // places of no use now; all pieces have one length
	pieces   map[*byte]piece
}

// piece is what Store returned, and its place in the file.
type piece struct {
	mapped []byte
	at     int64
}

// newSpill returns a spill in dir, which uses it as long as writable says so.
func newSpill(dir string, writable func() error, log *slog.Logger, failed prometheus.Counter) (*spill, error) {
	path := filepath.Join(dir, "spilled")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the file for spilled spans: %w", err)
	}
	return &spill{file: f, writable: writable, log: log, failed: failed, pieces: map[*byte]piece{}}, nil
}

func (s *spill) Store(b []byte) ([]byte, error) {
	mapped, err := s.store(b)
	if err != nil {
		s.failed.Inc()
		if now := time.Now(); now.Sub(s.said) > time.Minute {
			s.said = now
			s.log.Warn("spans are not spilled to disk; the oldest are forgotten early", "err", err)
		}
	}
	return mapped, err
}

func (s *spill) store(b []byte) ([]byte, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	at := s.end
	if n := len(s.free); n > 0 {
		at = s.free[n-1]
	}
	// Written before it is mapped: a disk without room is an error here, and would be a signal there.
	if _, err := s.file.WriteAt(b, at); err != nil {
		return nil, fmt.Errorf("write spilled spans: %w", err)
	}
	mapped, err := unix.Mmap(int(s.file.Fd()), at, len(b), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map spilled spans: %w", err)
	}
	if at == s.end {
		s.end += int64(len(b))
	} else {
		s.free = s.free[:len(s.free)-1]
	}
	s.pieces[&mapped[0]] = piece{mapped, at}
	return mapped, nil
}

func (s *spill) Free(b []byte) {
	p := s.pieces[&b[0]]
	delete(s.pieces, &b[0])
	if err := unix.Munmap(p.mapped); err != nil {
		s.log.Error("spilled spans not unmapped", "err", err)
		return
	}
	s.free = append(s.free, p.at)
}

// close gives all back. Nothing that Store returned may be used any more.
func (s *spill) close() error {
	var errs []error
	for _, p := range s.pieces {
		errs = append(errs, unix.Munmap(p.mapped))
	}
	clear(s.pieces)
	return errors.Join(append(errs, s.file.Close())...)
}

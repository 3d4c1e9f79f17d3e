package ingest

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestSpillFile(t *testing.T) {
	dir := t.TempDir()
	var full error
	s, err := newSpill(dir, func() error { return full }, slog.New(slog.DiscardHandler), prometheus.NewCounter(prometheus.CounterOpts{}))
	if err != nil {
		t.Fatal(err)
	}
	page := func(c byte) []byte { return bytes.Repeat([]byte{c}, 2*os.Getpagesize()) }
	store := func(c byte) []byte {
		t.Helper()
		b, err := s.Store(page(c))
		if err != nil || !bytes.Equal(b, page(c)) {
			t.Fatalf("stored %d: %v", c, err)
		}
		return b
	}
	first, second := store(1), store(2)
	first[0] = 9
	s.Free(second)
	third := store(3) // in the place of the second
	if first[0] != 9 || !bytes.Equal(first[1:], page(1)[1:]) || !bytes.Equal(third, page(3)) {
		t.Error("what is stored does not stay as it is")
	}
	if s.end != int64(2*len(first)) {
		t.Errorf("the file has %d bytes for two pieces of %d", s.end, len(first))
	}
	full = errors.New("no room to spare")
	if _, err := s.Store(page(4)); !errors.Is(err, full) {
		t.Errorf("stored on a full disk: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("the file has a name that outlives the process: %v", files)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

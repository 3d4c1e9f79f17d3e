package embedded

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

const (
	tailLines = 20
	lineBytes = 2 << 10
)

// tail logs what the engine prints and remembers the last lines, for the error when it ends.
type tail struct {
	log *slog.Logger

	mu      sync.Mutex
	partial []byte // a line not yet ended, at most lineBytes of it
	last    []string
}

// Write takes any piece of the output. It never fails, since that would stop the engine's output for good.
func (t *tail) Write(piece []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := piece; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		room := max(0, lineBytes-len(t.partial))
		t.partial = append(t.partial, line[:min(room, len(line))]...)
		if ended {
			t.add(string(t.partial))
			t.partial = t.partial[:0]
		}
		rest = after
	}
	return len(piece), nil
}

func (t *tail) add(line string) {
	line = strings.TrimSpace(line)
	if line == "" || isStackFrame(line) || strings.HasPrefix(line, "Logging ") {
		return
	}
	t.log.Debug("engine output", "line", line)
	t.last = append(t.last, line)
	if len(t.last) > tailLines {
		t.last = append(t.last[:0], t.last[1:]...)
	}
}

// lines returns the last lines, the oldest first.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.partial) > 0 {
		t.add(string(t.partial))
		t.partial = t.partial[:0]
	}
	return append([]string(nil), t.last...)
}

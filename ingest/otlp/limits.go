package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// budget is the memory that all requests in flight may use together.
type budget struct {
	size int64
	used atomic.Int64
}

// lease is what one request holds of a budget. It belongs to one goroutine.
type lease struct {
	budget *budget
	held   int64
}

// take adds n bytes to the lease. Its error is ErrOverloaded when others hold too much, and a refusal
// without retry when the request is more than the whole budget.
func (l *lease) take(n int64) error {
	if l.held+n > l.budget.size {
		return tooLarge("the request needs more memory than otlp.limits.in_flight_bytes (%d): send smaller batches", l.budget.size)
	}
	for {
		used := l.budget.used.Load()
		if used+n > l.budget.size {
			return ErrOverloaded
		}
		if l.budget.used.CompareAndSwap(used, used+n) {
			l.held += n
			return nil
		}
	}
}

// give returns n bytes of the lease.
func (l *lease) give(n int64) {
	l.held -= n
	l.budget.used.Add(-n)
}

// close returns all that the lease holds.
func (l *lease) close() { l.give(l.held) }

// readAll reads r to its end into one slice of at least first bytes, which grows by factor when it is full
// and whose capacity is taken from l. More than most bytes are refused. The slice is from bodies.
func readAll(r io.Reader, first, most, factor int64, l *lease) ([]byte, error) {
	// One byte more than wanted: room to see that r ends, or that it does not.
	buf, err := l.body(min(first, most) + 1)
	if err != nil {
		return nil, err
	}
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > most:
			err = tooLarge("the body is larger than %d bytes: send smaller batches or raise otlp.limits.body_bytes", most)
		case errors.Is(err, io.EOF):
			return buf, nil
		}
		if err == nil && len(buf) == cap(buf) {
			buf, err = l.grow(buf, min(factor*int64(cap(buf)), most+1))
		}
		if err != nil {
			l.drop(buf)
			return nil, err
		}
	}
}

// body takes room for a body of n bytes.
func (l *lease) body(n int64) ([]byte, error) {
	if err := l.take(int64(bodies.size(int(n)))); err != nil {
		return nil, err
	}
	return bodies.get(int(n)), nil
}

// grow moves what is in buf to a body of at least n bytes. On an error buf is as it was.
func (l *lease) grow(buf []byte, n int64) ([]byte, error) {
	grown, err := l.body(n)
	if err != nil {
		return buf, err
	}
	grown = append(grown, buf...)
	l.drop(buf)
	return grown, nil
}

// drop gives a body back that nobody will look at again.
func (l *lease) drop(buf []byte) {
	l.give(int64(cap(buf)))
	bodies.put(buf)
}

// pacedBody is the body of a request that must come at a minimum speed and within a time. When it was read
// to its end net/http takes the deadline off; after a failure the deadline stays, for the server goes on to
// discard the rest.
type pacedBody struct {
	body     io.Reader
	conn     *http.ResponseController
	limits   Limits
	start    time.Time
	deadline time.Time // as last set on conn
	n        int64     // bytes read
}

func (s *Server) paced(w http.ResponseWriter, body io.Reader) *pacedBody {
	return &pacedBody{body: body, conn: http.NewResponseController(w), limits: s.cfg.Limits, start: time.Now()}
}

func (p *pacedBody) Read(b []byte) (int, error) {
	earned := time.Duration(min(p.n/p.limits.BodyRate, int64(p.limits.BodyTime/time.Second))) * time.Second
	due := p.start.Add(min(p.limits.BodyStall+earned, p.limits.BodyTime))
	if due.After(p.deadline) {
		p.deadline = due
		if err := p.conn.SetReadDeadline(due); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return 0, fmt.Errorf("set the deadline of the body: %w", err)
		}
	}
	n, err := p.body.Read(b)
	p.n += int64(n)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = later("the body came too slowly: %d bytes in %s", p.n, time.Since(p.start).Round(time.Second/10))
	}
	return n, err
}

// gate counts the requests in progress, and at shutdown lets no more in.
type gate struct {
	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // closed when the gate is and the last request has left
}

func newGate() *gate { return &gate{empty: make(chan struct{})} }

// enter reports whether a request may go ahead; if so, it must leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// close keeps new requests out and waits for those inside. It returns how many were left when ctx ended.
// It may be called once.
func (g *gate) close(ctx context.Context) (left int) {
	g.mu.Lock()
	g.closed = true
	if g.inside == 0 {
		close(g.empty)
	}
	g.mu.Unlock()
	select {
	case <-g.empty:
		return 0
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.inside
	}
}

package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/zeebo/xxh3"
	"google.golang.org/grpc/codes"

	"faultline/graph"
)

// signal is the kind of telemetry of a request.
type signal uint8

const (
	traces signal = iota
	metrics
)

// call is one export request, whatever door it came through.
type call struct {
	signal   signal
	encoding Encoding
	coding   coding
	body     *pacedBody
	size     int64 // bytes of the body on the wire as the sender declared them; -1 if it did not
	door     *door
}

// tenant is whose telemetry comes in.
const tenant = "default"

// firstRead is the memory that a request gets on its word alone. More comes as its bytes do: a length that
// is declared and not sent costs next to nothing.
const firstRead = 32 << 10

// decodeCost is the memory that decoding takes, in times the size of the body: a valid span of the fewest
// bytes (40) becomes a graph.Span of 6 times as many.
const decodeCost = 6

// export takes one request through: reads its body within the limits, decodes it and hands the spans over.
// Whatever the error, refusalOf says what the sender is told.
func (s *Server) export(ctx context.Context, c call) (p partial, err error) {
	if !s.gate.enter() {
		return partial{}, later("shutting down: send the batch again")
	}
	defer s.gate.leave()
	defer func() {
		if v := recover(); v != nil {
			s.metrics.panics.Inc()
			s.log.Error("request panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = refuse(codes.Internal, 500, "internal error: please report it with the server's log")
		}
	}()
	l := &lease{budget: &s.budget}
	defer l.close()

	wire, err := s.receive(c, l)
	if err != nil {
		return partial{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Limits.AnswerTime)
	defer cancel()
	body := wire
	if c.coding != identity && len(wire) > 0 {
		if body, err = s.unpack(ctx, c.coding, wire, l); err != nil {
			l.drop(wire)
			return partial{}, err
		}
		defer l.drop(wire)
	}
	reserved := decodeCost * int64(len(body))
	if err := l.take(reserved); err != nil {
		l.drop(body)
		return partial{}, err
	}
	if c.signal == metrics {
		points, err := s.decoder.Metrics(body, c.encoding)
		l.drop(body)
		s.metrics.points.Add(float64(points))
		return partial{}, err
	}
	now := time.Now()
	b, r, err := s.decoder.traces(body, c.encoding, now)
	if err != nil {
		l.drop(body)
		return partial{}, err
	}
	b.Body = Body{Received: now, Encoding: c.encoding, Coding: string(c.coding), Wire: wire, Hash: hash(tenant, body)}
	// What waits to be taken over is counted as it is, not as it might have been.
	l.give(max(reserved-spanBytes(b), 0))
	b.Tenant = tenant
	// What waits to be matched seldom needs the body: then the next request has it, while it is in the processor's caches.
	viewed := r.viewed
	b.Release = func() {
		r.free()
		if viewed {
			bodies.put(body)
		}
	}
	p, unused := partialOf(b), len(b.Spans) == 0
	if err := s.hand(ctx, b); err != nil {
		return partial{}, err // the consumer may have begun to use the batch: the garbage collector knows when it ends
	}
	if unused {
		b.Release()
	}
	if !viewed {
		bodies.put(body)
	}
	return p, nil
}

// receive reads the body as it is on the wire.
func (s *Server) receive(c call, l *lease) ([]byte, error) {
	most, factor := s.cfg.Limits.BodyBytes, int64(2)
	if c.size > most {
		return nil, tooLarge("the body of %d bytes is larger than %d: send smaller batches or raise otlp.limits.body_bytes", c.size, most)
	}
	if c.size >= 0 {
		most, factor = c.size, 16 // the end is known: few steps lead there
	}
	wire, err := readAll(c.body, firstRead, most, factor, l)
	c.door.received.Add(float64(c.body.n))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == nil && int64(len(wire)) < c.size:
		return nil, badData("the body ended after %d of %d bytes", c.body.n, c.size)
	case err != nil:
		return nil, err
	}
	return wire, nil
}

// hand gives the spans of b to the consumer and counts them.
func (s *Server) hand(ctx context.Context, b *Batch) error {
	// The consumer owns b as soon as it returns.
	n, rejected, repaired := len(b.Spans), b.Rejected, b.Repaired
	if n > 0 {
		if err := s.consumer.Consume(ctx, b); err != nil {
			s.metrics.refused.Add(float64(n))
			if !errors.Is(err, ErrOverloaded) && ctx.Err() == nil {
				s.log.Warn("batch not taken", "spans", n, "err", err)
			}
			return err
		}
	}
	s.metrics.taken(n, rejected, repaired)
	return nil
}

// hash is what a body sent again is known by.
func hash(tenant string, body []byte) (h Hash) {
	sum := xxh3.New()
	_, _ = sum.WriteString(tenant) // it never fails
	_, _ = sum.Write([]byte{0})
	_, _ = sum.Write(body)
	s := sum.Sum128()
	return s.Bytes()
}

// spanBytes is the memory of b's spans beyond the body that they are views into.
func spanBytes(b *Batch) int64 { return int64(cap(b.Spans)) * int64(unsafe.Sizeof(graph.Span{})) }

// advice says what to do about a rejected span.
var advice = map[Reason]string{
	InvalidID:   "trace ids must be 16 bytes, span ids 8, and neither all zero",
	NoTimestamp: "set the start or the end time",
	OutOfWindow: "the time is in the future or older than retention: check the sender's clock",
}

// maxMessage bounds the error message of a partial success.
const maxMessage = 1 << 10

// partialOf tells the sender of b what was rejected, most frequent reason first.
func partialOf(b *Batch) partial {
	var p partial
	reasons := make([]Reason, 0, len(b.Rejected))
	for r, n := range b.Rejected {
		reasons = append(reasons, r)
		p.rejected += int64(n)
	}
	if p.rejected == 0 {
		return partial{}
	}
	slices.SortFunc(reasons, func(x, y Reason) int {
		if d := b.Rejected[y] - b.Rejected[x]; d != 0 {
			return d
		}
		return strings.Compare(string(x), string(y))
	})
	var text strings.Builder
	fmt.Fprintf(&text, "%d spans rejected", p.rejected)
	for i, r := range reasons {
		fmt.Fprintf(&text, "%s %d %s (%s)", [...]string{":", ","}[min(i, 1)], b.Rejected[r], r, advice[r])
	}
	p.message = text.String()[:min(text.Len(), maxMessage)]
	return p
}

package otlp

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// coding is how a body is compressed, by its name on the wire; "" is not at all.
type coding string

// The codings that the HTTP door knows. The gRPC door knows all but the last two.
const (
	identity     coding = ""
	gzipped      coding = "gzip"
	zstded       coding = "zstd"
	snappied     coding = "snappy" // one block, or as some senders have it under this name too, frames
	snappyFramed coding = "x-snappy-framed"
	deflated     coding = "deflate"
)

// inGRPC reports whether gRPC has a name for c.
func (c coding) inGRPC() bool { return c != deflated && c != snappyFramed }

// parseCoding reads the value of a Content-Encoding or grpc-encoding header. It returns false for a name
// that is not known, and for several.
func parseCoding(header []string) (coding, bool) {
	switch c := coding(strings.ToLower(strings.TrimSpace(strings.Join(header, ",")))); c {
	case identity, "identity":
		return identity, true
	case gzipped, zstded, snappied, snappyFramed, deflated:
		return c, true
	default:
		return "", false
	}
}

// zstdWindow is the memory that a zstd frame may demand for its window: what RFC 8878 asks decoders to
// support. Every level of the usual encoders stays within it.
const zstdWindow = 8 << 20

// usualRatio is how well telemetry compresses: the first guess at the size of a decompressed body. It also
// bounds what a small body costs before it has proven to be large.
const usualRatio = 8

// unpack decompresses wire into at most limits.BodyBytes that l pays for. No more bodies are unpacked at
// once than there are cores: more would not be faster, and each may need a window of zstdWindow.
func (s *Server) unpack(ctx context.Context, c coding, wire []byte, l *lease) ([]byte, error) {
	select {
	case s.unpacking <- struct{}{}:
		defer func() { <-s.unpacking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c == snappied && !isFramed(wire) {
		return unsnap(wire, s.cfg.Limits.BodyBytes, l)
	}
	r, release, err := open(c, wire)
	if err != nil {
		return nil, badData("the %s body is damaged: %v", c, err)
	}
	defer release()
	body, err := readAll(r, usualRatio*int64(len(wire)), s.cfg.Limits.BodyBytes, 2, l)
	if err != nil {
		if _, ok := errors.AsType[*refusal](err); ok || errors.Is(err, ErrOverloaded) {
			return nil, err
		}
		return nil, badData("the %s body is damaged: %v", c, err)
	}
	return body, nil
}

// snappyMark begins a stream of snappy frames.
var snappyMark = []byte("\xff\x06\x00\x00sNaPpY")

func isFramed(wire []byte) bool { return bytes.HasPrefix(wire, snappyMark) }

// unsnap decompresses a block of snappy, which says how much it holds, into at most most bytes that l pays
// for.
func unsnap(wire []byte, most int64, l *lease) ([]byte, error) {
	n, err := s2.DecodedLen(wire)
	if err != nil {
		return nil, badData("the snappy body is damaged: %v", err)
	}
	if int64(n) > most {
		return nil, tooLarge("the body is larger than %d bytes: send smaller batches or raise otlp.limits.body_bytes", most)
	}
	if err := l.take(int64(n)); err != nil {
		return nil, err
	}
	body, err := s2.Decode(make([]byte, n), wire)
	if err != nil {
		return nil, badData("the snappy body is damaged: %v", err)
	}
	return body, nil
}

// open returns a reader of the decompressed body, and what must be called when it is no longer read.
func open(c coding, wire []byte) (r io.Reader, release func(), err error) {
	in := bytes.NewReader(wire)
	switch c {
	case gzipped:
		z := gzips.Get().(*gzip.Reader)
		return z, func() { gzips.Put(z) }, z.Reset(in)
	case zstded:
		z := zstds.Get().(*zstd.Decoder)
		return z, func() { _ = z.Reset(nil); zstds.Put(z) }, z.Reset(in)
	case snappied, snappyFramed:
		if !isFramed(wire) {
			body, err := s2.Decode(nil, wire)
			return bytes.NewReader(body), func() {}, err
		}
		z := snappies.Get().(*s2.Reader)
		z.Reset(in)
		return z, func() { z.Reset(nil); snappies.Put(z) }, nil
	default:
		// "deflate" means the zlib format, but some senders leave its header out.
		if len(wire) >= 2 && wire[0]&0x0f == 8 && (uint(wire[0])<<8|uint(wire[1]))%31 == 0 {
			r, err = zlib.NewReader(in)
		} else {
			r = flate.NewReader(in)
		}
		return whole{r, in}, func() {}, err
	}
}

// whole is a stream after whose end nothing may follow: the format has no mark at its begin, so that a few random bytes may well be one.
type whole struct {
	io.Reader
	in *bytes.Reader
}

func (w whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if rest := w.in.Len(); errors.Is(err, io.EOF) && rest > 0 {
		err = fmt.Errorf("%d bytes follow its end", rest)
	}
	return n, err
}

var (
	snappies = sync.Pool{New: func() any { return s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10)) }}
	gzips    = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstds    = sync.Pool{New: func() any {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			panic(err) // the options are constants
		}
		return z
	}}
)

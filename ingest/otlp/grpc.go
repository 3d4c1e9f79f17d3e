package otlp

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// The gRPC door is an HTTP handler: a unary gRPC call is a POST over HTTP/2 whose body is one message
// behind a prefix of 5 bytes, and whose status comes in the trailers. So both doors share one way in, and
// every byte is counted before it is kept. The server of grpc-go reads and decompresses a message before
// it hands it over, so that many large requests at once would hold their bodies twice, outside any budget.

// methods are the gRPC methods served.
var methods = map[string]signal{
	"/opentelemetry.proto.collector.trace.v1.TraceService/Export":     traces,
	"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": metrics,
}

// prefixBytes is the length of a message's prefix: 1 if it is compressed, else 0, then its length in
// 4 bytes.
const prefixBytes = 5

// serveGRPC answers a request at the gRPC door.
func (s *Server) serveGRPC(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	retire(w, r)
	media := mediaType(r.Header)
	if r.ProtoMajor != 2 || r.Method != http.MethodPost || media != "application/grpc" && media != "application/grpc+proto" {
		s.metrics.answered(s.grpc, "unknown", "415", time.Since(start))
		s.refuseHTTP(w, JSON, unsupported("this port takes OTLP over gRPC: send OTLP over HTTP to the HTTP port, 4318 by default"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Grpc-Accept-Encoding", "gzip,zstd,snappy")
	p, err := s.exportGRPC(w, r)
	code := codes.OK
	if err == nil {
		message := p.marshal(Protobuf)
		frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
		_, _ = w.Write(append(frame, message...)) // whoever hung up does not read it
		h.Set(http.TrailerPrefix+"Grpc-Status", "0")
	} else {
		code = s.refuseGRPC(h, refusalOf(err))
	}
	s.metrics.answered(s.grpc, Protobuf.String(), canonical(code), time.Since(start))
}

// exportGRPC checks all that comes before the message and exports the message.
func (s *Server) exportGRPC(w http.ResponseWriter, r *http.Request) (partial, error) {
	sig, ok := methods[r.URL.Path]
	if !ok {
		return partial{}, unimplemented("no such method: traces and metrics are taken, by TraceService/Export and MetricsService/Export")
	}
	ctx := r.Context()
	if v := r.Header.Get("Grpc-Timeout"); v != "" {
		timeout, err := parseTimeout(v)
		if err != nil {
			return partial{}, err
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	coding, ok := parseCoding(r.Header.Values("Grpc-Encoding"))
	if !ok || !coding.inGRPC() {
		return partial{}, unimplemented("unsupported grpc-encoding: use one of gzip, zstd, snappy or identity")
	}
	body := s.paced(w, r.Body)
	var prefix [prefixBytes]byte
	if _, err := io.ReadFull(body, prefix[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return partial{}, badData("the request holds no message")
	} else if err != nil {
		return partial{}, fmt.Errorf("read the prefix of the message: %w", err)
	}
	switch {
	case prefix[0] == 0:
		coding = identity
	case prefix[0] != 1 || coding == identity:
		return partial{}, badData("the message is marked as compressed but no grpc-encoding is given")
	}
	size := int64(binary.BigEndian.Uint32(prefix[1:]))
	body.body = io.LimitReader(body.body, size)
	body.n = 0
	p, err := s.export(ctx, call{
		signal: sig, encoding: Protobuf, coding: coding, body: body, size: size, door: s.grpc,
	})
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return partial{}, refuse(codes.DeadlineExceeded, http.StatusServiceUnavailable, "the batch could not be taken in the time that grpc-timeout gives: send it again")
	}
	return p, err
}

func unimplemented(message string) *refusal {
	return refuse(codes.Unimplemented, http.StatusNotImplemented, "%s", message)
}

// refuseGRPC sets the trailers that say why the request is refused and returns the status.
func (s *Server) refuseGRPC(h http.Header, r *refusal) codes.Code {
	var wait time.Duration
	if r.retry() {
		wait = s.pace.wait(time.Now())
	}
	details := base64.RawStdEncoding.EncodeToString(marshalStatus(r, wait, Protobuf))
	h.Set(http.TrailerPrefix+"Grpc-Status", strconv.Itoa(int(r.code)))
	h.Set(http.TrailerPrefix+"Grpc-Message", percentEncode(r.message))
	h.Set(http.TrailerPrefix+"Grpc-Status-Details-Bin", details)
	return r.code
}

// percentEncode writes a status message as gRPC wants it: printable ASCII without "%", the rest as %XX.
func percentEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// parseTimeout reads a grpc-timeout header: up to 8 digits and a unit.
func parseTimeout(v string) (time.Duration, error) {
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second,
		'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}
	last := len(v) - 1
	n, err := strconv.ParseUint(v[:last], 10, 32)
	unit, ok := units[v[last]]
	if err != nil || !ok || last > 8 {
		return 0, badData("grpc-timeout %q is not a number of up to 8 digits and one of H, M, S, m, u, n", v)
	}
	return time.Duration(min(n, uint64(maxTimeout/unit))) * unit, nil
}

// maxTimeout stands for every longer one: 8 digits of hours do not fit a Duration.
const maxTimeout = 24 * time.Hour

// canonical is the name of a status code as gRPC writes it: its metric label.
func canonical(c codes.Code) string {
	switch c {
	case codes.OK:
		return "OK"
	case codes.DeadlineExceeded:
		return "DEADLINE_EXCEEDED"
	case codes.InvalidArgument:
		return "INVALID_ARGUMENT"
	case codes.ResourceExhausted:
		return "RESOURCE_EXHAUSTED"
	case codes.Unimplemented:
		return "UNIMPLEMENTED"
	case codes.Unavailable:
		return "UNAVAILABLE"
	default:
		return "INTERNAL"
	}
}

package otlp

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// FuzzHTTP sends anything of any type and encoding through the HTTP door: it never panics, always answers
// with a code that the door may use, and keeps no memory.
func FuzzHTTP(f *testing.F) {
	cfg := DefaultConfig()
	cfg.Limits.BodyBytes, cfg.Limits.InFlightBytes = 1<<20, 16<<20
	s, err := New(cfg, &sink{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		f.Fatal(err)
	}
	pb, js := protobufOf(f, request(2)), jsonOf(f, request(2))
	for _, encoding := range []string{"", "gzip", "zstd", "deflate", "snappy", "x-snappy-framed", "gzip, zstd"} {
		f.Add("/v1/traces", "application/x-protobuf", encoding, compressed(f, encoding, pb))
		f.Add("/v1/traces/", "application/json; charset=utf-8", encoding, compressed(f, encoding, js))
		f.Add("/v1/metrics", "application/x-protobuf", encoding, compressed(f, encoding, metricsRequest(f)))
	}
	f.Add("/v1/logs", "text/plain", "br", []byte("hello"))
	f.Fuzz(func(t *testing.T, path, contentType, encoding string, body []byte) {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.URL.Path = path
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Content-Encoding", encoding)
		w := httptest.NewRecorder()
		s.serveHTTP(w, r)
		switch w.Code {
		case 200, 400, 404, 413, 415:
		default:
			t.Errorf("got %d: %s", w.Code, w.Body)
		}
		if media := w.Header().Get("Content-Type"); media != "application/json" && media != "application/x-protobuf" {
			t.Errorf("answered in %q", media)
		}
		if s.budget.used.Load() != 0 {
			t.Errorf("%d bytes kept", s.budget.used.Load())
		}
	})
}

// FuzzGRPC sends any body with any grpc-encoding through the gRPC door.
func FuzzGRPC(f *testing.F) {
	cfg := DefaultConfig()
	cfg.Limits.BodyBytes, cfg.Limits.InFlightBytes = 1<<20, 16<<20
	s, err := New(cfg, &sink{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		f.Fatal(err)
	}
	message := protobufOf(f, request(2))
	f.Add("", "", append([]byte{0, 0, 0, byte(len(message) >> 8), byte(len(message))}, message...))
	packed := compressed(f, "gzip", message)
	f.Add("gzip", "10S", append([]byte{1, 0, 0, byte(len(packed) >> 8), byte(len(packed))}, packed...))
	f.Add("zstd", "1", []byte{1, 255, 255, 255, 255})
	legal := map[string]bool{"0": true, "3": true, "4": true, "8": true, "12": true, "14": true}
	f.Fuzz(func(t *testing.T, encoding, timeout string, body []byte) {
		r := httptest.NewRequest("POST", tracesMethod, bytes.NewReader(body))
		r.ProtoMajor, r.ProtoMinor, r.Proto = 2, 0, "HTTP/2.0"
		r.Header.Set("Content-Type", "application/grpc")
		r.Header.Set("Grpc-Encoding", encoding)
		r.Header.Set("Grpc-Timeout", timeout)
		w := httptest.NewRecorder()
		s.serveGRPC(w, r)
		got := w.Result().Trailer.Get("Grpc-Status")
		if got == "" {
			got = w.Header().Get(http.TrailerPrefix + "Grpc-Status")
		}
		if w.Code != 200 || !legal[got] {
			t.Errorf("got %d, status %q", w.Code, got)
		}
		if s.budget.used.Load() != 0 {
			t.Errorf("%d bytes kept", s.budget.used.Load())
		}
	})
}

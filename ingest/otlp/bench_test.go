package otlp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"testing"

	"google.golang.org/grpc"
)

// The benchmarks send over a real socket and so measure client and server together; cpu-ns/span is the
// processor time of both, of which the client's part is small: its request is ready made.

var sizes = []int{100, 1000, 8000} // spans of a request

func cpuTime() int64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return r.Utime.Nano() + r.Stime.Nano()
}

// measure runs f as the benchmark, each run of it being so many spans in so many bytes.
func measure(b *testing.B, spans, bytes int, f func()) {
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	before := cpuTime()
	for b.Loop() {
		f()
	}
	total := float64(b.N * spans)
	b.ReportMetric(float64(cpuTime()-before)/total, "cpu-ns/span")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/total, "ns/span")
}

func BenchmarkHTTPTraces(b *testing.B) {
	for _, spans := range sizes {
		for _, encoding := range []string{"identity", "gzip", "zstd"} {
			b.Run(fmt.Sprintf("spans=%d/%s", spans, encoding), func(b *testing.B) {
				s := start(b, &sink{}, nil)
				plain := protobufOf(b, request(spans))
				body := compressed(b, encoding, plain)
				header := http.Header{"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {encoding}}
				measure(b, spans, len(plain), func() {
					req, err := http.NewRequest("POST", s.url+"/v1/traces", bytes.NewReader(body))
					if err != nil {
						b.Fatal(err)
					}
					req.Header = header
					r, err := http.DefaultClient.Do(req)
					if err != nil || r.StatusCode != 200 {
						b.Fatal(r, err)
					}
					_, _ = io.Copy(io.Discard, r.Body)
					r.Body.Close()
				})
			})
		}
	}
}

func BenchmarkGRPCTraces(b *testing.B) {
	for _, spans := range sizes {
		b.Run(fmt.Sprintf("spans=%d/identity", spans), func(b *testing.B) {
			s := start(b, &sink{}, nil)
			cc := dial(b, s.GRPCAddr())
			body, answer := protobufOf(b, request(spans)), []byte(nil)
			measure(b, spans, len(body), func() {
				if err := cc.Invoke(context.Background(), tracesMethod, &body, &answer); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
	// With gzip the client compresses each time, which costs more than all the rest.
	b.Run("spans=1000/gzip", func(b *testing.B) {
		s := start(b, &sink{}, nil)
		cc := dial(b, s.GRPCAddr())
		body, answer := protobufOf(b, request(1000)), []byte(nil)
		measure(b, 1000, len(body), func() {
			if err := cc.Invoke(context.Background(), tracesMethod, &body, &answer, grpc.UseCompressor("gzip")); err != nil {
				b.Fatal(err)
			}
		})
	})
}

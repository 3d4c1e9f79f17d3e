package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// peak runs f and returns by how many bytes the heap grew at most meanwhile.
func peak(f func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is not collected yet, on a slow machine too, is little
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		var high uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			high = max(high, m.HeapAlloc)
			select {
			case <-stop:
				most <- high
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	return int64(<-most) - int64(before)
}

// bomb is size zero bytes, compressed.
func bomb(t testing.TB, encoding string, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if encoding == "zstd" {
		z, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	const part = 16 << 20
	if _, err := w.Write(make([]byte, part)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.Repeat(out.Bytes(), int(size/part)) // what is packed may follow what is packed
}

// Bodies of 256 MiB in about 256 KiB or less, many at once, on both doors: each is refused for good, and all
// of them together cost no more memory than the budget.
func TestBombs(t *testing.T) {
	const limit, budget = 8 << 20, 32 << 20
	for _, encoding := range []string{"gzip", "zstd"} {
		t.Run(encoding, func(t *testing.T) {
			s := start(t, &sink{}, func(c *Config) { c.Limits.BodyBytes, c.Limits.InFlightBytes = limit, budget })
			body := bomb(t, encoding, 1<<28)
			if len(body) > 512<<10 {
				t.Fatalf("a bomb of %d bytes is none", len(body))
			}
			cc := dial(t, s.GRPCAddr())
			var refused, throttled atomic.Int64
			grown := peak(func() {
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						for range 3 {
							switch r := post(t, s.url+"/v1/traces", "application/x-protobuf", encoding, body); r.StatusCode {
							case 413:
								refused.Add(1)
							case 503:
								throttled.Add(1)
							default:
								t.Errorf("HTTP got %s", r.Status)
							}
						}
					})
					wg.Go(func() {
						// The client library would compress itself: send the bomb as it is.
						for range 3 {
							answer := sendFrame(t, s, encoding, body)
							switch answer {
							case "8":
								refused.Add(1)
							case "14":
								throttled.Add(1)
							default:
								t.Errorf("gRPC got status %q", answer)
							}
						}
					})
				}
				wg.Wait()
			})
			if refused.Load() == 0 {
				t.Error("none was refused for its size")
			}
			// Beside the budget: the clients' copies in this process, the windows of decompressors, and what is not collected yet.
			if allowed := int64(budget + 16*len(body) + runtime.GOMAXPROCS(0)*2*zstdWindow + 64<<20); grown > allowed {
				t.Errorf("the heap grew by %d MiB, more than %d", grown>>20, allowed>>20)
			}
			t.Logf("%d refused, %d asked to come again, heap grew by %d MiB", refused.Load(), throttled.Load(), grown>>20)
			one := protobufOf(t, request(1))
			var answer []byte
			if err := cc.Invoke(context.Background(), tracesMethod, &one, &answer); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

var h2c = func() *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: transport}
}()

// sendFrame sends one compressed message to the gRPC door and returns the status.
func sendFrame(t testing.TB, s *running, encoding string, message []byte) string {
	t.Helper()
	frame := append([]byte{1, byte(len(message) >> 24), byte(len(message) >> 16), byte(len(message) >> 8), byte(len(message))}, message...)
	r := send(t, h2c, "POST", "http://"+s.GRPCAddr().String()+tracesMethod, http.Header{
		"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Grpc-Encoding": {encoding},
	}, frame)
	return r.Trailer.Get("Grpc-Status")
}

// A zstd frame of a few bytes that asks for a window of gigabytes is refused without being given one.
func TestZstdWindowBomb(t *testing.T) {
	s := start(t, &sink{}, nil)
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x98 /* window of 512 MiB */, 0x01, 0x00, 0x00}
	grown := peak(func() {
		if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "zstd", frame); r.StatusCode != 400 {
			t.Errorf("got %s", r.Status)
		}
	})
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// More than 64 MiB, sent with and without a declared length.
func TestLargeBodies(t *testing.T) {
	s := start(t, &sink{}, nil)
	size := int(s.cfg.Limits.BodyBytes) + 1
	body := make([]byte, size)

	r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", body)
	if r.StatusCode != 413 {
		t.Errorf("declared: %s", r.Status)
	}
	req, err := http.NewRequest("POST", s.url+"/v1/traces", struct{ io.Reader }{bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	r, err = http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 413 {
		t.Errorf("chunked: %s", r.Status)
	}
	var answer []byte
	err = dial(t, s.GRPCAddr()).Invoke(context.Background(), tracesMethod, &body, &answer)
	if status.Code(err) != codes.ResourceExhausted || len(status.Convert(err).Details()) != 0 {
		t.Errorf("gRPC: %v", err)
	}
	if s.metric(t, "faultline_ingest_received_bytes_total", "grpc") > 1<<20 {
		t.Error("a message announced as too large was read")
	}
}

// slowBody gives a byte at a time.
type slowBody struct {
	left  int
	every time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(b.every)
	b.left--
	p[0] = ' '
	return 1, nil
}

// Senders that drip their header or their body are cut off, on both doors, and do not keep others out.
func TestSlowloris(t *testing.T) {
	s := start(t, &sink{}, func(c *Config) {
		l := &c.Limits
		l.HeaderTime, l.BodyStall = 100*time.Millisecond, 100*time.Millisecond
	})
	var wg sync.WaitGroup
	for _, start := range []string{"", "POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-", "PRI * HTTP/2.0\r\n"} {
		wg.Go(func() {
			c, err := net.Dial("tcp", s.HTTPAddr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			begun := time.Now()
			_, _ = io.WriteString(c, start)
			for time.Since(begun) < 10*time.Second {
				if _, err := c.Write([]byte("a")); err != nil {
					return // cut off
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("header %q: still connected after %s", start, time.Since(begun))
		})
	}
	for name, url := range map[string]string{
		"HTTP/1.1": s.url + "/v1/traces", "h2c": s.url + "/v1/traces", "gRPC": "http://" + s.GRPCAddr().String() + tracesMethod,
	} {
		wg.Go(func() {
			client, contentType := http.DefaultClient, "application/json"
			if name != "HTTP/1.1" {
				client = h2c
			}
			var body io.Reader = &slowBody{left: 1000, every: 10 * time.Millisecond}
			if name == "gRPC" {
				contentType = "application/grpc"
				body = io.MultiReader(bytes.NewReader([]byte{0, 0, 0, 3, 232}), body)
			}
			req, err := http.NewRequest("POST", url, body)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", contentType)
			begun := time.Now()
			r, err := client.Do(req)
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("%s: cut off only after %s", name, took)
			}
			if err != nil {
				return // cut off while it was still sending
			}
			answer, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if r.StatusCode != 503 && r.Trailer.Get("Grpc-Status") != "14" {
				t.Errorf("%s: %s, trailers %v, %s", name, r.Status, r.Trailer, answer)
			}
		})
	}
	body := protobufOf(t, request(1))
	for range 20 {
		if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", body); r.StatusCode != 200 {
			t.Errorf("meanwhile others got %s", r.Status)
		}
	}
	wg.Wait()
	eventually(t, "all memory is returned", func() bool { return s.budget.used.Load() == 0 })
}

// A body that is slow but not too slow is taken.
func TestSlowButSteady(t *testing.T) {
	s := start(t, &sink{}, func(c *Config) {
		c.Limits.BodyRate, c.Limits.BodyStall, c.Limits.BodyTime = 20, time.Second, time.Minute
	})
	r, err := http.Post(s.url+"/v1/traces", "application/json", io.MultiReader(&slowBody{left: 300, every: 5 * time.Millisecond}, strings.NewReader("{}")))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("got %s", r.Status)
	}
}

// The time for a body is over when the body is in: it does not run while the batch is taken over.
func TestBodyTimeEndsWithTheBody(t *testing.T) {
	consumer := holding()
	s := start(t, consumer, func(c *Config) { c.Limits.BodyStall, c.Limits.BodyTime = 100*time.Millisecond, 100*time.Millisecond })
	body := protobufOf(t, request(1))
	codes := make(chan string, 2)
	go func() { codes <- post(t, s.url+"/v1/traces", "application/x-protobuf", "", body).Status }()
	go func() { codes <- exportGRPC(t, s, body) }()
	<-consumer.held
	<-consumer.held
	time.Sleep(300 * time.Millisecond) // what must not happen has no condition to wait for
	close(consumer.hold)
	for range 2 {
		if code := <-codes; code != "200 OK" && code != "OK" {
			t.Errorf("got %s", code)
		}
	}
}

// A drip on a request that is refused by its header alone is cut off as well.
func TestSlowBodyOfRefusedRequest(t *testing.T) {
	s := start(t, &sink{}, func(c *Config) { c.Limits.BodyTime = 100 * time.Millisecond })
	c, err := net.Dial("tcp", s.HTTPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("still connected: %v", err)
	}
}

func TestHalfBody(t *testing.T) {
	s := start(t, &sink{}, nil)
	c, err := net.Dial("tcp", s.HTTPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := protobufOf(t, request(10))
	fmt.Fprintf(c, "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:len(body)/2])
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) || !bytes.Contains(answer, []byte("the body ended after")) {
		t.Errorf("got %q", answer)
	}
	if n := s.metric(t, "faultline_ingest_spans_total", "accepted"); n != 0 {
		t.Errorf("%v spans of half a body accepted", n)
	}
}

// Random bytes, raw and as bodies, never get anything but a refusal.
// A few random bytes may be an empty deflate stream; what follows it tells.
func TestBytesAfterDeflate(t *testing.T) {
	s := start(t, &sink{}, nil)
	empty := []byte{0x03, 0x00} // a last block with fixed codes that ends at once
	if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "deflate", empty); r.StatusCode != 200 {
		t.Errorf("an empty request got %s", r.Status)
	}
	if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "deflate", append(empty, "junk"...)); r.StatusCode != 400 {
		t.Errorf("junk after an empty request got %s", r.Status)
	}
}

func TestRandomBytes(t *testing.T) {
	s := start(t, &sink{}, nil)
	junk := make([]byte, 64<<10)
	for range 20 {
		if _, err := rand.Read(junk); err != nil {
			t.Fatal(err)
		}
		for _, contentType := range []string{"application/x-protobuf", "application/json"} {
			for _, encoding := range []string{"", "gzip", "zstd", "snappy", "deflate"} {
				// Random bytes may claim, in snappy's way, to hold more than is allowed.
				if r := post(t, s.url+"/v1/traces", contentType, encoding, junk); r.StatusCode != 400 && (encoding != "snappy" || r.StatusCode != 413) {
					t.Errorf("%s %s got %s", contentType, encoding, r.Status)
				}
			}
		}
		for _, addr := range []net.Addr{s.HTTPAddr(), s.GRPCAddr()} {
			c, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write(junk)
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, err = io.Copy(io.Discard, c)
			if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
				t.Error("junk was not answered and the connection not closed")
			}
			c.Close()
		}
	}
	body := protobufOf(t, request(1))
	if code := exportGRPC(t, s, body); code != "OK" {
		t.Errorf("afterwards: %s", code)
	}
}

// Connections that say nothing keep nobody out below the limit and are closed in time above it.
func TestIdleConnections(t *testing.T) {
	const idle = 500
	s := start(t, &sink{}, func(c *Config) {
		c.Limits.Connections, c.Limits.HeaderTime, c.Limits.IdleTime = idle+2, 300*time.Millisecond, 300*time.Millisecond
	})
	body := protobufOf(t, request(1))
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	open := func(n int) {
		for range n {
			c, err := net.Dial("tcp", s.HTTPAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
	}
	grown := peak(func() {
		open(idle)
		if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", body); r.StatusCode != 200 {
			t.Errorf("beside %d idle connections: %s", idle, r.Status)
		}
	})
	if each := grown / idle; each > 64<<10 {
		t.Errorf("an idle connection costs %d bytes", each)
	}
	open(idle) // over the limit: these wait until the first ones are closed
	http.DefaultClient.CloseIdleConnections()
	if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", body); r.StatusCode != 200 {
		t.Errorf("behind %d idle connections: %s", 2*idle, r.Status)
	}
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, _ := io.Copy(io.Discard, c); n != 0 {
			t.Errorf("an idle connection was sent %d bytes", n)
		}
	}
	eventually(t, "all places are free again", func() bool {
		http.DefaultClient.CloseIdleConnections()
		return len(s.http.listener.slots) == 1 // the one that Accept waits to fill
	})
}

func TestConnectionLimit(t *testing.T) {
	s := start(t, &sink{}, func(c *Config) { c.Limits.Connections, c.Limits.HeaderTime = 2, time.Minute })
	var conns []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", s.HTTPAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	eventually(t, "both are accepted", func() bool { return len(s.http.listener.slots) == 2 })
	answered := make(chan int, 1)
	go func() { answered <- post(t, s.url+"/v1/metrics", "application/json", "", []byte("{}")).StatusCode }()
	select {
	case code := <-answered:
		t.Errorf("a third connection was answered with %d", code)
	case <-time.After(200 * time.Millisecond):
	}
	conns[0].Close()
	if code := <-answered; code != 200 {
		t.Errorf("got %d once there was room", code)
	}
}

func TestLargeHeader(t *testing.T) {
	s := start(t, &sink{}, nil)
	header := http.Header{"Content-Type": {"application/json"}, "X-Long": {strings.Repeat("a", 64<<10)}}
	if r := send(t, http.DefaultClient, "POST", s.url+"/v1/traces", header, []byte("{}")); r.StatusCode != 431 {
		t.Errorf("got %s", r.Status)
	}
	header["X-Long"] = []string{strings.Repeat("a", 30<<10)}
	if r := send(t, http.DefaultClient, "POST", s.url+"/v1/traces", header, []byte("{}")); r.StatusCode != 200 {
		t.Errorf("30 KiB got %s", r.Status)
	}
}

// Many large requests at once share one budget: what is over it is asked to come again, memory stays
// within bounds, and all is taken over in the end.
func TestHerd(t *testing.T) {
	const senders, spans, budget = 24, 3_000, 16 << 20
	consumer := &sink{}
	s := start(t, consumer, func(c *Config) { c.Limits.InFlightBytes = budget })
	body := protobufOf(t, request(spans))
	var throttled atomic.Int64
	var high atomic.Int64
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			cc := dial(t, s.GRPCAddr())
			for {
				var ok, later bool
				if i%2 == 0 {
					r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", body)
					ok, later = r.StatusCode == 200, r.StatusCode == 503
				} else {
					var answer []byte
					err := cc.Invoke(context.Background(), tracesMethod, &body, &answer, grpc.UseCompressor("gzip"))
					ok, later = err == nil, status.Code(err) == codes.Unavailable
				}
				high.Store(max(high.Load(), s.budget.used.Load()))
				if ok {
					return
				}
				if !later {
					t.Error("neither taken nor asked to come again")
					return
				}
				throttled.Add(1)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	if consumer.count() != senders*spans {
		t.Errorf("%d spans taken over, not each once", consumer.count())
	}
	if high.Load() > budget {
		t.Errorf("%d bytes in flight", high.Load())
	}
	t.Logf("bodies of %d KiB, %d asked to come again", len(body)>>10, throttled.Load())
}

package main_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	bits "encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// memoryOf returns a line of /proc/<pid>/status in bytes, such as VmHWM.
func memoryOf(t testing.TB, pid int, what string) int64 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, what+": %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Fatalf("no %s in the status of process %d", what, pid)
	return 0
}

// TestAttacks runs the product under a limit on memory and does to it what nobody should, one thing after
// another. Each gets the answer that is right for it, memory stays under the limit, and another sender is
// served all the while, of whose calls each counts once.
func TestAttacks(t *testing.T) {
	const limit = 512 << 20
	p := up(t, "--memory-limit", strconv.Itoa(limit), "--set", "analysis.every=1h")

	ctx, stop := context.WithCancel(t.Context())
	var honest sync.WaitGroup
	var acked, slowest int
	var longest time.Duration
	honest.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			begin := time.Now()
			for send(t.Context(), p.http, 5_000_000+n, 1) == 0 && time.Since(begin) < time.Minute {
				time.Sleep(100 * time.Millisecond) // asked to come again
			}
			acked++
			if took := time.Since(begin); took > longest {
				longest, slowest = took, n
			}
			time.Sleep(50 * time.Millisecond) // the pace of the traffic
		}
	})

	attacks := []struct {
		name string
		run  func(t *testing.T)
	}{
		{"gzip bombs", func(t *testing.T) { p.bombs(t, "gzip") }},
		{"zstd bombs", func(t *testing.T) { p.bombs(t, "zstd") }},
		{"64 MiB of nested arrays", func(t *testing.T) {
			deep := slices.Concat([]byte(`{"resourceSpans":`), bytes.Repeat([]byte("["), 64<<20-100))
			p.answers(t, "application/json", "", deep, 413) // more than a quarter of the limit is not for one request
			p.answers(t, "application/x-protobuf", "", nestedArrays(64<<20-1000), 413)
			p.answers(t, "application/json", "", deep[:8<<20], 400)
			p.answers(t, "application/x-protobuf", "", nestedArrays(8<<20), 200, 400)
		}},
		{"100,000 attributes on a span", func(t *testing.T) {
			var attributes []byte
			for i := range 100_000 {
				attributes = append(attributes, field(9, field(1, fmt.Appendf(nil, "key.%d", i)), field(2, field(1, []byte("value"))))...)
			}
			p.answers(t, "application/x-protobuf", "", withSpan(attributes), 200)
		}},
		{"names of services without end", func(t *testing.T) {
			requests, each := 20, 10_000
			if os.Getenv("EXACT") == "all" {
				requests = 100
			}
			for i := range requests {
				var body []byte
				for k := range each {
					body = append(body, bareSpan(fmt.Sprintf("service-%d", i*each+k), i*each+k)...)
				}
				p.insists(t, "application/x-protobuf", body)
			}
		}},
		{"slowloris", p.slowloris},
		{"10,000 idle connections", func(t *testing.T) { p.idle(t, 10_000) }},
		{"half bodies", p.halfBodies},
		{"random bytes", func(t *testing.T) {
			junk := make([]byte, 64<<10)
			for range 50 {
				rand.Read(junk) // it never fails
				for _, encoding := range []string{"", "gzip", "zstd", "snappy"} {
					p.answers(t, "application/x-protobuf", encoding, junk, 400, 413)
				}
			}
		}},
	}
	for _, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			begin := time.Now()
			attack.run(t)
			high := memoryOf(t, p.cmd.Process.Pid, "VmHWM")
			t.Logf("%s, at most %d MiB so far, %d MiB now", time.Since(begin).Round(time.Millisecond), high>>20, memoryOf(t, p.cmd.Process.Pid, "VmRSS")>>20)
			if high > limit {
				t.Errorf("memory rose to %d MiB", high>>20)
			}
		})
	}
	stop()
	honest.Wait()
	t.Logf("meanwhile %d requests of another sender, the slowest (%d) took %s", acked, slowest, longest.Round(time.Millisecond))
	if longest > 10*time.Second {
		t.Errorf("another sender had to wait for %s", longest)
	}
	eventually(t, 2*time.Minute, func() error {
		g, err := p.graph("from=now-1h&to=now")
		if err != nil {
			return err
		}
		if got := g.calls()[pair{"a", "b"}]; got != int64(acked) {
			return fmt.Errorf("%d calls of the other sender in the graph, %d acknowledged", got, acked)
		}
		return nil
	})
}

func aSpan(td ptrace.Traces, service string, n int) ptrace.Span {
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	var trace pcommon.TraceID
	bits.BigEndian.PutUint64(trace[:], uint64(n+1))
	trace[15] = 0xaa
	s.SetTraceID(trace)
	s.SetSpanID(pcommon.SpanID{1})
	s.SetName("GET /")
	s.SetKind(ptrace.SpanKindServer)
	now := time.Now()
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Millisecond)))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
	return s
}

func protobuf(td ptrace.Traces) []byte {
	b, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		panic(err)
	}
	return b
}

// field is a field of a message, made of parts.
func field(number byte, parts ...[]byte) []byte {
	inner := slices.Concat(parts...)
	return slices.Concat([]byte{number<<3 | 2}, bits.AppendUvarint(nil, uint64(len(inner))), inner)
}

// bareSpan is what aSpan makes, written by hand, for where a million of them are needed.
func bareSpan(service string, n int) []byte {
	trace := bits.BigEndian.AppendUint64(nil, uint64(n+1))
	trace = append(trace, 0, 0, 0, 0, 0, 0, 0, 0xaa)
	now := uint64(time.Now().UnixNano())
	times := bits.LittleEndian.AppendUint64([]byte{7<<3 | 1}, now-1e6)
	times = bits.LittleEndian.AppendUint64(append(times, 8<<3|1), now)
	return field(1,
		field(1, field(1, field(1, []byte("service.name")), field(2, field(1, []byte(service))))),
		field(2, field(2, field(1, trace), field(2, []byte{1, 0, 0, 0, 0, 0, 0, 0}), field(5, []byte("GET /")), []byte{6 << 3, 2}, times)))
}

// withSpan is a request with a span of the given attributes, beside a good one.
func withSpan(attributes []byte) []byte {
	td := ptrace.NewTraces()
	aSpan(td, "busy", 1)
	good := protobuf(td)
	start := bits.LittleEndian.AppendUint64([]byte{7<<3 | 1}, uint64(time.Now().UnixNano()))
	return append(good, field(1, field(2, field(2, field(1, bytes.Repeat([]byte{1}, 16)), field(2, bytes.Repeat([]byte{1}, 8)),
		start, attributes)))...)
}

// nestedArrays is a request with an attribute of arrays in arrays, of about n bytes.
func nestedArrays(n int) []byte {
	// An array value is AnyValue{array_value: ArrayValue{values: [AnyValue…]}}. Headers go before what is there
	// already, so it is written backwards.
	buf := make([]byte, n)
	at := n
	for at > 16 {
		for _, number := range []byte{1, 5} { // ArrayValue.values, AnyValue.array_value
			length := bits.AppendUvarint(nil, uint64(n-at))
			at -= len(length)
			copy(buf[at:], length)
			at--
			buf[at] = number<<3 | 2
		}
	}
	return withSpan(field(9, field(1, []byte("deep")), field(2, buf[at:])))
}

// answers sends a body and checks that the answer has one of the codes.
func (p *product) answers(t *testing.T, contentType, encoding string, body []byte, codes ...int) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.http+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if !slices.Contains(codes, resp.StatusCode) {
		t.Errorf("%d bytes of %s %s got %s: %.200s", len(body), contentType, encoding, resp.Status, answer)
	}
	return resp.StatusCode
}

// insists sends a body until it is taken.
func (p *product) insists(t *testing.T, contentType string, body []byte) {
	t.Helper()
	for p.answers(t, contentType, "", body, 200, 503) == 503 {
		time.Sleep(50 * time.Millisecond) // asked to come again
	}
}

// bombs sends bodies that are 256 MiB each when unpacked, several at once.
func (p *product) bombs(t *testing.T, encoding string) {
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if encoding == "zstd" {
		w, _ = zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedFastest)) // it knows the option
	}
	_, _ = w.Write(make([]byte, 16<<20)) // into memory
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := bytes.Repeat(out.Bytes(), 16) // what is packed may follow what is packed
	var senders sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 8 {
		senders.Go(func() {
			for range 2 {
				code := p.answers(t, "application/x-protobuf", encoding, bomb, 413, 503)
				mu.Lock()
				got[code]++
				mu.Unlock()
			}
		})
	}
	senders.Wait()
	if got[413] == 0 {
		t.Errorf("none was refused for good: %v", got)
	}
	t.Logf("bombs of %d KiB: %v", len(bomb)>>10, got)
}

func (p *product) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.http, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// slowloris drips headers on many connections, which all have to be cut off.
func (p *product) slowloris(t *testing.T) {
	var drips sync.WaitGroup
	for range 200 {
		c := p.dial(t)
		drips.Go(func() {
			defer c.Close()
			begin := time.Now()
			_, _ = io.WriteString(c, "POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-Slow: ")
			for time.Since(begin) < 30*time.Second {
				if _, err := c.Write([]byte("a")); err != nil {
					return
				}
				time.Sleep(200 * time.Millisecond) // the attack
			}
			t.Error("still connected after half a minute")
		})
	}
	drips.Wait()
}

// idle opens connections and says nothing on them.
func (p *product) idle(t *testing.T, n int) {
	before := memoryOf(t, p.cmd.Process.Pid, "VmRSS")
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = p.dial(t)
	}
	grown := memoryOf(t, p.cmd.Process.Pid, "VmRSS") - before
	t.Logf("%d connections, %d KiB each", n, grown/int64(n)>>10)
	td := ptrace.NewTraces()
	aSpan(td, "beside", 1)
	p.answers(t, "application/x-protobuf", "", protobuf(td), 200)
	for _, c := range conns {
		c.Close()
	}
}

// halfBodies announces more than it sends.
func (p *product) halfBodies(t *testing.T) {
	td := ptrace.NewTraces()
	aSpan(td, "half", 1)
	body := protobuf(td)
	for range 100 {
		c := p.dial(t)
		fmt.Fprintf(c, "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:len(body)/2])
		_ = c.(*net.TCPConn).CloseWrite() // it is a TCP connection
		answer, err := io.ReadAll(c)
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
			t.Fatalf("got %q, %v", answer, err)
		}
		c.Close()
	}
}

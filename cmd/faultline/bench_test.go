package main_test

import (
	"bytes"
	bin "encoding/binary"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// The benchmarks of this package run the built binary with the embedded engine over real sockets. What
// sends the load shares the machine.

// payload is a request of about 1,000 spans of 650 B: 125 traces, each a request through four of the
// services, from the first one on, with a client and a server span a hop. Trace ids are changed in place between sends.
type payload struct {
	body  []byte
	ids   []int // where trace ids stand in body
	spans int
}

func newPayload(b *testing.B, services, first int) payload {
	td := ptrace.NewTraces()
	spans := map[string]ptrace.SpanSlice{}
	of := func(svc string) ptrace.SpanSlice {
		if s, ok := spans[svc]; ok {
			return s
		}
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", svc)
		rs.Resource().Attributes().PutStr("service.version", "1.2.3")
		rs.Resource().Attributes().PutStr("deployment.environment.name", "bench")
		spans[svc] = rs.ScopeSpans().AppendEmpty().Spans()
		return spans[svc]
	}
	now := time.Now()
	n := 0
	for trace := range 125 {
		var parent pcommon.SpanID
		for hop := range 8 {
			svc := fmt.Sprintf("service-%03d", (first+trace+hop/2*(1+trace%5))%services)
			s := of(svc).AppendEmpty()
			var id pcommon.SpanID
			bin.BigEndian.PutUint64(id[:], uint64(n+1))
			s.SetTraceID(traceMark(trace))
			s.SetSpanID(id)
			s.SetParentSpanID(parent)
			parent = id
			s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(hop) * time.Millisecond)))
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(20-hop) * time.Millisecond)))
			a := s.Attributes()
			if hop%2 == 0 {
				s.SetName("GET /api/v1/items/{id}")
				s.SetKind(ptrace.SpanKindServer)
				a.PutStr("http.route", "/api/v1/items/{id}")
				a.PutStr("url.path", "/api/v1/items/4711")
				a.PutStr("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)")
			} else {
				s.SetName("GET")
				s.SetKind(ptrace.SpanKindClient)
				a.PutStr("url.full", "http://items.internal.example:8080/api/v1/items/4711?expand=price,stock,images")
			}
			a.PutStr("http.request.method", "GET")
			a.PutInt("http.response.status_code", 200)
			a.PutStr("server.address", "items.internal.example")
			a.PutInt("server.port", 8080)
			a.PutStr("network.protocol.version", "1.1")
			a.PutStr("client.address", "10.42.17.23")
			a.PutStr("thread.name", "http-nio-8080-exec-17")
			a.PutStr("request.id", fmt.Sprintf("01J%022d", n))
			n++
		}
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		b.Fatal(err)
	}
	p := payload{body: body, spans: n}
	for trace := range 125 {
		mark := traceMark(trace)
		for at := 0; ; {
			i := bytes.Index(body[at:], mark[:])
			if i < 0 {
				break
			}
			p.ids = append(p.ids, at+i)
			at += i + 16
		}
	}
	if len(p.ids) != n {
		b.Fatalf("%d trace ids found for %d spans", len(p.ids), n)
	}
	return p
}

func traceMark(n int) (id pcommon.TraceID) {
	copy(id[:], "bench-id")
	bin.BigEndian.PutUint64(id[8:], uint64(n)|0xfeed<<48)
	return id
}

// renumber gives every trace a new id.
func (p payload) renumber(body []byte, round uint32) {
	for _, at := range p.ids {
		bin.BigEndian.PutUint32(body[at:], round)
	}
}

// usage is what a process has used so far.
type usage struct {
	cpu  time.Duration
	peak int64 // bytes of resident memory at most
}

func used(b testing.TB, pid int) (u usage) {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	const tick = 10 * time.Millisecond
	for _, f := range fields[11:13] {
		n, _ := strconv.Atoi(f)
		u.cpu += time.Duration(n) * tick
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &u.peak)
	}
	u.peak <<= 10
	return u
}

func engineOf(b testing.TB, p *product) int {
	b.Helper()
	kids := children(b, p.cmd.Process.Pid)
	if len(kids) != 1 {
		b.Fatalf("children %v, want one engine", kids)
	}
	return kids[0]
}

// BenchmarkIngest measures CPU a span of OTLP/HTTP in, matched, folded and stored.
func BenchmarkIngest(b *testing.B) {
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run("http/"+encoding, func(b *testing.B) {
			p := up(b)
			load := newPayload(b, 100, 0)
			engine := engineOf(b, p)
			before, engineBefore := used(b, p.cmd.Process.Pid), used(b, engine)
			var round atomic.Uint32
			var refused atomic.Int64
			start := time.Now()
			b.SetParallelism(1)
			b.RunParallel(func(pb *testing.PB) {
				body := slices.Clone(load.body)
				for pb.Next() {
					load.renumber(body, round.Add(1))
					wire := body
					if encoding == "gzip" {
						var z bytes.Buffer
						w, _ := gzip.NewWriterLevel(&z, gzip.BestSpeed)
						w.Write(body)
						w.Close()
						wire = z.Bytes()
					}
					for {
						req, _ := http.NewRequest(http.MethodPost, p.http+"/v1/traces", bytes.NewReader(wire))
						req.Header.Set("Content-Type", "application/x-protobuf")
						req.Header.Set("Content-Encoding", encoding)
						resp, err := http.DefaultClient.Do(req)
						if err != nil {
							b.Error(err)
							return
						}
						resp.Body.Close()
						if resp.StatusCode == http.StatusOK {
							break
						}
						refused.Add(1)
						time.Sleep(50 * time.Millisecond)
					}
				}
			})
			took := time.Since(start)
			eventually(b, time.Minute, func() error { return p.metric("faultline_ingest_queued_spans", 0) })
			n := float64(b.N * load.spans)
			after, engineAfter := used(b, p.cmd.Process.Pid), used(b, engine)
			b.ReportMetric(n/took.Seconds(), "spans/s")
			b.ReportMetric(float64((after.cpu-before.cpu).Microseconds())/n, "µs-cpu/span")
			b.ReportMetric(float64((engineAfter.cpu-engineBefore.cpu).Microseconds())/n, "µs-engine-cpu/span")
			b.ReportMetric(float64(after.peak)/(1<<20), "MiB-peak")
			b.ReportMetric(float64(len(load.body))/float64(load.spans), "B/span")
			b.ReportMetric(float64(refused.Load()), "refused")
		})
	}
}

// BenchmarkGraphRead measures GET /api/v1/graph of 1,000 services that came in through the door.
func BenchmarkGraphRead(b *testing.B) {
	p := up(b)
	for round := range uint32(40) {
		load := newPayload(b, 1000, int(round)*25)
		load.renumber(load.body, round)
		resp, err := http.Post(p.http+"/v1/traces", "application/x-protobuf", bytes.NewReader(load.body))
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
	eventually(b, time.Minute, func() error { return p.metric("faultline_ingest_queued_spans", 0) })
	for _, window := range []string{"15m", "24h"} {
		b.Run(window, func(b *testing.B) {
			var mu sync.Mutex
			var all []time.Duration
			nodes, edges := 0, 0
			for b.Loop() {
				start := time.Now()
				g, err := p.graph("from=now-" + window)
				if err != nil {
					b.Fatal(err)
				}
				mu.Lock()
				all = append(all, time.Since(start))
				mu.Unlock()
				nodes, edges = len(g.Nodes), len(g.Edges)
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(nodes), "nodes")
			b.ReportMetric(float64(edges), "edges")
		})
	}
}

// BenchmarkAtRest measures what an idle product uses.
func BenchmarkAtRest(b *testing.B) {
	p := up(b)
	engine := engineOf(b, p)
	for range b.N {
		before, engineBefore := used(b, p.cmd.Process.Pid), used(b, engine)
		start := time.Now()
		time.Sleep(10 * time.Second)
		took := time.Since(start).Seconds()
		after, engineAfter := used(b, p.cmd.Process.Pid), used(b, engine)
		b.ReportMetric(100*(after.cpu-before.cpu).Seconds()/took, "%-core")
		b.ReportMetric(100*(engineAfter.cpu-engineBefore.cpu).Seconds()/took, "%-core-engine")
		b.ReportMetric(float64(after.peak)/(1<<20), "MiB-peak")
		b.ReportMetric(float64(engineAfter.peak)/(1<<20), "MiB-peak-engine")
	}
}

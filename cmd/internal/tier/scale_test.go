package tier

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"faultline/storage/clickhouse/clickhousetest"
)

var (
	scale       = flag.Bool("scale", false, "measure the memory of ingest with 100,000 edges")
	memoryLimit = flag.String("memory-limit", "0", "limit of that ingest process")
	heapProfile = flag.String("heap", "", "file for a profile of that memory when the most was in use; beside it, with .end, one of what lives at the end")
)

const (
	scaleServices = 9_900 // the limit is on all nodes, and each user of an entry is one
	scaleFanOut   = 10
	scaleHalves   = 300_000
	scaleRate     = 11_000 // spans a second
)

// spanRequest is an export request in the making, of one round of traffic. Times are since a second ago.
type spanRequest struct {
	td    ptrace.Traces
	spans map[int]ptrace.SpanSlice // by service
	begin time.Time
	round uint64 // part of every trace id
}

func newSpanRequest(round uint64) *spanRequest {
	return &spanRequest{ptrace.NewTraces(), map[int]ptrace.SpanSlice{}, time.Now().Add(-time.Second), round}
}

// add adds a span of a service and returns it. No parent is 0.
func (r *spanRequest) add(service int, trace, id, parent uint64, kind ptrace.SpanKind, name string, from, to time.Duration) ptrace.Span {
	spans, ok := r.spans[service]
	if !ok {
		rs := r.td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprintf("service-%04d", service))
		spans = rs.ScopeSpans().AppendEmpty().Spans()
		r.spans[service] = spans
	}
	s := spans.AppendEmpty()
	var t pcommon.TraceID
	binary.BigEndian.PutUint64(t[:8], r.round)
	binary.BigEndian.PutUint64(t[8:], trace*0x9e3779b97f4a7c15)
	var i, p pcommon.SpanID
	binary.BigEndian.PutUint64(i[:], id)
	binary.BigEndian.PutUint64(p[:], parent)
	s.SetTraceID(t)
	s.SetSpanID(i)
	s.SetParentSpanID(p)
	s.SetKind(kind)
	s.SetName(name)
	s.Attributes().PutStr("rpc.system", "grpc")
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(r.begin.Add(from)))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(r.begin.Add(to)))
	return s
}

func (r *spanRequest) wire() []byte {
	b, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(r.td)
	if err != nil {
		panic(err)
	}
	return b
}

// edgeCalls makes a request that tells of the calls of some edges: both halves, or the caller's only.
func edgeCalls(round uint64, from, to int, whole bool) []byte {
	r := newSpanRequest(round)
	for e := from; e < to; e++ {
		caller := e / scaleFanOut % scaleServices
		callee := (caller + 1 + e%scaleFanOut*37) % scaleServices
		operation := fmt.Sprintf("shop.Service%d/Get", callee)
		took := time.Duration(1+e%50) * time.Millisecond
		call := r.add(caller, uint64(e), 1, 0, ptrace.SpanKindClient, operation, 0, took)
		call.Attributes().PutStr("server.address", fmt.Sprintf("service-%04d", callee))
		if whole {
			r.add(callee, uint64(e), 2, 1, ptrace.SpanKindServer, operation, 0, took)
		}
	}
	return r.wire()
}

// profileMost looks at the heap of a process again and again, until it is told to stop, and leaves the profile of when the
// most was in use in file.
func profileMost(t *testing.T, admin, file string) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		most := 0
		for {
			select {
			case <-end:
				return
			case <-time.After(100 * time.Millisecond):
			}
			_, profile := get(t, admin+"/debug/pprof/heap?debug=1")
			m := regexp.MustCompile(`HeapInuse = (\d+)`).FindStringSubmatch(profile)
			if m == nil {
				continue
			}
			if now, _ := strconv.Atoi(m[1]); now > most {
				most = now
				_, profile := get(t, admin+"/debug/pprof/heap")
				_ = os.WriteFile(file, []byte(profile), 0o600)
			}
		}
	}()
	return func() { close(end); <-ended }
}

// TestMemoryAtScale measures what an ingest process takes that knows 100,000 edges while 300,000 halves of calls wait
// for the other.
func TestMemoryAtScale(t *testing.T) {
	if !*scale {
		t.Skip("only with -scale: make bench-memory")
	}
	access := clickhousetest.New(t)
	f := newFleet(t, access, access.Addr, 1, "--set", "ingest.match.wait=30s", "--set", "ingest.match.settle=5s", "--set", "ingest.flush_every=2s", "--memory-limit", *memoryLimit)
	p := f.runs[0]
	if *heapProfile != "" {
		defer profileMost(t, p.addresses["admin"], *heapProfile)()
	}
	// As many halves wait as come within the wait: this rate of them makes 300,000.
	begin, sent := time.Now(), 0
	send := func(wire []byte, spans int) {
		f.send(0, wire)
		sent += spans
		time.Sleep(time.Until(begin.Add(time.Duration(sent) * time.Second / scaleRate)))
	}
	show := func(when string) {
		_, metrics := get(t, p.addresses["admin"]+"/metrics")
		value := func(name string) float64 {
			m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(metrics)
			if m == nil {
				t.Fatalf("no %s", name)
			}
			v, _ := strconv.ParseFloat(m[1], 64)
			return v
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		mib := func(name string) int {
			n, _ := strconv.Atoi(string(regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)[1]))
			return n >> 10
		}
		fmt.Printf("%-28s resident %4d MiB, of files %4d MiB, peak %4d MiB; heap %4.0f MiB; %6.0f spans remembered, %6.0f waiting, %5.0f nodes\n", when,
			mib("VmRSS"), mib("RssFile"), mib("VmHWM"), value("go_memstats_heap_inuse_bytes")/(1<<20),
			value("faultline_match_remembered_spans"), value("faultline_match_waiting_spans"), value("faultline_match_nodes"))
	}
	settled := func() {
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
			resp, err := http.Get(p.addresses["admin"] + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			_, _ = b.ReadFrom(resp.Body)
			resp.Body.Close()
			if regexp.MustCompile(`(?m)^faultline_ingest_queued_spans 0$`).Match(b.Bytes()) && regexp.MustCompile(`(?m)^faultline_ingest_journal_lag_seconds 0$`).Match(b.Bytes()) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("what was sent is not matched")
			}
		}
	}
	show("at rest")
	const edges, batch = scaleServices * scaleFanOut, 300
	for e := 0; e < edges; e += batch {
		send(edgeCalls(1, e, min(e+batch, edges), true), 2*batch)
	}
	settled()
	show(fmt.Sprintf("%d edges", edges))
	for n := 0; n < scaleHalves; n += batch {
		send(edgeCalls(uint64(2+n/edges), n, n+batch, false), batch)
	}
	settled()
	show(fmt.Sprintf("and %d halves", scaleHalves))
	time.Sleep(5 * time.Second) // two blocks
	show("two blocks later")
	if *heapProfile != "" {
		_, profile := get(t, p.addresses["admin"]+"/debug/pprof/heap?gc=1")
		if err := os.WriteFile(*heapProfile+".end", []byte(profile), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

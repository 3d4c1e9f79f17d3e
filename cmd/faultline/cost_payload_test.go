package main_test

import (
	"bytes"
	bin "encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// topology is who calls whom in the load of the cost of ingest: services, the databases and queues they
// use, and a few entries that users call. Requests take every edge equally often.
type topology struct {
	services  int
	entries   int
	databases int
	queues    int
	edges     []topologyEdge
	out       [][]int // edges by calling service
	into      []int   // an edge that leads to a service from one with a lower number; -1 for entries
}

type topologyEdge struct {
	kind             callKind
	caller, callee   int // services; the callee of a query is a database
	queue, operation int
}

type callKind uint8

const (
	overHTTP callKind = iota
	overGRPC
	toDatabase
	throughQueue
)

// newTopology spreads 2.96 edges for each service: of 100 services, 6 users' calls, 240 calls between two
// services, 26 uses of a database, and 12 queues with an edge in and one out.
func newTopology(services int) *topology {
	random := rand.New(rand.NewPCG(7, uint64(services)))
	t := &topology{
		services: services, entries: max(services*6/100, 1), databases: max(services*13/100, 1), queues: max(services*12/100, 1),
		out: make([][]int, services), into: make([]int, services),
	}
	total := services * 296 / 100
	used := map[[2]int]bool{}
	add := func(e topologyEdge) bool {
		if pair := [2]int{e.caller, e.callee}; e.kind == overHTTP || e.kind == overGRPC || e.kind == throughQueue {
			if e.caller == e.callee || used[pair] {
				return false
			}
			used[pair] = true
		}
		t.out[e.caller] = append(t.out[e.caller], len(t.edges))
		t.edges = append(t.edges, e)
		return true
	}
	between := func(caller, callee int) topologyEdge {
		return topologyEdge{kind: callKind(random.IntN(2)), caller: caller, callee: callee, operation: random.IntN(4)}
	}
	for s := range services {
		if t.into[s] = -1; s >= t.entries {
			t.into[s] = len(t.edges)
			add(between(max(s/4, random.IntN(s)-services/8), s))
		}
	}
	for q := range t.queues {
		for !add(topologyEdge{kind: throughQueue, caller: random.IntN(services), callee: random.IntN(services), queue: q}) {
		}
	}
	for d := range t.databases * 2 {
		add(topologyEdge{kind: toDatabase, caller: (d*7 + d/t.databases) % services, callee: d % t.databases})
	}
	for len(t.edges)+t.queues < total-t.entries {
		caller := random.IntN(services - 1)
		add(between(caller, caller+1+random.IntN(services-caller-1)))
	}
	return t
}

// template is an export request whose ids and times are written anew before it is sent.
type template struct {
	body    []byte
	spans   int
	patches []patch
	times   []times // by span
}

type patch struct {
	at   uint32
	kind byte // one of the marks
	n    uint32
}

type times struct{ start, duration time.Duration }

// The marks stand for what is written anew, each followed by a number, where the body has room for it.
const (
	traceMark2 byte = iota + 0xf1
	spanMark
	startMark
	endMark
)

// mark is 8 bytes that are found in a body again.
func mark(kind byte, n int) (m [8]byte) {
	m = [8]byte{kind, 0xfe, 0xed, kind}
	bin.LittleEndian.PutUint32(m[4:], uint32(n))
	return m
}

const (
	tracesPerRequest = 50
	spansPerTrace    = 10
)

// newTemplate builds the n-th request: 50 traces of 10 spans each, as a collector batches what many
// services sent.
func (t *topology) newTemplate(n int) *template {
	b := &requestBuilder{
		topology: t, random: rand.New(rand.NewPCG(11, uint64(n))), traces: ptrace.NewTraces(),
		scopes: map[int]ptrace.SpanSlice{}, out: &template{},
	}
	for i := range tracesPerRequest {
		b.trace(i, (n*tracesPerRequest+i)%len(t.edges))
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(b.traces).MarshalProto()
	if err != nil {
		panic(err)
	}
	b.out.body = body
	for at := 0; ; {
		i := bytes.Index(body[at:], []byte{0xfe, 0xed})
		if i < 0 {
			break
		}
		at += i + 2
		if kind := body[at-3]; kind == body[at] && kind >= traceMark2 && kind <= endMark {
			b.out.patches = append(b.out.patches, patch{uint32(at - 3), kind, bin.LittleEndian.Uint32(body[at+1:])})
			at += 5
		}
	}
	return b.out
}

// renew writes ids that no other round has, and times that end at now.
func (t *template) renew(body []byte, round uint64, now time.Time) {
	for _, p := range t.patches {
		to := body[p.at : p.at+8]
		switch p.kind {
		case traceMark2:
			bin.LittleEndian.PutUint64(to, mix(round<<20|uint64(p.n)|1<<19))
			bin.LittleEndian.PutUint64(body[p.at+8:], mix(round<<20|uint64(p.n)|1<<18))
		case spanMark:
			bin.LittleEndian.PutUint64(to, mix(round<<20|uint64(p.n)))
		case startMark:
			bin.LittleEndian.PutUint64(to, uint64(now.Add(t.times[p.n].start).UnixNano()))
		case endMark:
			bin.LittleEndian.PutUint64(to, uint64(now.Add(t.times[p.n].start+t.times[p.n].duration).UnixNano()))
		}
	}
}

// mix is the finaliser of splitmix64: different numbers in, different numbers without a pattern out.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

type requestBuilder struct {
	*topology
	random  *rand.Rand
	traces  ptrace.Traces
	scopes  map[int]ptrace.SpanSlice // by service
	out     *template
	current int // trace
	left    int // spans that the trace may still have
}

// trace makes a trace that leads through one edge: a request to an entry, the calls from there to the
// edge, and other calls on the way until it has its spans.
func (b *requestBuilder) trace(n, edge int) {
	b.current, b.left = n, spansPerTrace
	var path []int
	for at := edge; at >= 0; at = b.into[b.edges[at].caller] {
		path = append([]int{at}, path...)
	}
	entry := b.edges[path[0]].caller
	b.serve(entry, -1, b.random.IntN(4), overHTTP, path, 0)
}

// serve makes the span of a request and what happens inside.
func (b *requestBuilder) serve(service, parent, operation int, kind callKind, path []int, depth int) {
	s, id := b.span(service, parent, depth)
	s.SetKind(ptrace.SpanKindServer)
	a := s.Attributes()
	if kind == overGRPC {
		s.SetName(fmt.Sprintf("shop.v1.Service%d/Get%d", service, operation))
		b.rpc(a, service, operation)
	} else {
		route := fmt.Sprintf("/api/v1/resources-%d/{id}", operation)
		s.SetName("GET " + route)
		a.PutStr("http.request.method", "GET")
		a.PutStr("url.scheme", "http")
		a.PutStr("url.path", fmt.Sprintf("/api/v1/resources-%d/%d", operation, b.random.IntN(1e6)))
		a.PutStr("http.route", route)
		a.PutInt("http.response.status_code", b.status(s))
		a.PutStr("server.address", fmt.Sprintf("service-%04d", service))
		a.PutInt("server.port", 8080)
		a.PutStr("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0")
		a.PutStr("network.protocol.version", "1.1")
		a.PutInt("http.response.body.size", int64(b.random.IntN(10_000)))
	}
	a.PutStr("client.address", fmt.Sprintf("10.42.%d.%d", b.random.IntN(256), b.random.IntN(256)))
	a.PutStr("network.peer.address", fmt.Sprintf("10.42.%d.%d", b.random.IntN(256), b.random.IntN(256)))
	a.PutInt("network.peer.port", int64(32768+b.random.IntN(28000)))
	b.inside(service, id, path, depth)
}

// inside makes the work within a request: an INTERNAL span now and then, the next call of the path, and
// other calls while there are spans left.
func (b *requestBuilder) inside(service, parent int, path []int, depth int) {
	if b.random.IntN(4) == 0 && b.left > 2*len(path) {
		s, id := b.span(service, parent, depth+1)
		s.SetName("render")
		s.SetKind(ptrace.SpanKindInternal)
		s.Attributes().PutStr("code.function.name", "com.example.shop.rendering.TemplateRenderer.render")
		s.Attributes().PutStr("code.file.path", "/src/main/java/com/example/shop/rendering/TemplateRenderer.java")
		s.Attributes().PutInt("code.line.number", 217)
		parent = id
	}
	if len(path) > 0 {
		b.call(path[0], parent, path[1:], depth+1)
	}
	for _, e := range b.out_(service) {
		if b.left < 2 {
			break
		}
		b.call(e, parent, nil, depth+1)
	}
	for b.left > 0 && depth == 0 {
		s, _ := b.span(service, parent, depth+1)
		s.SetName("prepare")
		s.SetKind(ptrace.SpanKindInternal)
		s.Attributes().PutStr("code.function.name", "com.example.shop.items.ItemPreparation.prepareAndValidate")
		s.Attributes().PutStr("thread.name", "http-nio-8080-exec-17")
	}
}

// out_ is up to two edges of a service, not always the same.
func (b *requestBuilder) out_(service int) []int {
	edges := b.topology.out[service]
	if len(edges) <= 2 {
		return edges
	}
	i := b.random.IntN(len(edges) - 1)
	return edges[i : i+2]
}

// call makes the caller's span of an edge and all behind it.
func (b *requestBuilder) call(edge, parent int, path []int, depth int) {
	e := b.edges[edge]
	s, id := b.span(e.caller, parent, depth)
	a := s.Attributes()
	switch e.kind {
	case overHTTP:
		s.SetName("GET")
		s.SetKind(ptrace.SpanKindClient)
		a.PutStr("http.request.method", "GET")
		a.PutStr("url.full", fmt.Sprintf("http://service-%04d:8080/api/v1/resources-%d/%d?expand=price,stock,images", e.callee, e.operation, b.random.IntN(1e6)))
		a.PutStr("server.address", fmt.Sprintf("service-%04d", e.callee))
		a.PutInt("server.port", 8080)
		a.PutStr("network.protocol.version", "1.1")
		a.PutStr("network.peer.address", fmt.Sprintf("10.43.%d.%d", e.callee>>8, e.callee&255))
		a.PutInt("network.peer.port", 8080)
		a.PutInt("http.response.status_code", b.status(s))
		b.serve(e.callee, id, e.operation, e.kind, path, depth+1)
	case overGRPC:
		s.SetName(fmt.Sprintf("shop.v1.Service%d/Get%d", e.callee, e.operation))
		s.SetKind(ptrace.SpanKindClient)
		b.rpc(a, e.callee, e.operation)
		a.PutStr("server.address", fmt.Sprintf("service-%04d.shop.svc.cluster.local", e.callee))
		a.PutInt("server.port", 9090)
		b.serve(e.callee, id, e.operation, e.kind, path, depth+1)
	case toDatabase:
		s.SetName("SELECT items")
		s.SetKind(ptrace.SpanKindClient)
		a.PutStr("db.system.name", "postgresql")
		a.PutStr("db.namespace", fmt.Sprintf("items-%d", e.callee))
		a.PutStr("db.collection.name", "items")
		a.PutStr("db.operation.name", "SELECT")
		a.PutStr("db.query.text", "SELECT id, name, price, stock, updated_at FROM items WHERE tenant = $1 AND id = ANY($2) ORDER BY updated_at DESC LIMIT 50")
		a.PutStr("server.address", fmt.Sprintf("pg-%d.db.svc.cluster.local", e.callee))
		a.PutInt("server.port", 5432)
	case throughQueue:
		topic := fmt.Sprintf("events-%d", e.queue)
		s.SetName("send " + topic)
		s.SetKind(ptrace.SpanKindProducer)
		b.message(a, topic, "send")
		if b.left == 0 {
			return
		}
		c, consumed := b.span(e.callee, id, depth+1)
		c.SetName("process " + topic)
		c.SetKind(ptrace.SpanKindConsumer)
		b.message(c.Attributes(), topic, "process")
		link := c.Links().AppendEmpty()
		link.SetTraceID(s.TraceID())
		link.SetSpanID(s.SpanID())
		b.inside(e.callee, consumed, path, depth+1)
	}
}

func (b *requestBuilder) rpc(a pcommon.Map, service, operation int) {
	a.PutStr("rpc.system", "grpc")
	a.PutStr("rpc.service", fmt.Sprintf("shop.v1.Service%d", service))
	a.PutStr("rpc.method", fmt.Sprintf("Get%d", operation))
	a.PutInt("rpc.grpc.status_code", 0)
}

func (b *requestBuilder) message(a pcommon.Map, topic, operation string) {
	a.PutStr("messaging.system", "kafka")
	a.PutStr("messaging.destination.name", topic)
	a.PutStr("messaging.operation.type", operation)
	a.PutStr("messaging.operation.name", operation)
	a.PutStr("messaging.client.id", "producer-shop-7d9c5b6f4-x2x9q")
	a.PutStr("messaging.destination.partition.id", fmt.Sprint(b.random.IntN(24)))
	a.PutInt("messaging.kafka.offset", b.random.Int64N(1e9))
	a.PutStr("server.address", "kafka-bootstrap.events.svc.cluster.local")
	a.PutInt("server.port", 9092)
}

// status is the answer of an HTTP call: one in 50 fails.
func (b *requestBuilder) status(s ptrace.Span) int64 {
	if b.random.IntN(50) > 0 {
		return 200
	}
	s.Status().SetCode(ptrace.StatusCodeError)
	return 500
}

// span adds a span of a service under one that has the given number, -1 for none.
func (b *requestBuilder) span(service, parent, depth int) (ptrace.Span, int) {
	s := b.spansOf(service).AppendEmpty()
	n := b.out.spans
	b.out.spans++
	b.left--
	var trace pcommon.TraceID
	m := mark(traceMark2, b.current)
	copy(trace[:], m[:])
	s.SetTraceID(trace)
	s.SetSpanID(mark(spanMark, n))
	if parent >= 0 {
		s.SetParentSpanID(mark(spanMark, parent))
	}
	length := time.Duration(100+b.random.IntN(1000)) * 100 * time.Microsecond / time.Duration(depth+1)
	b.out.times = append(b.out.times, times{-150*time.Millisecond + time.Duration(depth)*time.Millisecond, length})
	start, end := mark(startMark, n), mark(endMark, n)
	s.SetStartTimestamp(pcommon.Timestamp(bin.LittleEndian.Uint64(start[:])))
	s.SetEndTimestamp(pcommon.Timestamp(bin.LittleEndian.Uint64(end[:])))
	s.SetFlags(0x101)
	a := s.Attributes()
	a.PutStr("thread.name", fmt.Sprintf("http-nio-8080-exec-%d", b.random.IntN(200)))
	a.PutInt("thread.id", int64(b.random.IntN(400)))
	a.PutStr("request.id", fmt.Sprintf("01J%021X", b.random.Uint64()))
	a.PutStr("session.id", fmt.Sprintf("%016x%016x", b.random.Uint64(), b.random.Uint64()))
	a.PutStr("app.tenant", fmt.Sprintf("tenant-%02d", b.random.IntN(100)))
	return s, n
}

// spansOf returns the spans of a service in this request. Each service has three instances, of which one
// is in a request.
func (b *requestBuilder) spansOf(service int) ptrace.SpanSlice {
	if s, ok := b.scopes[service]; ok {
		return s
	}
	instance := b.random.IntN(3)
	rs := b.traces.ResourceSpans().AppendEmpty()
	a := rs.Resource().Attributes()
	name := fmt.Sprintf("service-%04d", service)
	a.PutStr("service.name", name)
	a.PutStr("service.namespace", "shop")
	a.PutStr("service.version", "1.4.2")
	a.PutStr("service.instance.id", fmt.Sprintf("%08x-1b4f-4d2a-9c3e-%012x", service, instance))
	a.PutStr("deployment.environment.name", "production")
	a.PutStr("telemetry.sdk.name", "opentelemetry")
	a.PutStr("telemetry.sdk.language", "java")
	a.PutStr("telemetry.sdk.version", "1.55.0")
	a.PutStr("k8s.pod.name", fmt.Sprintf("%s-7d9c5b6f4-x2x9%d", name, instance))
	a.PutStr("k8s.namespace.name", "shop")
	a.PutStr("k8s.node.name", fmt.Sprintf("ip-10-42-%d-7.eu-central-1.compute.internal", service%40))
	a.PutStr("os.type", "linux")
	a.PutInt("process.pid", 1)
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("io.opentelemetry.tomcat-10.0")
	ss.Scope().SetVersion("2.21.0-alpha")
	b.scopes[service] = ss.Spans()
	return ss.Spans()
}

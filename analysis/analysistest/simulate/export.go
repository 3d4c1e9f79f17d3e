package simulate

import (
	"encoding/binary"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"faultline/analysis/analysistest"
	"faultline/ingest/otlp"
)

// collectors is how many collectors stand between the services and who takes their spans in: the halves of a call
// mostly come in different requests.
const collectors = 3

// export yields what the collectors gathered in a slice.
func (w *World) export(at int64, yield func(analysistest.Request) bool) bool {
	spans := w.pending[at]
	delete(w.pending, at)
	if len(spans) == 0 {
		return true
	}
	type sender struct {
		node    int
		version string
	}
	var traces [collectors]ptrace.Traces
	for i := range traces {
		traces[i] = ptrace.NewTraces()
	}
	senders := map[sender]ptrace.SpanSlice{}
	for i := range spans {
		s := &spans[i]
		key := sender{s.node, s.version}
		to, ok := senders[key]
		if !ok {
			rs := traces[s.node%collectors].ResourceSpans().AppendEmpty()
			a := rs.Resource().Attributes()
			a.PutStr("service.name", w.nodes[s.node].name)
			a.PutStr("service.namespace", "shop")
			a.PutStr("service.version", s.version)
			a.PutStr("deployment.environment.name", w.set.Environment)
			to = rs.ScopeSpans().AppendEmpty().Spans()
			senders[key] = to
		}
		w.write(to.AppendEmpty(), s)
	}
	arrival := w.set.Start.Add(time.Duration(at+1) * slice)
	for _, n := range w.r.Perm(collectors) {
		if traces[n].ResourceSpans().Len() == 0 {
			continue
		}
		body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(traces[n])
		if err != nil {
			panic(err) // what was just made always encodes
		}
		if !yield(analysistest.Request{At: arrival, Encoding: otlp.Protobuf, Body: body}) {
			return false
		}
	}
	return true
}

func spanID(n uint64) (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], n)
	return id
}

func traceID(n [2]uint64) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:8], n[0])
	binary.BigEndian.PutUint64(id[8:], n[1])
	return id
}

// write puts a span into the words of OTLP and the semantic conventions.
func (w *World) write(to ptrace.Span, s *span) {
	to.SetTraceID(traceID(s.trace))
	to.SetSpanID(spanID(s.id))
	if s.parentID != 0 {
		to.SetParentSpanID(spanID(s.parentID))
	}
	to.SetStartTimestamp(pcommon.Timestamp(s.start))
	to.SetEndTimestamp(pcommon.Timestamp(s.end))
	to.SetKind([...]ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindClient, ptrace.SpanKindProducer, ptrace.SpanKindConsumer}[s.kind])
	to.SetName(s.name)
	if s.kept > 0 {
		to.TraceState().FromRaw("ot=th:" + threshold(s.kept))
	}
	if s.failed {
		to.Status().SetCode(ptrace.StatusCodeError)
		to.Status().SetMessage(s.problem)
	}
	a := to.Attributes()
	switch s.kind {
	case server:
		if w.nodes[s.node].rpc {
			rpc(a, s)
			return
		}
		a.PutStr("http.request.method", "GET")
		a.PutStr("http.route", s.name[len("GET "):])
		a.PutStr("url.path", s.name[len("GET "):])
		a.PutInt("http.response.status_code", int64(s.status))
	case producer, consumer:
		a.PutStr("messaging.system", "kafka")
		a.PutStr("messaging.destination.name", w.nodes[s.to].name)
		a.PutStr("messaging.operation.type", [...]string{producer: "send", consumer: "process"}[s.kind])
	case client:
		w.writeClient(a, s)
	}
}

func (w *World) writeClient(a pcommon.Map, s *span) {
	n := &w.nodes[s.to]
	a.PutStr("server.address", n.name)
	switch {
	case n.kind == database:
		a.PutStr("db.system.name", "postgresql")
		a.PutStr("db.namespace", n.name)
		a.PutStr("db.operation.name", "SELECT")
		a.PutInt("server.port", 5432)
	case n.kind == cache:
		a.PutStr("db.system.name", "redis")
		a.PutStr("db.operation.name", "GET")
		a.PutInt("server.port", 6379)
	case n.kind == service && n.rpc:
		rpc(a, s)
		a.PutInt("server.port", 9090)
	default:
		path := "/v1/things"
		if n.kind == service {
			path = s.name[len("GET "):]
		}
		a.PutStr("http.request.method", "GET")
		a.PutStr("url.full", "http://"+n.name+":8080"+path)
		a.PutInt("server.port", 8080)
		if s.status > 0 {
			a.PutInt("http.response.status_code", int64(s.status))
		}
	}
	if s.failed && s.status == 0 {
		a.PutStr("error.type", map[string]string{
			"connection refused": "connection_refused", "deadline exceeded": "timeout", "context canceled": "context canceled",
		}[s.problem])
	}
}

func rpc(a pcommon.Map, s *span) {
	a.PutStr("rpc.system.name", "grpc")
	a.PutStr("rpc.method", s.name)
	switch {
	case !s.failed:
		a.PutStr("rpc.response.status_code", "OK")
	case s.problem == "deadline exceeded":
		a.PutStr("rpc.response.status_code", "DEADLINE_EXCEEDED")
	case s.problem == "context canceled":
		a.PutStr("rpc.response.status_code", "CANCELLED")
	case s.problem == "connection refused":
		a.PutStr("rpc.response.status_code", "UNAVAILABLE")
	default:
		a.PutStr("rpc.response.status_code", "INTERNAL")
	}
}

// threshold is the rejection threshold of traces of which a share is kept.
func threshold(kept float64) string {
	return fmt.Sprintf("%014x", uint64((1-kept)*(1<<56)))
}

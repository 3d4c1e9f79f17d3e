package otlp

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// richRequest has a bit of everything, as a seed.
func richRequest() testRequest {
	r := aSpan(func(s *testSpan) {
		s.kind, s.code, s.message, s.state, s.parent = 5, 2, "timeout", "ot=th:c", s.trace[:8]
		s.attributes = []testAttribute{
			{"messaging.system", "kafka"}, {"n", 1}, {"d", 1.5}, {"b", true}, {"x", []byte{0, 255}},
			{"list", []any{"a", 2, []any{}}}, {"map", []testAttribute{{"k", "v"}}},
		}
		s.exceptions = []testException{{"exception", []testAttribute{{"exception.type", "E"}}}}
		s.links = []testLink{{s.trace, s.id}}
	})
	return append(r, aSpan(nil)...)
}

// checkBatch reports what must hold of the spans of any batch.
func checkBatch(t *testing.T, b *Batch) {
	t.Helper()
	for _, s := range b.Spans {
		if s.Service == nil || s.Service.Name == "" || s.Operation == "" || s.Duration < 0 || s.Start <= 0 ||
			!(s.Weight >= 1 && s.Weight <= 10_000) || s.Parent == s.ID || s.Peer.Type != "" && s.Peer.Name == "" {
			t.Fatalf("this is no span: %+v", s)
		}
	}
}

func countOf(b *Batch) int {
	n := len(b.Spans)
	for _, rejected := range b.Rejected {
		n += rejected
	}
	return n
}

func wantBadDataError(t *testing.T, err error) {
	t.Helper()
	var bad *BadDataError
	if !errors.As(err, &bad) || bad.Detail == "" {
		t.Fatalf("an error of the wrong kind: %v", err)
	}
}

// FuzzTracesProtobuf compares with the official library: what it reads we read, with as many spans, unless
// a field is not written as the schema says, which it passes over and we refuse.
func FuzzTracesProtobuf(f *testing.F) {
	f.Add(richRequest().protobuf())
	f.Add(aSpan(nil).protobuf())
	f.Add([]byte{})
	f.Add([]byte{0x13, 0x14})
	f.Fuzz(func(t *testing.T, body []byte) {
		d, now := anyTime()
		b, err := d.Traces(body, Protobuf, now)
		if err != nil {
			wantBadDataError(t, err)
		} else {
			checkBatch(t, b)
		}
		var official tracepb.ExportTraceServiceRequest
		if proto.Unmarshal(body, &official) != nil {
			return
		}
		if err != nil {
			if strings.Contains(err.Error(), "groups nest") || strings.Contains(err.Error(), "wire type") {
				return
			}
			t.Fatalf("the official library reads it: %v", err)
		}
		want := 0
		for _, rs := range official.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				want += len(ss.Spans)
			}
		}
		if got := countOf(b); got != want {
			t.Errorf("%d spans, the official library reads %d", got, want)
		}
	})
}

// emptyKey is where the other library takes an object for ended.
var emptyKey = regexp.MustCompile(`""\s*:`)

// FuzzTracesJSON checks that what is read as JSON is good protobuf then, and compares with another library
// as far as both take the same liberties.
func FuzzTracesJSON(f *testing.F) {
	r := richRequest()
	f.Add(r.json(f))
	f.Add([]byte(spanJSON(`"name":"\u00fc\ud83d","kind":3.0,"status":null,"x":[{}]`)))
	f.Add([]byte(`{}{"resourceSpans":null}`))
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00"},null,{"flags":1e2}]}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, now := anyTime()
		b, err := d.Traces(body, JSON, now)
		if err != nil {
			wantBadDataError(t, err)
			if _, bad := toProtobuf(body, traceSchema); bad == nil {
				t.Fatalf("good JSON became bad protobuf: %v", err)
			}
		} else {
			checkBatch(t, b)
			again, err := d.Traces(bytes.Clone(body), JSON, now)
			if err != nil || !sameBatch(b, again) {
				t.Fatalf("decoding twice differs: %v", err)
			}
		}
		if !json.Valid(body) || body[0] != '{' || bytes.Contains(body, []byte("_")) || bytes.Contains(body, []byte("null")) ||
			emptyKey.Match(body) {
			return
		}
		library := ptraceotlp.NewExportRequest()
		if library.UnmarshalJSON(body) != nil {
			return
		}
		if err != nil {
			t.Fatalf("the other library reads it: %v", err)
		}
		if got, want := countOf(b), library.Traces().SpanCount(); got != want {
			t.Errorf("%d spans, the other library reads %d", got, want)
		}
	})
}

func FuzzMetrics(f *testing.F) {
	f.Add([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{}]}}]}]}]}`), true)
	f.Add(appendMessage(nil, 1, appendMessage(nil, 2, appendMessage(nil, 2, appendMessage(nil, 5, appendMessage(nil, 1, nil))))), false)
	f.Fuzz(func(t *testing.T, body []byte, asJSON bool) {
		enc := Protobuf
		if asJSON {
			enc = JSON
		}
		points, err := NewDecoder(DefaultDecodeConfig()).Metrics(body, enc)
		if err != nil {
			wantBadDataError(t, err)
		} else if points < 0 || points > len(body) {
			t.Errorf("%d points in %d bytes", points, len(body))
		}
	})
}

package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The tests describe a request once and write it in both encodings, each by a writer that shares nothing
// with the decoder.

type testRequest []testResource

type testResource struct {
	attributes []testAttribute
	spans      []testSpan
}

type testSpan struct {
	trace, id, parent []byte
	state, name       string
	kind              int
	start, end        uint64
	attributes        []testAttribute
	exceptions        []testException
	links             []testLink
	code              int
	message           string
	flags             uint32
}

type testAttribute struct {
	key   string
	value any // string, int, float64, bool, []byte, []any (list) or []testAttribute (map)
}

type testException struct {
	event      string
	attributes []testAttribute
}

type testLink struct{ trace, id []byte }

// arrival is when the requests of the tests arrive.
var arrival = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// aSpan is a good span, changed as change says.
func aSpan(change func(s *testSpan)) testRequest {
	s := testSpan{
		trace: hexID("0af7651916cd43dd8448eb211c80319c"), id: hexID("b7ad6b7169203331"), name: "op", kind: 2,
		start: uint64(arrival.Add(-time.Second).UnixNano()), end: uint64(arrival.Add(-time.Second + time.Millisecond).UnixNano()),
	}
	if change != nil {
		change(&s)
	}
	return testRequest{{attributes: []testAttribute{{"service.name", "cart"}}, spans: []testSpan{s}}}
}

func hexID(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// encodings runs f with r in each encoding.
func encodings(t *testing.T, r testRequest, f func(t *testing.T, body []byte, enc Encoding)) {
	t.Helper()
	t.Run("protobuf", func(t *testing.T) { f(t, r.protobuf(), Protobuf) })
	t.Run("JSON", func(t *testing.T) { f(t, r.json(t), JSON) })
}

type object = map[string]any

func (r testRequest) json(t testing.TB) []byte {
	t.Helper()
	resources := []any{}
	for _, rs := range r {
		spans := []any{}
		for _, s := range rs.spans {
			spans = append(spans, s.json())
		}
		resources = append(resources, object{
			"resource":   object{"attributes": jsonAttributes(rs.attributes)},
			"scopeSpans": []any{object{"spans": spans}},
		})
	}
	b, err := json.Marshal(object{"resourceSpans": resources})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s testSpan) json() object {
	events, links := []any{}, []any{}
	for _, e := range s.exceptions {
		events = append(events, object{"name": e.event, "timeUnixNano": "1", "attributes": jsonAttributes(e.attributes)})
	}
	for _, l := range s.links {
		links = append(links, object{"traceId": hex.EncodeToString(l.trace), "spanId": hex.EncodeToString(l.id)})
	}
	return object{
		"traceId": hex.EncodeToString(s.trace), "spanId": hex.EncodeToString(s.id), "parentSpanId": hex.EncodeToString(s.parent),
		"traceState": s.state, "name": s.name, "kind": s.kind,
		"startTimeUnixNano": fmt.Sprint(s.start), "endTimeUnixNano": fmt.Sprint(s.end),
		"attributes": jsonAttributes(s.attributes), "events": events, "links": links,
		"status": object{"code": s.code, "message": s.message}, "flags": s.flags,
	}
}

func jsonAttributes(list []testAttribute) []any {
	out := []any{}
	for _, a := range list {
		out = append(out, object{"key": a.key, "value": jsonValue(a.value)})
	}
	return out
}

func jsonValue(v any) object {
	switch v := v.(type) {
	case string:
		return object{"stringValue": v}
	case int:
		return object{"intValue": fmt.Sprint(v)}
	case float64:
		return object{"doubleValue": v}
	case bool:
		return object{"boolValue": v}
	case []byte:
		return object{"bytesValue": base64.StdEncoding.EncodeToString(v)}
	case []any:
		values := []any{}
		for _, e := range v {
			values = append(values, jsonValue(e))
		}
		return object{"arrayValue": object{"values": values}}
	case []testAttribute:
		return object{"kvlistValue": object{"values": jsonAttributes(v)}}
	}
	panic(fmt.Sprintf("no value of type %T", v))
}

func (r testRequest) protobuf() (b []byte) {
	for _, rs := range r {
		var attributes, spans, out []byte
		for _, a := range rs.attributes {
			attributes = appendMessage(attributes, 1, a.protobuf())
		}
		for _, s := range rs.spans {
			spans = appendMessage(spans, 2, s.protobuf())
		}
		// The spans stand before their resource, which is legal and must not matter.
		out = appendMessage(out, 2, spans)
		out = appendMessage(out, 1, attributes)
		b = appendMessage(b, 1, out)
	}
	return b
}

func (s testSpan) protobuf() (b []byte) {
	b = appendMessage(b, 1, s.trace)
	b = appendMessage(b, 2, s.id)
	b = appendMessage(b, 3, []byte(s.state))
	b = appendMessage(b, 4, s.parent)
	b = appendMessage(b, 5, []byte(s.name))
	b = appendVarint(b, 6, uint64(s.kind))
	b = protowire.AppendFixed64(protowire.AppendTag(b, 7, protowire.Fixed64Type), s.start)
	b = protowire.AppendFixed64(protowire.AppendTag(b, 8, protowire.Fixed64Type), s.end)
	for _, a := range s.attributes {
		b = appendMessage(b, 9, a.protobuf())
	}
	for _, e := range s.exceptions {
		var event []byte
		for _, a := range e.attributes {
			event = appendMessage(event, 3, a.protobuf())
		}
		b = appendMessage(b, 11, appendMessage(event, 2, []byte(e.event)))
	}
	for _, l := range s.links {
		b = appendMessage(b, 13, appendMessage(appendMessage(nil, 1, l.trace), 2, l.id))
	}
	b = appendMessage(b, 15, appendVarint(appendMessage(nil, 2, []byte(s.message)), 3, uint64(s.code)))
	return protowire.AppendFixed32(protowire.AppendTag(b, 16, protowire.Fixed32Type), s.flags)
}

func (a testAttribute) protobuf() []byte {
	return appendMessage(appendMessage(nil, 1, []byte(a.key)), 2, protobufValue(a.value))
}

func protobufValue(v any) (b []byte) {
	switch v := v.(type) {
	case string:
		return appendMessage(nil, 1, []byte(v))
	case int:
		return appendVarint(nil, 3, uint64(v))
	case float64:
		return protowire.AppendFixed64(protowire.AppendTag(nil, 4, protowire.Fixed64Type), math.Float64bits(v))
	case bool:
		return appendVarint(nil, 2, protowire.EncodeBool(v))
	case []byte:
		return appendMessage(nil, 7, v)
	case []any:
		for _, e := range v {
			b = appendMessage(b, 1, protobufValue(e))
		}
		return appendMessage(nil, 5, b)
	case []testAttribute:
		for _, e := range v {
			b = appendMessage(b, 1, e.protobuf())
		}
		return appendMessage(nil, 6, b)
	}
	panic(fmt.Sprintf("no value of type %T", v))
}

func appendMessage(b []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), message)
}

func appendVarint(b []byte, number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
}

package otlp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// spanJSON is a request with one good span that has the given fields besides its ids and times.
func spanJSON(fields string) string {
	if fields != "" {
		fields = "," + fields
	}
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},
		"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",
		"startTimeUnixNano":"%[1]d","endTimeUnixNano":%[1]d%[2]s}]}]}]}`, arrival.UnixNano(), fields)
}

// TestJSON has what JSON allows in more than one way.
func TestJSON(t *testing.T) {
	plain := decode(t, []byte(spanJSON(`"name":"GET /ü","kind":3,"attributes":[{"key":"server.port","value":{"intValue":"8080"}},
		{"key":"server.address","value":{"stringValue":"stock"}}]`)), JSON).Spans
	same := map[string]string{
		"numbers as numbers": `"name":"GET /ü","kind":3,"attributes":[{"key":"server.port","value":{"intValue":8080}},
			{"key":"server.address","value":{"stringValue":"stock"}}]`,
		"numbers with an exponent": `"name":"GET /ü","kind":3.0,"attributes":[{"key":"server.port","value":{"intValue":8.08e3}},
			{"key":"server.address","value":{"stringValue":"stock"}}]`,
		"double": `"name":"GET /ü","kind":3,"attributes":[{"key":"server.port","value":{"doubleValue":"8080"}},
			{"key":"server.address","value":{"stringValue":"stock"}}]`,
		"escapes": `"na\u006de":"GET \/\u00fc","kind":3,"attributes":[{"key":"server.port","value":{"intValue":"8080"}},
			{"key":"server.address","value":{"stringValue":"sto\u0063k"}}]`,
		"null for what is unset": `"name":"GET /ü","kind":3,"parentSpanId":null,"traceState":null,"flags":null,"status":null,"events":null,
			"links":[null],"attributes":[null,{"key":"x","value":null},{"key":"server.port","value":{"stringValue":null,"intValue":"8080"}},
			{"key":"server.address","value":{"stringValue":"stock"}}]`,
		"empty ids": `"name":"GET /ü","kind":3,"parentSpanId":"","attributes":[{"key":"server.port","value":{"intValue":"8080"}},
			{"key":"server.address","value":{"stringValue":"stock"}}]`,
		"unknown fields": `"name":"GET /ü","kind":3,"Name":"no","trace_state":"ot=th:8","x":{"y":[[{"z":"]}\\\"["}],1e9,true,null]},
			"attributes":[{"key":"server.port","value":{"intValue":"8080","nested":{"stringValue":"no"}}},
			{"key":"server.address","value":{"stringValue":"stock"}}]`,
		"blanks and order": ` "attributes" : [ { "value" : { "intValue" : "8080" } , "key":"server.port" },
			{"key":"server.address","value":{"stringValue":"stock"}}] , "kind" : 3 , "name" :	"GET /ü" `,
		"the last of two values for a field": `"name":"no","name":"GET /ü","kind":3,"attributes":[{"key":"server.port","value":{"boolValue":true,"intValue":"8080"}},
			{"key":"server.address","value":{"stringValue":"stock"}}]`,
	}
	for name, fields := range same {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(plain, decode(t, []byte(spanJSON(fields)), JSON).Spans); diff != "" {
				t.Errorf("differs from the plain form (-plain +got):\n%s", diff)
			}
		})
	}
	t.Run("ids in either case", func(t *testing.T) {
		body := spanJSON("")
		upper := strings.NewReplacer("0af7651916cd43dd8448eb211c80319c", "0AF7651916CD43DD8448EB211C80319C", "b7ad6b7169203331", "B7AD6B7169203331").Replace(body)
		if diff := cmp.Diff(decode(t, []byte(body), JSON).Spans, decode(t, []byte(upper), JSON).Spans); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("ids that are no hexadecimal numbers", func(t *testing.T) {
		for _, id := range []string{"CvdlGRbNQ92ESOshHIAxnA==", "0af7651916cd43dd8448eb211c80319", "zz", "00zz"} {
			body := strings.Replace(spanJSON(""), "0af7651916cd43dd8448eb211c80319c", id, 1)
			if got := verdict(decode(t, []byte(body), JSON)); got != "rejected invalid_id" {
				t.Errorf("trace id %q: got %q", id, got)
			}
			if got := verdict(decode(t, []byte(spanJSON(`"parentSpanId":"`+id+`"`)), JSON)); got != "rejected invalid_id" {
				t.Errorf("parent id %q: got %q", id, got)
			}
		}
	})
	t.Run("every escape", func(t *testing.T) {
		b := decode(t, []byte(spanJSON(`"name":"a\"\\\/b\b\f\n\r\t\u00E9"`)), JSON)
		if got, want := b.Spans[0].Operation, `a"\/bé`; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("doubles that are no numbers", func(t *testing.T) {
		for _, x := range []string{`"NaN"`, `"Infinity"`, `"-Infinity"`, `1e400`} {
			body := spanJSON(`"attributes":[{"key":"http.status_code","value":{"doubleValue":` + x + `}}]`)
			b, err := NewDecoder(DefaultDecodeConfig()).Traces([]byte(body), JSON, arrival)
			if (err != nil) != (x == "1e400") || err == nil && b.Spans[0].Outcome != 0 {
				t.Errorf("%s: got %+v, %v", x, b, err)
			}
		}
	})
	t.Run("surrogates", func(t *testing.T) {
		b := decode(t, []byte(spanJSON(`"name":"a\ud83d\ude00b\ud83dc\ude00\ud83d\u0064"`)), JSON)
		if got, want := b.Spans[0].Operation, "a😀b\uFFFDc\uFFFD\uFFFDd"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestJSONLines: several requests in one body are one request with all their spans. Files of the
// Collector's file exporter can be sent as they are.
func TestJSONLines(t *testing.T) {
	one := spanJSON("")
	for name, body := range map[string]string{
		"lines":           one + "\n" + one + "\n",
		"carriage return": one + "\r\n" + one,
		"no blanks":       one + one,
		"with empty ones": one + "\n\n{}\n" + one,
	} {
		if b := decode(t, []byte(body), JSON); len(b.Spans) != 2 || b.Bytes != len(body) {
			t.Errorf("%s: %d spans in %d bytes", name, len(b.Spans), b.Bytes)
		}
	}
}

func TestBadJSON(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"no JSON":   {"hello", `expected an object at byte 0, found "hello"`},
		"a list":    {"[]", `expected an object at byte 0, found "[]"`},
		"null":      {"null", `expected an object at byte 0, found "null"`},
		"byte 0":    {"{}\x00", `expected an object at byte 2, found "\x00"`},
		"cut off":   {`{"resourceSpans":[{"scopeSpans":[`, `resourceSpans[0].scopeSpans[0]: expected an object at byte 33, found the end of the body`},
		"no array":  {`{"resourceSpans":{}}`, `resourceSpans: expected an array at byte 17, found "{}}"`},
		"no object": {`{"resourceSpans":[3]}`, `resourceSpans[0]: expected an object at byte 18, found "3]}"`},
		"no comma":  {`{"resourceSpans":[{} {}]}`, `resourceSpans: expected a comma or the end of the array at byte 21, found "{}]}"`},
		"no colon":  {`{"a" 1}`, `expected a colon at byte 5, found "1}"`},
		"no name":   {`{1:2}`, `expected the name of a field at byte 1, found "1:2}"`},
		"open text": {`{"a":"b`, `expected a text that ends at byte 5, found "\"b"`},
		"bad escape, \\u": {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"\u00g0"}]}]}]}`,
			`resourceSpans[0].scopeSpans[0].spans[0].name: expected an escape sequence of JSON at byte 57, found "0\"}]}]}]}"`},
		"open id": {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"b7`,
			`resourceSpans[0].scopeSpans[0].spans[0].spanId: expected a text that ends at byte 53, found "\"b7"`},
		"open number": {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"3`,
			`resourceSpans[0].scopeSpans[0].spans[0].kind: expected a text that ends at byte 51, found "\"3"`},
		"bad escape": {`{"\q":1}`, `expected an escape sequence of JSON at byte 3, found "q\":1}"`},
		"no value":   {`{"a":}`, `expected a value at byte 5, found "}"`},
		"enum by name": {
			`{"resourceSpans":[{},{"scopeSpans":[{"spans":[{},{"kind":"SPAN_KIND_SERVER"}]}]}]}`,
			`resourceSpans[1].scopeSpans[0].spans[1].kind: expected a whole number (names of enum values are not allowed in OTLP/JSON) at byte 75, found "}]}]}]}"`,
		},
		"fraction": {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"flags":1.5}]}]}]}`,
			`resourceSpans[0].scopeSpans[0].spans[0].flags: expected a whole number of at most 32 bits at byte 55, found "}]}]}]}"`},
		"too large": {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"flags":4294967296}]}]}]}`,
			`resourceSpans[0].scopeSpans[0].spans[0].flags: expected a whole number of at most 32 bits at byte 62, found "}]}]}]}"`},
		"negative time": {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"endTimeUnixNano":-1}]}]}]}`,
			`resourceSpans[0].scopeSpans[0].spans[0].endTimeUnixNano: expected a whole number of at most 64 bits at byte 64, found "}]}]}]}"`},
		"text for a truth": {`{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"boolValue":"yes"}}]}}]}`,
			`resourceSpans[0].resource.attributes[0].value.boolValue: expected true or false at byte 77, found "\"yes\"}}]}}]}"`},
		"number for a text": {`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":7}]}]}]}`,
			`resourceSpans[0].scopeSpans[0].spans[0].name: expected a text in double quotes at byte 51, found "7}]}]}]}"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { wantBadData(t, []byte(tt.body), JSON, tt.want) })
	}
}

// TestSchema compares the schema with the one that opentelemetry-proto publishes.
func TestSchema(t *testing.T) {
	kinds := map[protoreflect.Kind][]fieldKind{
		protoreflect.StringKind: {kindString}, protoreflect.BytesKind: {kindID, kindOpaque}, protoreflect.BoolKind: {kindBool},
		protoreflect.EnumKind: {kindEnum}, protoreflect.Int64Kind: {kindInt64}, protoreflect.Fixed32Kind: {kindFixed32},
		protoreflect.Fixed64Kind: {kindFixed64}, protoreflect.DoubleKind: {kindDouble}, protoreflect.MessageKind: {kindMessage},
	}
	seen := map[*message]bool{}
	var compare func(m *message, d protoreflect.MessageDescriptor)
	compare = func(m *message, d protoreflect.MessageDescriptor) {
		if seen[m] {
			return
		}
		seen[m] = true
		for _, f := range m.fields {
			fd := d.Fields().ByJSONName(f.name)
			if fd == nil {
				t.Errorf("%s has no field %q", d.FullName(), f.name)
				continue
			}
			if uint64(fd.Number()) != f.number || fd.IsList() != f.repeated || !slices.Contains(kinds[fd.Kind()], f.kind) {
				t.Errorf("%s.%s is number %d, repeated %v, %v", d.FullName(), f.name, fd.Number(), fd.IsList(), fd.Kind())
			}
			if f.kind == kindMessage {
				compare(f.message, fd.Message())
			}
		}
	}
	compare(traceSchema, (&tracepb.ExportTraceServiceRequest{}).ProtoReflect().Descriptor())
	compare(metricsSchema, (&metricspb.ExportMetricsServiceRequest{}).ProtoReflect().Descriptor())
	if len(seen) != 18 {
		t.Errorf("%d messages compared of 18", len(seen))
	}
}

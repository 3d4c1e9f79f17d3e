package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// nestedProtobuf wraps the inner bytes levels times, each time as the given fields from the inside out.
func nestedProtobuf(inner []byte, levels int, numbers ...protowire.Number) []byte {
	headers := make([][]byte, 0, levels*len(numbers))
	size := len(inner)
	for range levels {
		for _, n := range numbers {
			h := protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.BytesType), uint64(size))
			headers = append(headers, h)
			size += len(h)
		}
	}
	b := make([]byte, 0, size)
	for i := len(headers) - 1; i >= 0; i-- {
		b = append(b, headers[i]...)
	}
	return append(b, inner...)
}

// withValue is a good span, in protobuf, that has an attribute with the given AnyValue.
func withValue(value []byte) []byte {
	s := aSpan(nil)[0].spans[0].protobuf()
	s = appendMessage(s, 9, appendMessage(appendMessage(nil, 1, []byte("deep")), 2, value))
	resource := appendMessage(nil, 1, testAttribute{"service.name", "cart"}.protobuf())
	return appendMessage(nil, 1, appendMessage(appendMessage(nil, 1, resource), 2, appendMessage(nil, 2, s)))
}

// nestedJSON is spanJSON with an attribute whose value is open repeated, then inner, then close repeated.
func nestedJSON(open, inner, closing string, levels int) []byte {
	value := strings.Repeat(open, levels) + inner + strings.Repeat(closing, levels)
	return []byte(spanJSON(`"attributes":[{"key":"deep","value":` + value + `}]`))
}

// TestDeepBodies sends 17 MiB of nested values, which overflow the stack of a decoder that descends into
// them. The span around them is kept, and the stack is limited to a size that a descent would exceed.
func TestDeepBodies(t *testing.T) {
	const size = 17 << 20
	text := appendMessage(nil, 1, []byte("bottom"))
	tests := map[string]struct {
		body  []byte
		enc   Encoding
		spans int
		want  string
	}{
		"protobuf, arrays":         {withValue(nestedProtobuf(text, size/10, 1, 5)), Protobuf, 1, "nested_value"},
		"protobuf, maps":           {withValue(nestedProtobuf(text, size/15, 2, 1, 6)), Protobuf, 1, "nested_value"},
		"protobuf, unknown fields": {append(aSpan(nil).protobuf(), nestedProtobuf(nil, size/5, 77)...), Protobuf, 1, ""},
		"JSON, arrays":             {nestedJSON(`{"arrayValue":{"values":[`, `{}`, `]}}`, size/28), JSON, 1, "nested_value"},
		"JSON, maps":               {nestedJSON(`{"kvlistValue":{"values":[{"value":`, `{}`, `}]}}`, size/39), JSON, 1, "nested_value"},
		"JSON, unknown arrays":     {[]byte(spanJSON(`"x":` + strings.Repeat("[", size/2) + strings.Repeat("]", size/2))), JSON, 1, ""},
		"JSON, unknown objects":    {[]byte(spanJSON(`"x":` + strings.Repeat(`{"a":`, size/6) + "1" + strings.Repeat("}", size/6))), JSON, 1, ""},
		"JSON, never closed":       {[]byte(`{"x":` + strings.Repeat("[", size)), JSON, 0, ""},
		"JSON, arrays unclosed":    {nestedJSON(`{"arrayValue":{"values":[`, ``, ``, size/25), JSON, 0, ""},
		"protobuf, groups":         {bytes.Repeat([]byte{0x13}, size), Protobuf, 0, ""},
	}
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 10))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b, err := NewDecoder(DefaultDecodeConfig()).Traces(tt.body, tt.enc, arrival)
			runtime.ReadMemStats(&after)
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 2*uint64(len(tt.body)) {
				t.Errorf("%d bytes allocated for a body of %d", allocated, len(tt.body))
			}
			if tt.spans == 0 {
				var bad *BadDataError
				if !errors.As(err, &bad) {
					t.Errorf("got %v, want bad data", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := verdict(b); len(b.Spans) != tt.spans || got != tt.want {
				t.Errorf("%d spans of %d, %q of %q", len(b.Spans), tt.spans, got, tt.want)
			}
		})
	}
}

// TestManyOfAll sends more of everything than is kept. What is left out must cost no memory.
func TestManyOfAll(t *testing.T) {
	const n = 100_000
	var b []byte
	attribute := testAttribute{"http.route", "/a"}.protobuf()
	for range n {
		b = appendMessage(b, 9, attribute)
		b = appendMessage(b, 11, appendMessage(nil, 2, []byte("exception")))
		b = appendMessage(b, 13, appendMessage(nil, 1, make([]byte, 16)))
	}
	s := append(aSpan(nil)[0].spans[0].protobuf(), b...)
	body := appendMessage(nil, 1, appendMessage(nil, 2, appendMessage(nil, 2, s)))
	d := NewDecoder(DefaultDecodeConfig())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := d.Traces(body, Protobuf, arrival)
	runtime.ReadMemStats(&after)
	if err != nil || len(got.Spans) != 1 || got.Repaired[Truncated] != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	// The spans' slice is sized by the body; the rest is small change.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(len(body))*3/2 {
		t.Errorf("%d bytes allocated for a body of %d", allocated, len(body))
	}
}

// TestEmptySpans: millions of spans of no bytes each are counted and cost nothing.
func TestEmptySpans(t *testing.T) {
	const n = 4 << 20
	body := appendMessage(nil, 1, appendMessage(nil, 2, bytes.Repeat([]byte{0x12, 0x00}, n)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b := decode(t, body, Protobuf)
	runtime.ReadMemStats(&after)
	if b.Rejected[InvalidID] != n || len(b.Spans) != 0 {
		t.Errorf("%d rejected of %d", b.Rejected[InvalidID], n)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(len(body))*3/2 {
		t.Errorf("%d bytes allocated for a body of %d", allocated, len(body))
	}
}

func FuzzDepth(f *testing.F) {
	for _, levels := range []uint16{1, 2, 31, 32, 33, 34, 100, 5000} {
		for shape := range uint8(4) {
			f.Add(levels, shape)
		}
	}
	f.Fuzz(func(t *testing.T, levels uint16, shape uint8) {
		n := int(levels)%8000 + 1
		text := appendMessage(nil, 1, []byte("bottom"))
		var body []byte
		enc := Protobuf
		switch shape % 4 {
		case 0:
			body = withValue(nestedProtobuf(text, n-1, 1, 5))
		case 1:
			body = withValue(nestedProtobuf(text, n-1, 2, 1, 6))
		case 2:
			body, enc = nestedJSON(`{"arrayValue":{"values":[`, `{"stringValue":"bottom"}`, `]}}`, n-1), JSON
		case 3:
			body, enc = nestedJSON(`{"kvlistValue":{"values":[{"value":`, `{"stringValue":"bottom"}`, `}]}}`, n-1), JSON
		}
		b := decode(t, body, enc)
		if len(b.Spans) != 1 {
			t.Fatalf("%d levels: %d spans", n, len(b.Spans))
		}
		if got := b.Repaired[NestedValue] == 1; got != (n > maxValueDepth) {
			t.Errorf("%d levels: counted as nested: %v", n, got)
		}
		again, bad := toProtobuf(body, traceSchema)
		if enc == JSON && bad == nil && len(again) > 4<<10 {
			t.Errorf("%d levels: %d bytes go on to the decoder", n, len(again))
		}
	})
}

func BenchmarkDeepBody(b *testing.B) {
	text := appendMessage(nil, 1, []byte("bottom"))
	for name, tt := range map[string]struct {
		body []byte
		enc  Encoding
	}{
		"protobuf": {withValue(nestedProtobuf(text, 1<<20/10, 1, 5)), Protobuf},
		"JSON":     {nestedJSON(`{"arrayValue":{"values":[`, `{}`, `]}}`, 1<<20/28), JSON},
	} {
		b.Run(fmt.Sprintf("%s/%dKiB", name, len(tt.body)>>10), func(b *testing.B) {
			d := NewDecoder(DefaultDecodeConfig())
			b.SetBytes(int64(len(tt.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Traces(tt.body, tt.enc, arrival); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package otlp

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

func decode(t testing.TB, body []byte, enc Encoding) *Batch {
	t.Helper()
	b, err := NewDecoder(DefaultDecodeConfig()).Traces(body, enc, arrival)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return b
}

func TestOneSpan(t *testing.T) {
	r := aSpan(func(s *testSpan) {
		s.parent = hexID("00f067aa0ba902b7")
		s.state, s.flags = "ot=th:8", 0x301
		s.kind, s.name = 5, "process orders"
		s.code, s.message = 2, "no stock"
		s.attributes = []testAttribute{
			{"messaging.system", "kafka"}, {"messaging.destination.name", "orders"}, {"payload", []byte{1, 2}},
			{"messaging.operation.type", "process"}, {"messaging.destination.anonymous", false},
		}
		s.exceptions = []testException{
			{"exception", []testAttribute{{"exception.type", "TimeoutError"}}},
			{"log", []testAttribute{{"exception.type", "none"}}},
			{"exception", []testAttribute{{"exception.stacktrace", "…"}, {"exception.type", "StockError"}}},
		}
		s.links = []testLink{{hexID("0af7651916cd43dd8448eb211c80319d"), hexID("b7ad6b7169203332")}}
	})
	r[0].attributes = append(r[0].attributes, testAttribute{"deployment.environment", "prod"}, testAttribute{"service.version", "7"})
	want := graph.Span{
		Trace: graph.TraceID(hexID("0af7651916cd43dd8448eb211c80319c")), ID: graph.SpanID(hexID("b7ad6b7169203331")),
		Parent: graph.SpanID(hexID("00f067aa0ba902b7")), Outcome: graph.Failed | graph.SamplingKnown,
		Weight: 2, Start: arrival.Add(-time.Second).UnixNano(), Duration: time.Millisecond,
		Shape: &graph.Shape{
			Kind: graph.KindConsumer,
			Service: &graph.Service{
				Node: graph.Node{Type: graph.TypeService, Name: "cart", Environment: "prod"}, Version: "7",
			},
			Operation: "process orders", Protocol: "kafka",
			Peer: graph.Peer{Node: graph.Node{
				Type: graph.TypeQueue, Name: "orders", Environment: "prod", System: "kafka",
			}},
		},
		Links: []graph.Link{{
			Trace: graph.TraceID(hexID("0af7651916cd43dd8448eb211c80319d")), ID: graph.SpanID(hexID("b7ad6b7169203332")),
		}},
	}
	encodings(t, r, func(t *testing.T, body []byte, enc Encoding) {
		b := decode(t, body, enc)
		if diff := cmp.Diff(&Batch{Spans: []graph.Span{want}, Bytes: len(body)}, b); diff != "" {
			t.Errorf("batch differs (-want +got):\n%s", diff)
		}
	})
}

// TestSpans has the rules of what is rejected, mended and kept.
func TestSpans(t *testing.T) {
	at := func(d time.Duration) uint64 { return uint64(arrival.Add(d).UnixNano()) }
	attributes := func(n int) (list []testAttribute) {
		for i := range n {
			list = append(list, testAttribute{fmt.Sprintf("k%d", i), "v"})
		}
		return list
	}
	tests := map[string]struct {
		change func(s *testSpan)
		want   string // rejections, or repairs
		also   func(s *graph.Span) string
		keeps  string // what also returns
	}{
		"good":                   {change: func(*testSpan) {}},
		"trace id missing":       {change: func(s *testSpan) { s.trace = nil }, want: "rejected invalid_id"},
		"trace id too short":     {change: func(s *testSpan) { s.trace = s.trace[:8] }, want: "rejected invalid_id"},
		"trace id too long":      {change: func(s *testSpan) { s.trace = append(s.trace, 1) }, want: "rejected invalid_id"},
		"trace id zero":          {change: func(s *testSpan) { s.trace = make([]byte, 16) }, want: "rejected invalid_id"},
		"span id missing":        {change: func(s *testSpan) { s.id = nil }, want: "rejected invalid_id"},
		"span id too short":      {change: func(s *testSpan) { s.id = s.id[:4] }, want: "rejected invalid_id"},
		"span id zero":           {change: func(s *testSpan) { s.id = make([]byte, 8) }, want: "rejected invalid_id"},
		"parent id too long":     {change: func(s *testSpan) { s.parent = make([]byte, 9); s.parent[3] = 1 }, want: "rejected invalid_id"},
		"parent id zero is none": {change: func(s *testSpan) { s.parent = make([]byte, 8) }, also: parentOf, keeps: "0000000000000000"},
		"parent is itself":       {change: func(s *testSpan) { s.parent = s.id }, want: "self_parent", also: parentOf, keeps: "0000000000000000"},

		"ends before it starts": {change: func(s *testSpan) { s.end = s.start - 5 }, want: "negative_duration", also: timesOf, keeps: "-1s 0s"},
		"no end":                {change: func(s *testSpan) { s.end = 0 }, want: "negative_duration", also: timesOf, keeps: "-1s 0s"},
		"no start":              {change: func(s *testSpan) { s.start = 0 }, also: timesOf, keeps: "-999ms 0s"},
		"no time at all":        {change: func(s *testSpan) { s.start, s.end = 0, 0 }, want: "rejected no_timestamp"},
		"a little in the future": {
			change: func(s *testSpan) { s.start, s.end = at(9*time.Minute), at(9*time.Minute+time.Second) },
			want:   "clamped_future", also: timesOf, keeps: "0s 1s",
		},
		"far in the future":     {change: func(s *testSpan) { s.start, s.end = at(11*time.Minute), at(12*time.Minute) }, want: "rejected out_of_window"},
		"ends in the future":    {change: func(s *testSpan) { s.end = at(11 * time.Minute) }, want: "rejected out_of_window"},
		"beyond all time":       {change: func(s *testSpan) { s.start, s.end = 1<<63, 1<<63+1 }, want: "rejected out_of_window"},
		"the end of time":       {change: func(s *testSpan) { s.end = 1<<64 - 1 }, want: "rejected out_of_window"},
		"older than retention":  {change: func(s *testSpan) { s.start, s.end = 1, 2 }, want: "rejected out_of_window"},
		"starts long ago":       {change: func(s *testSpan) { s.start = 1 }, want: "rejected out_of_window"},
		"last year, still kept": {change: func(s *testSpan) { s.start, s.end = at(-399*24*time.Hour), at(-399*24*time.Hour) }},

		"128 attributes": {change: func(s *testSpan) {
			s.attributes = append(attributes(127), testAttribute{"http.route", "/last"})
		}},
		"129 attributes": {
			change: func(s *testSpan) {
				s.name, s.attributes = "GET", append(attributes(128), testAttribute{"http.route", "/last"})
			},
			want: "truncated", also: operationOf, keeps: "GET",
		},
		"key over the limit":   {change: func(s *testSpan) { s.attributes = []testAttribute{{strings.Repeat("k", 257), 1}} }, want: "truncated"},
		"key at the limit":     {change: func(s *testSpan) { s.attributes = []testAttribute{{strings.Repeat("k", 256), 1}} }},
		"value over the limit": {change: func(s *testSpan) { s.attributes = []testAttribute{{"x", strings.Repeat("v", 4097)}} }, want: "truncated"},
		"value at the limit":   {change: func(s *testSpan) { s.attributes = []testAttribute{{"x", strings.Repeat("v", 4096)}} }},
		"128 events": {change: func(s *testSpan) {
			s.exceptions = make([]testException, 128)
		}},
		"129 events": {change: func(s *testSpan) { s.exceptions = make([]testException, 129) }, want: "truncated"},
		"130 links": {
			change: func(s *testSpan) {
				s.kind = 5
				for range 130 {
					s.links = append(s.links, testLink{s.trace, s.id})
				}
			},
			want: "truncated", also: linkCount, keeps: "128",
		},
		"links of a consumer": {change: func(s *testSpan) { s.kind, s.links = 5, []testLink{{s.trace, s.id}} }, also: linkCount, keeps: "1"},
		"links of a poll": {change: func(s *testSpan) {
			s.kind, s.links = 3, []testLink{{s.trace, s.id}}
			s.attributes = []testAttribute{{"messaging.system", "kafka"}, {"messaging.operation.type", "receive"}}
		}, also: linkCount, keeps: "1"},
		"links of a server": {change: func(s *testSpan) { s.links = []testLink{{s.trace, s.id}} }, also: linkCount, keeps: "0"},
		"a link without ids": {
			change: func(s *testSpan) { s.kind, s.links = 5, []testLink{{nil, s.id}, {s.trace, s.id}, {s.trace, s.id[:3]}} },
			want:   "invalid_link", also: linkCount, keeps: "1",
		},

		"value of 32 levels": {change: func(s *testSpan) { s.attributes = []testAttribute{{"x", deep(32)}} }},
		"value of 33 levels": {change: func(s *testSpan) { s.attributes = []testAttribute{{"x", deep(33)}} }, want: "nested_value"},
		"map of 33 levels":   {change: func(s *testSpan) { s.attributes = []testAttribute{{"x", deepMap(33)}} }, want: "nested_value"},
		"value of 500 levels beside a good one": {
			change: func(s *testSpan) {
				s.name, s.attributes = "GET", []testAttribute{{"x", []any{"a", deep(500)}}, {"http.route", "/r"}}
			},
			want: "nested_value", also: operationOf, keeps: "GET /r",
		},

		"long name":                 {change: func(s *testSpan) { s.name = strings.Repeat("é", 200) }, want: "truncated", also: operationOf, keeps: strings.Repeat("é", 127)},
		"control characters":        {change: func(s *testSpan) { s.name = "a\x00\x1b\u0085b" }, also: operationOf, keeps: "ab"},
		"path":                      {change: func(s *testSpan) { s.name = "GET /users/42" }, also: operationOf, keeps: "GET /users/{}"},
		"unknown kind":              {change: func(s *testSpan) { s.kind = 77 }, also: kindOf, keeps: "0"},
		"weight of a stranger":      {change: func(s *testSpan) { s.state = "ot=th:ffffffffffffff" }, also: weightOf, keeps: "10000"},
		"no weight":                 {change: func(s *testSpan) {}, also: weightOf, keeps: "1"},
		"status as a double":        {change: func(s *testSpan) { s.attributes = []testAttribute{{"http.status_code", 503.0}} }, also: outcomeOf, keeps: "1"},
		"status as text":            {change: func(s *testSpan) { s.attributes = []testAttribute{{"http.status_code", "503"}} }, also: outcomeOf, keeps: "1"},
		"fraction":                  {change: func(s *testSpan) { s.attributes = []testAttribute{{"http.status_code", 503.5}} }, also: outcomeOf, keeps: "0"},
		"first of a list":           {change: tables([]any{"orders", "items"}), also: peerName, keeps: "orders @ aws.dynamodb"},
		"a map has no first":        {change: tables([]testAttribute{{"a", "orders"}}), also: peerName, keeps: "aws.dynamodb"},
		"an empty list":             {change: tables([]any{}), also: peerName, keeps: "aws.dynamodb"},
		"the exception's own words": {change: failsBy("TimeoutError"), also: outcomeOf, keeps: fmt.Sprint(int(graph.Failed | graph.TimedOut))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			encodings(t, aSpan(tt.change), func(t *testing.T, body []byte, enc Encoding) {
				b := decode(t, body, enc)
				if got := verdict(b); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if rejected := strings.HasPrefix(tt.want, "rejected"); rejected != (len(b.Spans) == 0) {
					t.Fatalf("%d spans kept", len(b.Spans))
				}
				if tt.also != nil {
					if got := tt.also(&b.Spans[0]); got != tt.keeps {
						t.Errorf("the span has %q, want %q", got, tt.keeps)
					}
				}
			})
		})
	}
}

func parentOf(s *graph.Span) string    { return fmt.Sprintf("%x", s.Parent[:]) }
func operationOf(s *graph.Span) string { return s.Operation }
func linkCount(s *graph.Span) string   { return fmt.Sprint(len(s.Links)) }
func kindOf(s *graph.Span) string      { return fmt.Sprint(s.Kind) }
func weightOf(s *graph.Span) string    { return fmt.Sprint(s.Weight) }
func outcomeOf(s *graph.Span) string   { return fmt.Sprint(int(s.Outcome)) }
func peerName(s *graph.Span) string    { return s.Peer.Name }
func timesOf(s *graph.Span) string {
	return fmt.Sprint(time.Unix(0, s.Start).Sub(arrival), s.Duration)
}

func tables(v any) func(s *testSpan) {
	return func(s *testSpan) {
		s.kind, s.attributes = 3, []testAttribute{{"db.system", "dynamodb"}, {"aws.dynamodb.table_names", v}}
	}
}

func failsBy(exception string) func(s *testSpan) {
	return func(s *testSpan) {
		s.kind, s.code = 3, 2
		s.exceptions = []testException{{"exception", []testAttribute{{"exception.type", exception}}}}
	}
}

// deep is a value that is n levels of values.
func deep(n int) any {
	var v any = "bottom"
	for range n - 1 {
		v = []any{v}
	}
	return v
}

func deepMap(n int) any {
	var v any = "bottom"
	for range n - 1 {
		v = []testAttribute{{"k", v}}
	}
	return v
}

// verdict is what a batch of one span says of it.
func verdict(b *Batch) string {
	var words []string
	for reason, n := range b.Rejected {
		words = append(words, fmt.Sprintf("rejected %s", reason))
		if n != 1 {
			words = append(words, fmt.Sprint(n))
		}
	}
	for repair, n := range b.Repaired {
		words = append(words, string(repair))
		if n != 1 {
			words = append(words, fmt.Sprint(n))
		}
	}
	return strings.Join(words, " ")
}

func TestInvalidUTF8(t *testing.T) {
	r := aSpan(func(s *testSpan) {
		s.name = "caf\xc3 \xff"
		s.attributes = []testAttribute{{"messaging.system", "ka\xfffka"}, {"not.read", "\xff"}}
		s.kind = 4
	})
	// encoding/json would repair the texts, so that the bytes are put in afterwards.
	asJSON := aSpan(func(s *testSpan) {
		s.name, s.kind = "caf@1 @2", 4
		s.attributes = []testAttribute{{"messaging.system", "ka@2fka"}, {"not.read", "@2"}}
	}).json(t)
	asJSON = []byte(strings.NewReplacer("@1", "\xc3", "@2", "\xff").Replace(string(asJSON)))
	for enc, body := range map[Encoding][]byte{Protobuf: r.protobuf(), JSON: asJSON} {
		b := decode(t, body, enc)
		if got := verdict(b); got != "invalid_utf8" {
			t.Errorf("encoding %d: got %q", enc, got)
		}
		if s := b.Spans[0]; s.Operation != "caf\uFFFD \uFFFD" || s.Protocol != "ka\uFFFDfka" {
			t.Errorf("encoding %d: got %q, %q", enc, s.Operation, s.Protocol)
		}
	}
}

func TestOneBadSpanCostsNoOther(t *testing.T) {
	r := aSpan(nil)
	good := r[0].spans[0]
	noID, noTime := good, good
	noID.id = []byte{1, 2}
	noTime.start, noTime.end = 0, 0
	r[0].spans = []testSpan{good, noID, good, noTime, noID}
	r = append(r, testResource{spans: []testSpan{good}})
	encodings(t, r, func(t *testing.T, body []byte, enc Encoding) {
		b := decode(t, body, enc)
		if len(b.Spans) != 3 {
			t.Errorf("%d spans kept of 3", len(b.Spans))
		}
		if diff := cmp.Diff(map[Reason]int{InvalidID: 2, NoTimestamp: 1}, b.Rejected); diff != "" {
			t.Errorf("rejections differ (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[Repair]int{UnknownService: 1}, b.Repaired); diff != "" {
			t.Errorf("repairs differ (-want +got):\n%s", diff)
		}
		if b.Spans[0].Service != b.Spans[1].Service || b.Spans[1].Service == b.Spans[2].Service {
			t.Error("spans of one resource must share their service, and only those")
		}
		if name := b.Spans[2].Service.Name; name != "unknown_service" {
			t.Errorf("a resource without a name is %q", name)
		}
	})
}

func TestResourceIsMended(t *testing.T) {
	r := aSpan(nil)
	r[0].spans = append(r[0].spans, r[0].spans[0])
	r[0].attributes = []testAttribute{{"service.name", strings.Repeat("n", 5000)}, {"deep", deep(40)}}
	encodings(t, r, func(t *testing.T, body []byte, enc Encoding) {
		b := decode(t, body, enc)
		if diff := cmp.Diff(map[Repair]int{Truncated: 2, NestedValue: 2}, b.Repaired); diff != "" {
			t.Errorf("every span of a mended resource counts (-want +got):\n%s", diff)
		}
		if n := len(b.Spans[0].Service.Name); n != graph.MaxName {
			t.Errorf("the service's name has %d bytes", n)
		}
	})
}

func TestEmptyRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		enc  Encoding
	}{
		"protobuf":    {"", Protobuf},
		"JSON":        {"{}", JSON},
		"JSON, blank": {" \n", JSON},
		"JSON, null":  {`{"resourceSpans":null}`, JSON},
		"JSON, empty": {`{"resourceSpans":[]}`, JSON},
	} {
		if b := decode(t, []byte(tt.body), tt.enc); len(b.Spans) != 0 || b.Rejected != nil || b.Repaired != nil {
			t.Errorf("%s: got %+v", name, b)
		}
	}
}

func TestBadProtobuf(t *testing.T) {
	good := aSpan(nil).protobuf()
	tests := map[string]struct {
		body []byte
		want string
	}{
		"cut off":    {good[:len(good)-3], "a field runs past the end of its message: the body is cut off or is no protobuf"},
		"text":       {[]byte("hello, world"), "field 13 has the wire type 4, which does not belong here"},
		"wrong type": {appendVarint(nil, 1, 7), "field 1 has the wire type 0 and should have 2"},
		"in a span": {
			appendMessage(good, 1, appendMessage(nil, 2, appendMessage(appendMessage(nil, 2, nil), 2, appendVarint(nil, 5, 1)))),
			"resourceSpans[1].scopeSpans[0].spans[1]: field 5 has the wire type 0 and should have 2",
		},
		"in a resource": {
			appendMessage(nil, 1, appendMessage(nil, 1, appendMessage(nil, 1, []byte{0x0a, 5}))),
			"resourceSpans[0].resource: a field runs past the end of its message: the body is cut off or is no protobuf",
		},
		"endless number": {[]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, "a number is longer than 64 bits"},
		"field 0":        {[]byte{0x02, 0x00}, "field number 0 does not exist"},
		"end of a group": {[]byte{0x14}, "field 2 has the wire type 4, which does not belong here"},
		"deep groups":    {[]byte(strings.Repeat("\x13", 200)), "groups nest deeper than 100 levels"},
		"open group":     {[]byte{0x13}, "a field runs past the end of its message: the body is cut off or is no protobuf"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { wantBadData(t, tt.body, Protobuf, tt.want) })
	}
	t.Run("unknown fields are none of it", func(t *testing.T) {
		body := append(appendVarint(good, 99, 1), 0x13, 0x10, 0x01, 0x13, 0x14, 0x14) // with groups in groups
		if b := decode(t, body, Protobuf); len(b.Spans) != 1 {
			t.Errorf("%d spans", len(b.Spans))
		}
	})
}

func wantBadData(t *testing.T, body []byte, enc Encoding, want string) {
	t.Helper()
	b, err := NewDecoder(DefaultDecodeConfig()).Traces(body, enc, arrival)
	var bad *BadDataError
	if !errors.As(err, &bad) || bad.Detail != want || b != nil {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestConcurrentDecoding: one decoder serves all connections. It finds races when run with -race.
func TestConcurrentDecoding(t *testing.T) {
	d := NewDecoder(DefaultDecodeConfig())
	var group sync.WaitGroup
	for i := range 8 {
		r := benchRequest(50 + i)
		bodies := map[Encoding][]byte{Protobuf: r.protobuf(), JSON: r.json(t)}
		want, err := d.Traces(bodies[Protobuf], Protobuf, arrival)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			for n := range 50 {
				enc := Encoding(n % 2)
				got, err := d.Traces(bodies[enc], enc, arrival)
				if err != nil || !sameSpans(got.Spans, want.Spans) {
					t.Errorf("decoding together differs from decoding alone: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestDecodeConfig(t *testing.T) {
	if err := DefaultDecodeConfig().Validate(); err != nil {
		t.Errorf("the defaults are wrong: %v", err)
	}
	err := DecodeConfig{MaxWeight: 0.5}.Validate()
	if got := strings.Count(err.Error(), "\n") + 1; got != 8 {
		t.Errorf("%d mistakes of 8 found: %v", got, err)
	}
}

func TestMetrics(t *testing.T) {
	point := object{"asInt": "1", "attributes": []any{object{"key": "deep", "value": jsonValue(deep(500))}}}
	body := fmt.Sprintf(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
		{"name":"a","gauge":{"dataPoints":[%[1]s,%[1]s]}},{"name":"b","sum":{"dataPoints":[%[1]s],"isMonotonic":true}},
		{"name":"c","histogram":{"dataPoints":[{"bucketCounts":["1"]}]}},{"name":"d","summary":{}},
		{"name":"e","exponentialHistogram":{"dataPoints":[{}]}}]}]}]}`, mustJSON(t, point))
	d := NewDecoder(DefaultDecodeConfig())
	if n, err := d.Metrics([]byte(body), JSON); n != 5 || err != nil {
		t.Errorf("got %d, %v, want 5 points", n, err)
	}
	asProtobuf, bad := toProtobuf([]byte(body), metricsSchema)
	if bad != nil {
		t.Fatal(bad)
	}
	if n, err := d.Metrics(asProtobuf, Protobuf); n != 5 || err != nil {
		t.Errorf("protobuf: got %d, %v, want 5 points", n, err)
	}
	var bde *BadDataError
	if _, err := d.Metrics([]byte(`{"resourceMetrics":7}`), JSON); !errors.As(err, &bde) {
		t.Errorf("got %v, want bad data", err)
	}
	if _, err := d.Metrics([]byte{0x0a, 9}, Protobuf); !errors.As(err, &bde) {
		t.Errorf("got %v, want bad data", err)
	}
}

// Spans that differ in values that vary only, such as the ids in a path, are of one shape, which is kept; those that go
// elsewhere are not.
func TestShapesOfVaryingSpans(t *testing.T) {
	d := NewDecoder(DefaultDecodeConfig())
	shapeOf := func(url string) *graph.Shape {
		t.Helper()
		r := aSpan(func(s *testSpan) {
			s.kind, s.name = int(graph.KindClient), "GET"
			s.attributes = []testAttribute{{"http.request.method", "GET"}, {"url.full", url}}
		})
		b, err := d.Traces(r.protobuf(), Protobuf, arrival)
		if err != nil {
			t.Fatal(err)
		}
		return b.Spans[0].Shape
	}
	first := shapeOf("http://orders:8080/v1/orders/17")
	if first.Operation != "GET /v1/orders/{}" || first.Peer.Name != "orders:8080" {
		t.Fatalf("operation %q, peer %q", first.Operation, first.Peer.Name)
	}
	if again := shapeOf("http://orders:8080/v1/orders/18"); again != first || !first.Lasts() {
		t.Error("another order is another shape")
	}
	for url, want := range map[string]graph.Shape{
		"http://orders:8080/v1/items/17": {Operation: "GET /v1/items/{}", Peer: graph.Peer{Node: graph.Node{Name: "orders:8080"}}},
		"http://stock:8080/v1/orders/17": {Operation: "GET /v1/orders/{}", Peer: graph.Peer{Node: graph.Node{Name: "stock:8080"}}},
	} {
		if got := shapeOf(url); got == first || got.Operation != want.Operation || got.Peer.Name != want.Peer.Name {
			t.Errorf("%s is %q to %q", url, got.Operation, got.Peer.Name)
		}
	}
}

// What is remembered of shapes stays within its bound when large ones take the places of small ones.
func TestShapesBound(t *testing.T) {
	var c shapes
	c.begin(shapeBuckets, maxShapeBytes)
	service := &graph.Service{}
	small := &graph.Shape{Service: service, Operation: "x"}
	n := uint64(ways * shapeBuckets)
	for i := range n {
		c.add(i+1, small, 0)
	}
	name := strings.Repeat("y", graph.MaxName)
	big := &graph.Shape{Service: service, Operation: name, Protocol: name}
	big.Peer.Name, big.Peer.Namespace, big.Peer.Environment, big.Peer.System, big.Peer.Address = name, name, name, name, name
	for round := range uint64(10) {
		for i := range n {
			c.add((round+1)*n+i+1, big, 0)
		}
	}
	if got := c.bytes; got > maxShapeBytes {
		t.Errorf("shapes take %d MB, bound %d MB", got>>20, maxShapeBytes>>20)
	}
}

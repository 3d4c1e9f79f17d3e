package otlp

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// post sends one request and returns its response with the body read.
func post(t testing.TB, url, contentType, encoding string, body []byte) *http.Response {
	t.Helper()
	return send(t, http.DefaultClient, http.MethodPost, url, http.Header{
		"Content-Type": {contentType}, "Content-Encoding": {encoding},
	}, body)
}

func send(t testing.TB, client *http.Client, method, url string, header http.Header, body []byte) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		if v[0] != "" {
			req.Header[k] = v
		}
	}
	r, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return &http.Response{Header: http.Header{}, Body: http.NoBody}
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(answer))
	return r
}

func answerOf(r *http.Response) []byte {
	b, _ := io.ReadAll(r.Body)
	return b
}

// statusOf reads the google.rpc.Status of an answer, written in the encoding that its type says.
func statusOf(t testing.TB, r *http.Response) *rpcstatus.Status {
	t.Helper()
	var st rpcstatus.Status
	b := answerOf(r)
	var err error
	switch r.Header.Get("Content-Type") {
	case "application/json":
		err = protojson.Unmarshal(b, &st)
	case "application/x-protobuf":
		err = proto.Unmarshal(b, &st)
	default:
		t.Fatalf("content type %q", r.Header.Get("Content-Type"))
	}
	if err != nil {
		t.Fatalf("%q is not a Status: %v", b, err)
	}
	return &st
}

func compressed(t testing.TB, encoding string, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "zstd":
		z, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	case "snappy":
		return s2.EncodeSnappy(nil, body)
	case "x-snappy-framed", "snappy frames":
		w = s2.NewWriter(&out, s2.WriterSnappyCompat())
	case "deflate":
		w = zlib.NewWriter(&out)
	case "raw deflate":
		z, err := flate.NewWriter(&out, flate.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	default:
		return body
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestHTTPAccepts(t *testing.T) {
	pb, js := protobufOf(t, request(5)), jsonOf(t, request(5))
	const protobuf = "application/x-protobuf"
	tests := map[string]struct {
		path, contentType, encoding string
		body                        []byte
		spans                       int
	}{
		"protobuf":             {"/v1/traces", protobuf, "", pb, 5},
		"json":                 {"/v1/traces", "application/json", "", js, 5},
		"trailing slash":       {"/v1/traces/", protobuf, "", pb, 5},
		"charset ignored":      {"/v1/traces", "Application/JSON; charset=utf-8", "", js, 5},
		"odd parameter":        {"/v1/traces", "application/json;;charset", "", js, 5},
		"identity":             {"/v1/traces", protobuf, "identity", pb, 5},
		"gzip":                 {"/v1/traces", protobuf, "gzip", compressed(t, "gzip", pb), 5},
		"gzip json":            {"/v1/traces", "application/json", "GZIP", compressed(t, "gzip", js), 5},
		"zstd":                 {"/v1/traces", protobuf, "zstd", compressed(t, "zstd", pb), 5},
		"snappy":               {"/v1/traces", protobuf, "snappy", compressed(t, "snappy", pb), 5},
		"snappy in frames":     {"/v1/traces", protobuf, "snappy", compressed(t, "snappy frames", pb), 5},
		"x-snappy-framed":      {"/v1/traces", protobuf, "x-snappy-framed", compressed(t, "x-snappy-framed", pb), 5},
		"deflate":              {"/v1/traces", protobuf, "deflate", compressed(t, "deflate", pb), 5},
		"deflate, no header":   {"/v1/traces", protobuf, "deflate", compressed(t, "raw deflate", pb), 5},
		"two gzip members":     {"/v1/traces", protobuf, "gzip", append(compressed(t, "gzip", pb[:9]), compressed(t, "gzip", pb[9:])...), 5},
		"empty request":        {"/v1/traces", protobuf, "", nil, 0},
		"empty json request":   {"/v1/traces", "application/json", "", []byte(`{}`), 0},
		"empty, said to be gz": {"/v1/traces", protobuf, "gzip", nil, 0},
		"metrics":              {"/v1/metrics", protobuf, "", metricsRequest(t), 0},
		"empty metrics":        {"/v1/metrics/", protobuf, "", nil, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			consumer := &sink{}
			s := start(t, consumer, nil)
			r := post(t, s.url+tt.path, tt.contentType, tt.encoding, tt.body)
			want, wantType := "", protobuf
			if strings.Contains(strings.ToLower(tt.contentType), "json") {
				want, wantType = "{}", "application/json"
			}
			if got := string(answerOf(r)); r.StatusCode != 200 || got != want || r.Header.Get("Content-Type") != wantType {
				t.Errorf("got %s, %q of type %q", r.Status, got, r.Header.Get("Content-Type"))
			}
			if consumer.count() != tt.spans {
				t.Errorf("%d spans taken over, want %d", consumer.count(), tt.spans)
			}
			if n := s.metric(t, "faultline_ingest_spans_total", "accepted"); n != float64(tt.spans) {
				t.Errorf("%v spans counted", n)
			}
			if n := s.metric(t, "faultline_ingest_received_bytes_total", "http"); n != float64(len(tt.body)) {
				t.Errorf("%v bytes counted of %d", n, len(tt.body))
			}
		})
	}
}

func metricsRequest(t testing.TB) []byte {
	t.Helper()
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("http.server.request.duration")
	for range 3 {
		p := m.SetEmptyGauge().DataPoints().AppendEmpty()
		p.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		p.SetIntValue(1)
	}
	b, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHTTPRefuses(t *testing.T) {
	const protobuf, js = "application/x-protobuf", "application/json"
	body := protobufOf(t, request(1))
	tests := map[string]struct {
		method, path, contentType, encoding string
		body                                []byte
		code                                int
		rpc                                 int32
		answerType, message                 string
	}{
		"logs":             {"POST", "/v1/logs", protobuf, "", body, 404, 5, protobuf, "POST /v1/traces"},
		"profiles, json":   {"POST", "/v1development/profiles", js, "", body, 404, 5, js, "POST /v1/traces"},
		"two slashes":      {"POST", "/v1/traces//", protobuf, "", body, 404, 5, protobuf, "POST /v1/traces"},
		"browser":          {"GET", "/", "", "", nil, 404, 5, js, "POST /v1/traces"},
		"GET":              {"GET", "/v1/traces", "", "", nil, 405, 12, js, "use POST"},
		"PUT":              {"PUT", "/v1/traces", protobuf, "", body, 405, 12, protobuf, "use POST"},
		"OPTIONS, no CORS": {"OPTIONS", "/v1/traces", js, "", nil, 405, 12, js, "use POST"},
		"no content type":  {"POST", "/v1/traces", "", "", body, 415, 3, js, "use application/x-protobuf"},
		"text":             {"POST", "/v1/traces", "text/plain", "", body, 415, 3, js, "use application/x-protobuf"},
		"grpc":             {"POST", "/v1/traces", "application/grpc", "", body, 415, 3, js, "use application/x-protobuf"},
		"brotli":           {"POST", "/v1/traces", protobuf, "br", body, 415, 3, protobuf, "use one of gzip"},
		"several codings":  {"POST", "/v1/traces", js, "gzip, zstd", body, 415, 3, js, "use one of gzip"},
		"garbage":          {"POST", "/v1/traces", protobuf, "", []byte("not protobuf"), 400, 3, protobuf, ""},
		"garbage json":     {"POST", "/v1/traces", js, "", []byte("{"), 400, 3, js, ""},
		"garbage metrics":  {"POST", "/v1/metrics", js, "", []byte("["), 400, 3, js, ""},
		"not gzip":         {"POST", "/v1/traces", js, "gzip", []byte("{}"), 400, 3, js, "gzip body is damaged"},
		"half of gzip":     {"POST", "/v1/traces", protobuf, "gzip", compressed(t, "gzip", body)[:40], 400, 3, protobuf, "gzip body is damaged"},
		"not snappy":       {"POST", "/v1/traces", protobuf, "snappy", body, 400, 3, protobuf, "snappy body is damaged"},
		"snappy bomb":      {"POST", "/v1/traces", protobuf, "snappy", []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}, 413, 8, protobuf, "larger than"},
		"not zstd":         {"POST", "/v1/traces", protobuf, "zstd", body, 400, 3, protobuf, "zstd body is damaged"},
		"not deflate":      {"POST", "/v1/traces", protobuf, "deflate", body, 400, 3, protobuf, "deflate body is damaged"},
		"large":            {"POST", "/v1/traces", protobuf, "", make([]byte, 1<<20+1), 413, 8, protobuf, "limits.body_bytes"},
		"large, unpacked":  {"POST", "/v1/traces", js, "gzip", compressed(t, "gzip", make([]byte, 1<<20+1)), 413, 8, js, "limits.body_bytes"},
	}
	s := start(t, &sink{}, func(c *Config) { c.Limits.BodyBytes = 1 << 20 })
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			label := map[string]string{protobuf: "protobuf", js: "json"}[tt.contentType]
			if label == "" {
				label = "unknown"
			}
			before := s.metric(t, "faultline_ingest_requests_total", strconv.Itoa(tt.code), label, "http")
			r := send(t, http.DefaultClient, tt.method, s.url+tt.path,
				http.Header{"Content-Type": {tt.contentType}, "Content-Encoding": {tt.encoding}}, tt.body)
			if r.StatusCode != tt.code || r.Header.Get("Content-Type") != tt.answerType {
				t.Fatalf("got %s of type %q", r.Status, r.Header.Get("Content-Type"))
			}
			st := statusOf(t, r)
			if st.Code != tt.rpc || !strings.Contains(st.Message, tt.message) || st.Message == "" {
				t.Errorf("got status %v", st)
			}
			if r.Header.Get("Retry-After") != "" || len(st.Details) > 0 {
				t.Error("a permanent refusal asks to come again")
			}
			if (tt.code == 405) != (r.Header.Get("Allow") == "POST") {
				t.Errorf("Allow: %q", r.Header.Get("Allow"))
			}
			if after := s.metric(t, "faultline_ingest_requests_total", strconv.Itoa(tt.code), label, "http"); after != before+1 {
				t.Errorf("counted %v times", after-before)
			}
		})
	}
}

func TestHTTPOverload(t *testing.T) {
	body := protobufOf(t, request(2))
	tests := map[string]struct {
		consumer Consumer
		change   func(*Config)
		logged   bool
	}{
		"the consumer has no room":   {&sink{err: ErrOverloaded}, nil, false},
		"the consumer cannot store":  {&sink{err: errDisk}, nil, true},
		"the consumer takes forever": {holding(), func(c *Config) { c.Limits.AnswerTime = 20 * time.Millisecond }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, tt.consumer, tt.change)
			for _, contentType := range []string{"application/x-protobuf", "application/json"} {
				body := body
				if contentType == "application/json" {
					body = jsonOf(t, request(2))
				}
				r := post(t, s.url+"/v1/traces", contentType, "", body)
				wantLater(t, r)
			}
			if n := s.metric(t, "faultline_ingest_spans_total", "refused"); n != 4 {
				t.Errorf("%v spans counted as refused", n)
			}
			if logged := strings.Contains(s.logs.String(), "batch not taken"); logged != tt.logged {
				t.Errorf("logged: %v; the log: %s", logged, s.logs)
			}
		})
	}
}

func wantLater(t testing.TB, r *http.Response) {
	t.Helper()
	if wait, err := strconv.Atoi(r.Header.Get("Retry-After")); r.StatusCode != 503 || err != nil || wait < 1 || wait > 30 {
		t.Errorf("got %s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
		return
	}
	if st := statusOf(t, r); st.Code != 14 || len(st.Details) != 1 {
		t.Errorf("got status %v", st)
	}
}

// Requests in flight hold the byte budget; those over it are asked to come again, and one that could
// never fit is refused for good.
func TestByteBudget(t *testing.T) {
	consumer := holding()
	body := protobufOf(t, request(100))
	s := start(t, consumer, func(c *Config) { c.Limits.InFlightBytes = int64(len(body)) * 10 })
	first := make(chan *http.Response, 1)
	go func() { first <- post(t, s.url+"/v1/traces", "application/x-protobuf", "", body) }()
	<-consumer.held
	if held := s.metric(t, "faultline_ingest_in_flight_bytes"); held < float64(len(body)) {
		t.Errorf("%v bytes in flight, the body alone has %d", held, len(body))
	}
	// While it is decoded, the second would need 7 times its size beside what the first still holds.
	s.budget.used.Add(int64(len(body)) * 3)
	wantLater(t, post(t, s.url+"/v1/traces", "application/x-protobuf", "", body))
	if code := exportGRPC(t, s, body); code != "Unavailable" {
		t.Errorf("gRPC over the budget: %s", code)
	}
	s.budget.used.Add(-int64(len(body)) * 3)
	if r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", protobufOf(t, request(200))); r.StatusCode != 413 {
		t.Errorf("a request larger than the budget got %s", r.Status)
	}
	close(consumer.hold)
	if r := <-first; r.StatusCode != 200 {
		t.Errorf("got %s", r.Status)
	}
}

func TestPartialSuccess(t *testing.T) {
	bad := request(5)
	spans := bad.Traces().ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	spans.At(1).SetSpanID(pcommon.SpanID{})
	spans.At(3).SetTraceID(pcommon.TraceID{})
	spans.At(4).SetStartTimestamp(0)
	spans.At(4).SetEndTimestamp(0)
	consumer := &sink{}
	s := start(t, consumer, nil)
	want := "3 spans rejected: 2 invalid_id (trace ids must be 16 bytes, span ids 8, and neither all zero), 1 no_timestamp (set the start or the end time)"

	var answer collector.ExportTraceServiceResponse
	r := post(t, s.url+"/v1/traces", "application/x-protobuf", "", protobufOf(t, bad))
	if err := proto.Unmarshal(answerOf(r), &answer); err != nil || r.StatusCode != 200 {
		t.Fatal(r.Status, err)
	}
	if p := answer.GetPartialSuccess(); p.GetRejectedSpans() != 3 || p.GetErrorMessage() != want {
		t.Errorf("got %v", p)
	}
	r = post(t, s.url+"/v1/traces", "application/json", "", jsonOf(t, bad))
	if got := string(answerOf(r)); got != `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"`+want+`"}}` {
		t.Errorf("got %s", got)
	}
	if consumer.count() != 4 {
		t.Errorf("%d of 4 good spans taken over", consumer.count())
	}
	if n := s.metric(t, "faultline_ingest_spans_total", "rejected"); n != 6 {
		t.Errorf("%v spans counted as rejected", n)
	}
	if n := s.metric(t, "faultline_ingest_rejected_spans_total", "invalid_id"); n != 4 {
		t.Errorf("%v spans counted as invalid_id", n)
	}
}

func TestHTTPExporterOfTheSDK(t *testing.T) {
	for name, compression := range map[string]otlptracehttp.Compression{
		"plain": otlptracehttp.NoCompression, "gzip": otlptracehttp.GzipCompression,
	} {
		t.Run(name, func(t *testing.T) {
			consumer := &sink{}
			s := start(t, consumer, nil)
			ctx := context.Background()
			exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithInsecure(),
				otlptracehttp.WithEndpoint(s.HTTPAddr().String()), otlptracehttp.WithCompression(compression))
			if err != nil {
				t.Fatal(err)
			}
			defer exporter.Shutdown(ctx)
			if err := exporter.ExportSpans(ctx, sdkSpans()); err != nil {
				t.Error(err)
			}
			if consumer.count() != len(sdkSpans()) {
				t.Errorf("%d spans taken over", consumer.count())
			}
		})
	}
}

// The exporter of the SDK comes again when it is asked to.
func TestHTTPExporterOfTheSDKRetries(t *testing.T) {
	consumer := &sink{err: ErrOverloaded}
	s := start(t, consumer, nil)
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithInsecure(), otlptracehttp.WithEndpoint(s.HTTPAddr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer exporter.Shutdown(ctx)
	go func() {
		eventually(t, "the first try is refused", func() bool {
			return s.metric(t, "faultline_ingest_requests_total", "503", "protobuf", "http") > 0
		})
		consumer.mu.Lock()
		consumer.err = nil
		consumer.mu.Unlock()
	}()
	if err := exporter.ExportSpans(ctx, sdkSpans()); err != nil {
		t.Error(err)
	}
	if consumer.count() != len(sdkSpans()) {
		t.Errorf("%d spans taken over", consumer.count())
	}
}

// sdkSpans are spans as the SDK hands them to an exporter.
func sdkSpans() []sdktrace.ReadOnlySpan {
	return tracetest.SpanStubs{sdkSpan("GET /cart"), sdkSpan("SELECT orders")}.Snapshots()
}

func TestHTTP2WithoutTLS(t *testing.T) {
	consumer := &sink{}
	s := start(t, consumer, nil)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	r := send(t, &http.Client{Transport: transport}, "POST", s.url+"/v1/traces",
		http.Header{"Content-Type": {"application/x-protobuf"}}, protobufOf(t, request(1)))
	if r.ProtoMajor != 2 || r.StatusCode != 200 || consumer.count() != 1 {
		t.Errorf("%s %s, %d spans", r.Proto, r.Status, consumer.count())
	}
}

func TestCORS(t *testing.T) {
	body := jsonOf(t, request(1))
	tests := map[string]struct {
		origins        []string
		origin, method string
		code           int
		allowed        string
	}{
		"off":               {nil, "https://shop.example", "OPTIONS", 405, ""},
		"preflight":         {[]string{"https://shop.example"}, "https://shop.example", "OPTIONS", 204, "https://shop.example"},
		"request":           {[]string{"https://shop.example"}, "https://shop.example", "POST", 200, "https://shop.example"},
		"any origin":        {[]string{"*"}, "https://shop.example", "OPTIONS", 204, "https://shop.example"},
		"another origin":    {[]string{"https://shop.example"}, "https://evil.example", "OPTIONS", 405, ""},
		"request of others": {[]string{"https://shop.example"}, "https://evil.example", "POST", 200, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, &sink{}, func(c *Config) { c.CORSOrigins = tt.origins })
			r := send(t, http.DefaultClient, tt.method, s.url+"/v1/traces", http.Header{
				"Origin": {tt.origin}, "Access-Control-Request-Method": {"POST"}, "Content-Type": {"application/json"},
			}, body)
			if r.StatusCode != tt.code || r.Header.Get("Access-Control-Allow-Origin") != tt.allowed {
				t.Errorf("got %s for %q", r.Status, r.Header.Get("Access-Control-Allow-Origin"))
			}
			if r.StatusCode == 204 && r.Header.Get("Access-Control-Allow-Headers") != "content-type, authorization, traceparent" {
				t.Errorf("headers allowed: %q", r.Header.Get("Access-Control-Allow-Headers"))
			}
		})
	}
}

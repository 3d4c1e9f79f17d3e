package otlp

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"faultline/graph"
)

// dataDir holds real traces with known truth. It is not part of the project.
const dataDir = "../../../shared/data"

// anyTime decodes spans of whatever year.
func anyTime() (*Decoder, time.Time) {
	cfg := DefaultDecodeConfig()
	cfg.MaxAge = 50 * 365 * 24 * time.Hour
	return NewDecoder(cfg), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
}

func dataFiles(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dataDir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no real traces: %s is not there", filepath.Join(dataDir, pattern))
	}
	return files
}

// requests calls f with each request in a file of JSON lines, plain or gzip.
func requests(t testing.TB, path string, f func(body []byte)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		f(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestRealTraces decodes every request of the data sets as JSON and, written by another library, as
// protobuf: the spans must be identical, and what that library reads too. Their number per file is the
// truth's.
func TestRealTraces(t *testing.T) {
	for _, set := range []string{"hotrod-live", "nezha-tt", "nezha-tt-derived-errors", "nezha-ob"} {
		t.Run(set, func(t *testing.T) {
			files := dataFiles(t, filepath.Join(set, "*.otlp.jsonl.gz"))
			var truth struct {
				Files map[string]struct{ Spans int }
			}
			readJSON(t, filepath.Join(dataDir, set, "edges.json"), &truth)
			if testing.Short() || raceDetector { // there is nothing concurrent in it
				files = files[:1]
			}
			for _, path := range files {
				spans := 0
				requests(t, path, func(body []byte) { spans += compareEncodings(t, body) })
				if want := truth.Files[filepath.Base(path)].Spans; spans != want {
					t.Errorf("%s: %d spans, want %d", path, spans, want)
				}
			}
		})
	}
}

// compareEncodings decodes a JSON body in both encodings, compares all there is to compare, and returns
// the number of spans.
func compareEncodings(t *testing.T, body []byte) int {
	t.Helper()
	d, now := anyTime()
	fromJSON, err := d.Traces(body, JSON, now)
	if err != nil {
		t.Fatalf("JSON: %v", err)
	}
	request := ptraceotlp.NewExportRequest()
	if err := request.UnmarshalJSON(body); err != nil {
		t.Fatalf("the other library: %v", err)
	}
	asProtobuf, err := request.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	fromProtobuf, err := d.Traces(asProtobuf, Protobuf, now)
	if err != nil {
		t.Fatalf("protobuf: %v", err)
	}
	fromJSON.Bytes = fromProtobuf.Bytes
	if !sameBatch(fromJSON, fromProtobuf) {
		for i := range fromJSON.Spans {
			if j, p := fromJSON.Spans[i], fromProtobuf.Spans[i]; !sameSpan(j, p) {
				t.Fatalf("span %d differs:\nJSON     %+v\nprotobuf %+v", i, j, p)
			}
		}
		t.Fatalf("batches differ: %+v, %+v", fromJSON.Rejected, fromProtobuf.Rejected)
	}
	compareWithLibrary(t, request.Traces(), fromProtobuf)
	comparePacked(t, fromProtobuf.Spans)
	return len(fromProtobuf.Spans)
}

// compareWithLibrary checks the spans of a batch, of which some may have been rejected, against those that
// another library read.
func compareWithLibrary(t *testing.T, traces ptrace.Traces, b *Batch) {
	t.Helper()
	i := 0
	for _, rs := range traces.ResourceSpans().All() {
		name, _ := rs.Resource().Attributes().Get("service.name")
		for _, ss := range rs.ScopeSpans().All() {
			for _, want := range ss.Spans().All() {
				if want.TraceID().IsEmpty() || want.SpanID().IsEmpty() || want.StartTimestamp() == 0 && want.EndTimestamp() == 0 {
					continue
				}
				if i == len(b.Spans) {
					t.Fatalf("%d spans and no more", i)
				}
				got := b.Spans[i]
				i++
				start := int64(want.StartTimestamp())
				duration := max(time.Duration(want.EndTimestamp()-want.StartTimestamp()), 0)
				if start == 0 {
					start, duration = int64(want.EndTimestamp()), 0
				}
				if got.Trace != graph.TraceID(want.TraceID()) || got.ID != graph.SpanID(want.SpanID()) ||
					got.Parent != graph.SpanID(want.ParentSpanID()) && want.ParentSpanID() != want.SpanID() ||
					got.Kind != graph.Kind(want.Kind()) || got.Start != start || got.Duration != duration {
					t.Fatalf("span %d: got %+v, want %v %v %v", i, got, want.TraceID(), want.SpanID(), want.Name())
				}
				if name.Str() != "" && got.Service.Name != name.Str() {
					t.Fatalf("span %d: service %q, want %q", i, got.Service.Name, name.Str())
				}
			}
		}
	}
	if i != len(b.Spans) {
		t.Fatalf("%d spans of %d are another's", len(b.Spans)-i, len(b.Spans))
	}
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestEdgeCases decodes what other projects test themselves with.
func TestEdgeCases(t *testing.T) {
	dataFiles(t, "edge-cases/expected.json")
	var expected struct {
		Converted map[string]struct {
			Records  int            `json:"span_records"`
			Kinds    map[string]int `json:"kinds"`
			Services []string       `json:"services"`
			Quirks   struct {
				NoTimestamp int `json:"no_timestamp"`
			} `json:"source_quirks"`
		}
	}
	readJSON(t, filepath.Join(dataDir, "edge-cases", "expected.json"), &expected)
	d, now := anyTime()
	for name, want := range expected.Converted {
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join(dataDir, "edge-cases", name))
			if err != nil {
				t.Fatal(err)
			}
			b, err := d.Traces(body, JSON, now)
			if err != nil {
				t.Fatal(err)
			}
			if got := b.Rejected[NoTimestamp]; got != want.Quirks.NoTimestamp {
				t.Errorf("%d spans without a time, want %d", got, want.Quirks.NoTimestamp)
			}
			if got := len(b.Spans) + b.Rejected[NoTimestamp]; got != want.Records {
				t.Errorf("%d spans of %d: %v", got, want.Records, b.Rejected)
			}
			known := map[string]bool{}
			for _, s := range want.Services {
				known[s] = true
			}
			kinds := map[string]int{}
			for _, s := range b.Spans {
				kinds[fmt.Sprint(uint8(s.Kind))]++
				if !known[s.Service.Name] && s.Service.Name != "unknown_service" {
					t.Errorf("there is no service %q", s.Service.Name)
				}
			}
			if want.Quirks.NoTimestamp == 0 && !reflect.DeepEqual(kinds, want.Kinds) {
				t.Errorf("kinds %v, want %v", kinds, want.Kinds)
			}
			compareEncodings(t, body)
		})
	}
	for name, want := range map[string]int{
		"verbatim/opentelemetry-proto-trace.json":       1,
		"verbatim/jaeger-ui-otlp-in.json":               2,
		"verbatim/jaeger-ui-otlp-no-service-name.json":  1,
		"verbatim/jaeger-ui-otlp-multi.jsonl":           4,
		"verbatim/jaeger-ui-otlp-multi-combined.json":   4,
		"verbatim/jaeger-otel-traces-01.json":           4,
		"verbatim/jaeger-cassandra-otel-traces-01.json": 1,
		"verbatim/jaeger-es-otel-traces-01.json":        1,
	} {
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join(dataDir, "edge-cases", name))
			if err != nil {
				t.Fatal(err)
			}
			b, err := d.Traces(body, JSON, now)
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Spans) != want || b.Rejected != nil {
				t.Errorf("%d spans of %d, rejected %v", len(b.Spans), want, b.Rejected)
			}
			if strings.Contains(name, "no-service") && (b.Spans[0].Service.Name != "unknown_service" || b.Repaired[UnknownService] != 1) {
				t.Errorf("service %q, repaired %v", b.Spans[0].Service.Name, b.Repaired)
			}
		})
	}
	for _, path := range dataFiles(t, "edge-cases/protobuf/*.pb") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			request := ptraceotlp.NewExportRequest()
			if err := request.UnmarshalProto(body); err != nil {
				t.Fatal(err)
			}
			asJSON, err := request.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if n := compareEncodings(t, asJSON); n != request.Traces().SpanCount() || n == 0 {
				t.Errorf("%d spans of %d", n, request.Traces().SpanCount())
			}
		})
	}
	t.Run("duplicates", func(t *testing.T) {
		spans := 0
		requests(t, filepath.Join(dataDir, "edge-cases/duplicates/tt-0852-with-duplicate-rows.otlp.jsonl.gz"), func(body []byte) {
			spans += compareEncodings(t, body)
		})
		if spans != 17_472 {
			t.Errorf("%d spans of 17472", spans)
		}
	})
}

// TestRealNames compares what naming makes of a real system with the truth about its client calls.
func TestRealNames(t *testing.T) {
	path := dataFiles(t, "hotrod-live/hr-route-down.otlp.jsonl.gz")[0]
	d, now := anyTime()
	got := map[string]int{}
	requests(t, path, func(body []byte) {
		b, err := d.Traces(body, JSON, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range b.Spans {
			if s.Kind != graph.KindClient {
				continue
			}
			line := fmt.Sprintf("%s calls %s %q: %s %s", s.Service.Name, s.Peer.Type, s.Peer.Name, s.Protocol, s.Operation)
			if s.Peer.Own {
				line += ", its own"
			}
			if s.Outcome&graph.Failed != 0 {
				line += ", failed"
			}
			got[line]++
		}
	})
	want := map[string]int{
		`frontend calls external "127.0.0.1:39481": http GET /customer`:                            564,
		`frontend calls external "127.0.0.1:39482": grpc driver.DriverService/FindNearest`:         542,
		`frontend calls external "127.0.0.1:39482": grpc driver.DriverService/FindNearest, failed`: 21,
		`frontend calls external "127.0.0.1:39483": http GET /route`:                               5405 - 1930,
		`frontend calls external "127.0.0.1:39483": http GET /route, failed`:                       1930,
		`mysql calls database "mysql @ mysql": mysql SQL SELECT, its own`:                          563,
		`redis-manual calls cache "redis": redis FindDriverIDs`:                                    563,
		`redis-manual calls cache "redis": redis GetDriver`:                                        6890 - 1378,
		`redis-manual calls cache "redis": redis GetDriver, failed`:                                1378,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("client calls differ (-want +got):\n%s", diff)
	}
}

func sameBatch(a, b *Batch) bool {
	x, y := *a, *b
	x.Spans, y.Spans = nil, nil
	return sameSpans(a.Spans, b.Spans) && reflect.DeepEqual(x, y)
}

func sameSpans(a, b []graph.Span) bool { return slices.EqualFunc(a, b, sameSpan) }

func sameSpan(a, b graph.Span) bool {
	if !a.Shape.Equal(b.Shape) {
		return false
	}
	a.Shape = b.Shape
	return reflect.DeepEqual(a, b)
}

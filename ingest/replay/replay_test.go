package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"faultline/graph"
	"faultline/ingest/otlp"
)

// taken keeps the spans that the doors hand over.
type taken struct {
	mu    sync.Mutex
	spans []graph.Span
}

func (t *taken) Consume(_ context.Context, b *otlp.Batch) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spans = append(t.spans, b.Spans...)
	return nil
}

func (t *taken) newest() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	var at time.Time
	for _, s := range t.spans {
		if end := time.Unix(0, s.Start).Add(s.Duration); end.After(at) {
			at = end
		}
	}
	return at
}

// door is a real OTLP/HTTP door.
func door(t *testing.T) (endpoint string, got *taken) {
	t.Helper()
	cfg := otlp.DefaultConfig()
	cfg.GRPCAddr, cfg.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	got = &taken{}
	s, err := otlp.New(cfg, got, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return "http://" + s.HTTPAddr().String(), got
}

// body is a request with one span of the given id, 10 ms long, that starts so many seconds into 2022.
func body(id, second int) string {
	at := int64(1640995200+second) * 1e9
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},`+
		`"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","name":"x","startTimeUnixNano":"%d","endTimeUnixNano":%d,`+
		`"events":[{"timeUnixNano":"%d","name":"say \"timeUnixNano\":\"7\""}]}]}]}]}`, id, id, at, at+1e7, at+1)
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func protobuf(t *testing.T, js string) []byte {
	t.Helper()
	r := ptraceotlp.NewExportRequest()
	if err := r.UnmarshalJSON([]byte(js)); err != nil {
		t.Fatal(err)
	}
	b, err := r.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func indented(t *testing.T, js string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(js), "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestEveryFormatArrives(t *testing.T) {
	lines := []byte(body(1, 0) + "\n\n" + body(2, 60) + "\n" + body(3, 3600))
	tests := map[string]struct {
		content []byte
		spans   int
	}{
		"lines":            {lines, 3},
		"lines, gzipped":   {gzipped(lines), 3},
		"pretty-printed":   {append(indented(t, body(1, 0)), indented(t, body(2, 5))...), 2},
		"protobuf":         {protobuf(t, body(1, 0)), 1},
		"protobuf gzipped": {gzipped(protobuf(t, body(1, 0))), 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			endpoint, got := door(t)
			before := time.Now()
			s, err := Run(t.Context(), Config{Endpoint: endpoint, Concurrency: 2}, []string{write(t, "data", tt.content)}, nil)
			if err != nil || len(s.Problems) > 0 || s.Rejected > 0 {
				t.Fatalf("%v; %+v", err, s)
			}
			if len(got.spans) != tt.spans || s.Sent != int64(tt.spans) {
				t.Errorf("%d spans arrived and %d were said to be sent, want %d", len(got.spans), s.Sent, tt.spans)
			}
			if at := got.newest(); at.Before(before.Add(-time.Millisecond)) || at.After(time.Now()) {
				t.Errorf("the newest span ends %s, want now", at)
			}
		})
	}
}

func TestOneConstantMovesAllFiles(t *testing.T) {
	endpoint, got := door(t)
	a, b := write(t, "a", []byte(body(1, 0))), write(t, "b", protobuf(t, body(2, 90)))
	if _, err := Run(t.Context(), Config{Endpoint: endpoint, Concurrency: 1}, []string{a, b}, nil); err != nil {
		t.Fatal(err)
	}
	if d := got.spans[1].Start - got.spans[0].Start; d != 90e9 {
		t.Errorf("the two files are %s apart, want 90 s", time.Duration(d))
	}
	if got.spans[0].Duration != 10*time.Millisecond {
		t.Errorf("duration %s, want 10 ms", got.spans[0].Duration)
	}
}

func TestKeepTimeIsRefusedByTheServerWhenTooOld(t *testing.T) {
	endpoint, _ := door(t)
	s, err := Run(t.Context(), Config{Endpoint: endpoint, KeepTime: true, Concurrency: 1}, []string{write(t, "a", []byte(body(1, 0)))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Rejected != 1 || len(s.Messages) != 1 {
		t.Errorf("%+v, want one span rejected with the server's words", s)
	}
}

func TestPace(t *testing.T) {
	endpoint, got := door(t)
	file := write(t, "a", []byte(body(1, 0)+"\n"+body(2, 100)))
	start := time.Now()
	if _, err := Run(t.Context(), Config{Endpoint: endpoint, Concurrency: 1, Speed: 200}, []string{file}, nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 500*time.Millisecond {
		t.Errorf("100 s at 200 times the pace took %s, want at least 0.5 s", took)
	}
	if at := got.newest(); time.Since(at) > time.Second {
		t.Errorf("the newest span ended %s ago", time.Since(at))
	}
}

func TestProblemsNameFileAndLineAndHoldNothingUp(t *testing.T) {
	endpoint, got := door(t)
	good := write(t, "good", []byte(body(1, 0)))
	files := map[string]string{
		write(t, "broken", []byte(body(2, 0)+"\n"+body(3, 0)+"\n{\"resourceSpans\": [nonsense")):    ":3: not a JSON object of OTLP",
		write(t, "other", []byte(`{"hello": "world"}`)):                                             ":1: an object without resourceSpans",
		write(t, "array", []byte("\n[1, 2]")):                                                       ":1: a JSON array",
		write(t, "empty", nil):                                                                      "the file is empty",
		write(t, "noise", []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff noise")):     "neither OTLP/JSON nor an OTLP protobuf request",
		filepath.Join(t.TempDir(), "missing"):                                                       "no such file",
		write(t, "types", []byte(`{"resourceSpans": [{"scopeSpans": [{"spans": "not a list"}]}]}`)): ":1: not an OTLP trace request",
	}
	list := make([]string, 0, len(files)+1)
	for f := range files {
		list = append(list, f)
	}
	s, err := Run(t.Context(), Config{Endpoint: endpoint, Concurrency: 1}, append(list, good), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.spans) != 3 {
		t.Errorf("%d spans arrived, want the 3 good ones", len(got.spans))
	}
	var all []string
	for _, p := range s.Problems {
		all = append(all, p.Error())
	}
	for f, want := range files {
		found := false
		for _, p := range all {
			found = found || strings.Contains(p, f) && strings.Contains(p, want)
		}
		if !found {
			t.Errorf("no problem of %s says %q; all: %s", f, want, strings.Join(all, "\n"))
		}
	}
}

func TestRetriesUntilTheServerHasRoom(t *testing.T) {
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte("{}"))
	}))
	defer srv.Close()
	s, err := Run(t.Context(), Config{Endpoint: srv.URL, Concurrency: 1}, []string{write(t, "a", []byte(body(1, 0)))}, nil)
	if err != nil || len(s.Problems) > 0 || n.Load() != 3 {
		t.Errorf("%d attempts, %+v, %v", n.Load(), s, err)
	}
}

func FuzzShiftJSON(f *testing.F) {
	f.Add([]byte(body(1, 0)), int64(time.Hour))
	f.Add([]byte(`{"startTimeUnixNano":0,"a":"\"timeUnixNano\":\"12"}`), int64(-5))
	f.Fuzz(func(t *testing.T, b []byte, d int64) {
		var before, after any
		if json.Unmarshal(b, &before) != nil {
			return
		}
		there := shiftJSON(b, time.Duration(d))
		back := shiftJSON(there, -time.Duration(d))
		if json.Unmarshal(back, &after) != nil {
			t.Fatalf("%q became %q, which is not JSON", b, back)
		}
		if d == 0 && !reflect.DeepEqual(before, after) {
			t.Errorf("a shift by nothing changed it:\n%s", cmp.Diff(before, after))
		}
	})
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(body(1, 0)))
	f.Add(gzipped([]byte(body(1, 0))))
	f.Add([]byte("\x1f\x8b"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = each(path, func(r request) error {
			r.newest()
			if _, err := r.spans(); err != nil {
				return err
			}
			_, err := r.shifted(time.Second)
			return err
		})
	})
}

package proc

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func TestReadiness(t *testing.T) {
	up := func(context.Context) error { return nil }
	down := func(context.Context) error { return errors.New("connection refused") }
	deaf := func(context.Context) error { time.Sleep(time.Hour); return nil }
	tests := map[string]struct {
		checks map[string]func(context.Context) error
		drain  bool
		path   string
		status int
		body   string
	}{
		"no conditions":               {nil, false, "/readyz", 200, "ok\n"},
		"all conditions hold":         {checks("clickhouse", up, "log", up), false, "/readyz", 200, "ok\n"},
		"all conditions, told":        {checks("clickhouse", up, "log", up), false, "/readyz?verbose", 200, "clickhouse: ok\nlog: ok\nok\n"},
		"one does not hold":           {checks("clickhouse", down, "log", up), false, "/readyz", 503, "clickhouse: connection refused\n"},
		"one does not hold, all told": {checks("clickhouse", down, "log", up), false, "/readyz?verbose", 503, "clickhouse: connection refused\nlog: ok\n"},
		"one does not answer":         {checks("clickhouse", deaf), false, "/readyz", 503, "clickhouse: no answer within 2s\n"},
		"stopping":                    {checks("clickhouse", up), true, "/readyz", 503, "shutdown: the process is stopping\n"},
		"live whatever holds":         {checks("clickhouse", down), true, "/livez", 200, "ok\n"},
		"alias of live":               {checks("clickhouse", down), false, "/healthz", 200, "ok\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var health Health
				for name, check := range tt.checks {
					health.Add(name, check)
				}
				if tt.drain {
					health.Drain()
				}
				w := httptest.NewRecorder()
				Admin(NewRegistry(), new(Exposition), &health).ServeHTTP(w, httptest.NewRequest(http.MethodGet, tt.path, nil))
				if w.Code != tt.status || w.Body.String() != tt.body {
					t.Errorf("%s is %d %q, want %d %q", tt.path, w.Code, w.Body, tt.status, tt.body)
				}
				time.Sleep(2 * time.Hour) // the check that does not answer ends within the bubble
			})
		})
	}
}

func checks(namesAndChecks ...any) map[string]func(context.Context) error {
	m := map[string]func(context.Context) error{}
	for i := 0; i < len(namesAndChecks); i += 2 {
		m[namesAndChecks[i].(string)] = namesAndChecks[i+1].(func(context.Context) error)
	}
	return m
}

// Both readings are what a parser of the format takes, compressed for those who can read that.
func TestAdminMetricsAndProfiles(t *testing.T) {
	const family = "# HELP traces_service_graph_request_total x\n# TYPE traces_service_graph_request_total counter\ntraces_service_graph_request_total 7\n"
	graph := new(Exposition)
	admin := Admin(NewRegistry(), graph, new(Health))
	read := func(path, accept, encoding string) (string, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept", accept)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("%s is %d", path, w.Code)
		}
		if w.Header().Get("Content-Encoding") != "gzip" {
			return w.Body.String(), w.Header().Get("Content-Type")
		}
		plain, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(plain)
		if err != nil {
			t.Fatal(err)
		}
		return string(text), w.Header().Get("Content-Type")
	}
	if got, _ := read("/metrics/service-graph", "", ""); got != "" {
		t.Errorf("of nobody: %q", got)
	}
	graph.Set(bytes.NewBufferString(family))
	if got, _ := read("/metrics/service-graph", "", ""); got != family {
		t.Errorf("got %q, want %q", got, family)
	}
	for _, accept := range []string{"", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"} {
		for _, encoding := range []string{"", "gzip"} {
			graph.Set(bytes.NewBufferString(family))
			got, contentType := read("/metrics", accept, encoding)
			parser := expfmt.NewTextParser(model.UTF8Validation)
			families, err := parser.TextToMetricFamilies(strings.NewReader(got))
			if err != nil || !strings.HasPrefix(contentType, "text/plain; version=0.0.4") {
				t.Fatalf("%s: %v", contentType, err)
			}
			for name, want := range map[string]float64{"faultline_build_info": 1, "traces_service_graph_request_total": 7} {
				f := families[name]
				if f == nil || f.Metric[0].GetGauge().GetValue()+f.Metric[0].GetCounter().GetValue() != want {
					t.Errorf("%s of those who accept %q is %v", name, accept, f)
				}
			}
		}
	}
	for path, want := range map[string]string{"/debug/pprof/cmdline": "proc.test", "/debug/pprof/heap": ""} {
		if got, _ := read(path, "", ""); !strings.Contains(got, want) {
			t.Errorf("%s lacks %q", path, want)
		}
	}
}

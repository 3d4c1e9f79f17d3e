package proc

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
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
				Admin(NewRegistry(), prometheus.NewRegistry(), &health).ServeHTTP(w, httptest.NewRequest(http.MethodGet, tt.path, nil))
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

func TestAdminMetricsAndProfiles(t *testing.T) {
	graph := prometheus.NewRegistry()
	promauto.With(graph).NewCounter(prometheus.CounterOpts{Name: "traces_service_graph_request_total", Help: "x"})
	admin := Admin(NewRegistry(), graph, new(Health))
	for path, want := range map[string]string{
		"/metrics":               `faultline_build_info{go_version="go`,
		"/metrics/service-graph": "# HELP traces_service_graph_request_total x\n# TYPE traces_service_graph_request_total counter\ntraces_service_graph_request_total 0\n",
		"/debug/pprof/cmdline":   "proc.test",
		"/debug/pprof/heap":      "",
	} {
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		got := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(got, want) {
			t.Errorf("%s is %d and lacks %q", path, w.Code, want)
		}
		if path == "/metrics/service-graph" && got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

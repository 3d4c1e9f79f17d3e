package proc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checkTimeout bounds one answer of /readyz: kubelets and load balancers give up after a second or a few.
const checkTimeout = 2 * time.Second

// Health knows whether the process can do its work. The zero value is ready.
type Health struct {
	mu       sync.Mutex
	checks   map[string]func(context.Context) error
	draining atomic.Bool
}

// Add adds a condition of readiness. The check runs for every question, at the same time as the others,
// and has two seconds.
func (h *Health) Add(name string, check func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.checks == nil {
		h.checks = map[string]func(context.Context) error{}
	}
	h.checks[name] = check
}

// Drain makes the process unready for good, so that no new work is sent to it while it stops.
func (h *Health) Drain() { h.draining.Store(true) }

var errDraining = errors.New("the process is stopping")

// check returns the outcome of every condition.
func (h *Health) check(ctx context.Context) map[string]error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	h.mu.Lock()
	checks := maps.Clone(h.checks)
	h.mu.Unlock()

	type outcome struct {
		name string
		err  error
	}
	outcomes := make(chan outcome, len(checks))
	for name, check := range checks {
		go func() { outcomes <- outcome{name, check(ctx)} }()
	}
	result := map[string]error{}
	for name := range checks {
		result[name] = fmt.Errorf("no answer within %s", checkTimeout)
	}
	for range checks {
		select {
		case o := <-outcomes:
			result[o.name] = o.err
		case <-ctx.Done(): // a check that does not mind its context must not hold the answer back
			return result
		}
	}
	if h.draining.Load() {
		result["shutdown"] = errDraining
	}
	return result
}

// ServeHTTP answers 200 if the process can do its work and 503 if not, with the conditions that fail, or
// with all of them if the query has verbose.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	outcomes := h.check(r.Context())
	status := http.StatusOK
	for _, name := range slices.Sorted(maps.Keys(outcomes)) {
		switch err := outcomes[name]; {
		case err != nil:
			status = http.StatusServiceUnavailable
			fmt.Fprintf(&b, "%s: %v\n", name, err)
		case r.URL.Query().Has("verbose"):
			fmt.Fprintf(&b, "%s: ok\n", name)
		}
	}
	if status == http.StatusOK {
		b.WriteString("ok\n")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}

// Admin is the handler of the admin listener: /metrics, /metrics/service-graph with only what Grafana's
// service graph reads, which is in graph, /livez and its alias /healthz, /readyz, and /debug/pprof, which is here and nowhere
// else because it tells all about the process.
func Admin(reg *prometheus.Registry, graph *Exposition, health *Health) http.Handler {
	live := new(Health) // no conditions: it answers, so it lives
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", gzhttp.GzipHandler(promhttp.InstrumentMetricHandler(reg, Metrics(reg, graph))))
	mux.Handle("GET /metrics/service-graph", gzhttp.GzipHandler(http.HandlerFunc(graph.serve)))
	mux.Handle("GET /livez", live)
	mux.Handle("GET /healthz", live)
	mux.Handle("GET /readyz", health)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

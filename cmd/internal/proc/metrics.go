package proc

import (
	"io"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Exposition is metrics that their owner writes itself, in Prometheus' text format: so many that a registry, which makes an
// object of each line, would take more memory than all they are about. The zero value is empty.
type Exposition struct{ owner atomic.Pointer[io.WriterTo] }

// Set says who writes them.
func (e *Exposition) Set(owner io.WriterTo) { e.owner.Store(&owner) }

// WriteTo writes them.
func (e *Exposition) WriteTo(w io.Writer) (int64, error) {
	if owner := e.owner.Load(); owner != nil {
		return (*owner).WriteTo(w)
	}
	return 0, nil
}

// textFormat is the content type of Prometheus' text format.
const textFormat = "text/plain; version=0.0.4; charset=utf-8"

func (e *Exposition) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", textFormat)
	_, _ = e.WriteTo(w) // if it fails, whoever asked is gone
}

// Metrics serves the metrics of reg, and behind them those of more. It leaves compressing to others.
func Metrics(reg *prometheus.Registry, more *Exposition) http.Handler {
	own := promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg, DisableCompression: true})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Set("Accept", textFormat) // of those there are, the one in which more may follow
		own.ServeHTTP(w, r)
		_, _ = more.WriteTo(w)
	})
}

package clickhouse

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics is what the store tells about itself. Operations are the names of the methods, so the set is
// closed.
type metrics struct {
	insert *prometheus.HistogramVec
	query  *prometheus.HistogramVec
	errors *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		insert: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "faultline_store_insert_seconds", Help: "Duration of one insert into ClickHouse, by table.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 13),
		}, []string{"table"}),
		query: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "faultline_store_query_seconds", Help: "Duration of one question to ClickHouse, rows received included.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}, []string{"operation"}),
		errors: f.NewCounterVec(prometheus.CounterOpts{
			Name: "faultline_store_errors_total", Help: "Operations on ClickHouse that did not succeed.",
		}, []string{"operation"}),
	}
}

// asked records the end of a question that began at start.
func (m *metrics) asked(operation string, start time.Time, err error) {
	m.query.WithLabelValues(operation).Observe(time.Since(start).Seconds())
	if err != nil {
		m.errors.WithLabelValues(operation).Inc()
	}
}

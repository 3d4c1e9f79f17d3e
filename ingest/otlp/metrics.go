package otlp

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// serverMetrics are the doors' own metrics. Every label set is closed.
type serverMetrics struct {
	requests *prometheus.CounterVec   // transport, encoding, code
	duration *prometheus.HistogramVec // transport
	received *prometheus.CounterVec   // transport
	accepted prometheus.Counter
	dropped  prometheus.Counter
	refused  prometheus.Counter
	rejected *prometheus.CounterVec // reason
	repaired *prometheus.CounterVec // repair
	points   prometheus.Counter
	panics   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, inFlight *budget) *serverMetrics {
	f := promauto.With(reg)
	spans := f.NewCounterVec(prometheus.CounterOpts{
		Name: "faultline_ingest_spans_total",
		Help: "Spans received: accepted, rejected (the sender is told not to send them again) or refused (it is asked to).",
	}, []string{"result"})
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_ingest_in_flight_bytes", Help: "Memory of the requests being read and decoded.",
	}, func() float64 { return float64(inFlight.used.Load()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_ingest_in_flight_limit_bytes", Help: "Memory that the requests being read and decoded may use; over it they are refused.",
	}, func() float64 { return float64(inFlight.size) })
	m := &serverMetrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "faultline_ingest_requests_total", Help: "Export requests by transport, encoding and the status answered.",
		}, []string{"transport", "encoding", "code"}),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "faultline_ingest_request_duration_seconds",
			Help:    "Time from the header of an export request to its answer, the transfer of the body included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 4, 10, 30},
		}, []string{"transport"}),
		received: f.NewCounterVec(prometheus.CounterOpts{
			Name: "faultline_ingest_received_bytes_total", Help: "Bytes of bodies as they were on the wire.",
		}, []string{"transport"}),
		accepted: spans.WithLabelValues("accepted"),
		dropped:  spans.WithLabelValues("rejected"),
		refused:  spans.WithLabelValues("refused"),
		rejected: f.NewCounterVec(prometheus.CounterOpts{
			Name: "faultline_ingest_rejected_spans_total", Help: "Spans rejected for good, by reason.",
		}, []string{"reason"}),
		repaired: f.NewCounterVec(prometheus.CounterOpts{
			Name: "faultline_ingest_repaired_spans_total", Help: "Spans accepted after something in them was mended, by what it was.",
		}, []string{"repair"}),
		points: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_ingest_dropped_points_total", Help: "Metric points received and not used.",
		}),
		panics: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_ingest_panics_total", Help: "Requests that ended in a defect of the server; its log has the stack.",
		}),
	}
	for _, r := range []Reason{InvalidID, NoTimestamp, OutOfWindow} {
		m.rejected.WithLabelValues(string(r))
	}
	for _, r := range []Repair{NegativeDuration, InvalidUTF8, SelfParent, NestedValue, Truncated, ClampedFuture, UnknownService} {
		m.repaired.WithLabelValues(string(r))
	}
	return m
}

// answered counts one request.
func (m *serverMetrics) answered(d *door, encoding, code string, took time.Duration) {
	m.requests.WithLabelValues(d.transport, encoding, code).Inc()
	d.duration.Observe(took.Seconds())
}

// taken counts the spans of a batch that was taken over.
func (m *serverMetrics) taken(accepted int, rejected map[Reason]int, repaired map[Repair]int) {
	m.accepted.Add(float64(accepted))
	for r, n := range rejected {
		m.dropped.Add(float64(n))
		m.rejected.WithLabelValues(string(r)).Add(float64(n))
	}
	for r, n := range repaired {
		m.repaired.WithLabelValues(string(r)).Add(float64(n))
	}
}

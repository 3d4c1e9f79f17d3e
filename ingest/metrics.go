package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"faultline/graph"
	"faultline/graph/match"
)

// metrics tell what became of the spans that were admitted.
type metrics struct {
	remembered, waiting, nodes prometheus.Gauge
	rowsWritten, writeErrors   prometheus.Counter
	flushSeconds               prometheus.Histogram

	counters *prometheus.CounterVec
	last     match.Counters
	lastOver match.Over
	lastEdge int64
}

func newMetrics(reg prometheus.Registerer, s *Service) *metrics {
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_ingest_queued_spans", Help: "Spans admitted and not yet matched.",
	}, func() float64 { return float64(s.queued.Load()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_ingest_pending_rows", Help: "Rows of the block that is being stored.",
	}, func() float64 { return float64(s.rows.Load()) })
	return &metrics{
		counters: f.NewCounterVec(prometheus.CounterOpts{
			Name: "faultline_match_spans_total",
			Help: "What became of spans in matching: taken in; ignored as duplicates; parent link dropped for a cycle; " +
				"forgotten early for want of room; corrections said late; names over a limit.",
		}, []string{"result"}),
		remembered: f.NewGauge(prometheus.GaugeOpts{
			Name: "faultline_match_remembered_spans", Help: "Spans that matching remembers.",
		}),
		waiting: f.NewGauge(prometheus.GaugeOpts{
			Name: "faultline_match_waiting_spans", Help: "Spans younger than the wait for their other half.",
		}),
		nodes: f.NewGauge(prometheus.GaugeOpts{
			Name: "faultline_match_nodes", Help: "Nodes known to this process.",
		}),
		rowsWritten: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_ingest_rows_written_total", Help: "Rows stored.",
		}),
		writeErrors: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_ingest_write_errors_total", Help: "Attempts to store a block that failed and were made again.",
		}),
		flushSeconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "faultline_ingest_flush_seconds", Help: "Time to store a block.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 12),
		}),
	}
}

// observe publishes what the matching goroutine counted since the last time.
func (s *Service) observe() {
	m, c := s.metrics, s.matcher.Counters()
	add := func(result string, now, before int64) {
		m.counters.WithLabelValues(result).Add(float64(now - before))
	}
	add("taken", c.Spans, m.last.Spans)
	add("duplicate", c.Duplicates, m.last.Duplicates)
	add("parent_cycle", c.Cycles, m.last.Cycles)
	add("overflow", c.Overflowed, m.last.Overflowed)
	s.graph.drop(c.Overflowed - m.last.Overflowed)
	add("corrected", c.Late, m.last.Late)
	over, edges := s.names.Over(), s.folder.OverEdges()
	add("over_node_limit", over.Nodes, m.lastOver.Nodes)
	add("over_operation_limit", over.Operations, m.lastOver.Operations)
	add("over_edge_limit", edges, m.lastEdge)
	m.last, m.lastOver, m.lastEdge = c, over, edges
	m.remembered.Set(float64(c.Remembered))
	m.waiting.Set(float64(c.Waiting))
	nodes, _ := s.names.Known()
	m.nodes.Set(float64(nodes))
}

func (m *metrics) flushed(d time.Duration, b graph.Block) {
	m.flushSeconds.Observe(d.Seconds())
	m.rowsWritten.Add(float64(len(b.CallSites) + len(b.Operations) + len(b.Nodes)))
}

package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"faultline/graph/match"
)

// metrics tell what became of the spans that were admitted.
type metrics struct {
	remembered, spilled, waiting, nodes prometheus.Gauge
	spillFailed                         prometheus.Counter
	rowsWritten, writeErrors            prometheus.Counter
	repeated, repeatedSpans             prometheus.Counter
	evidence, overBudget                prometheus.Counter
	unreadable                          prometheus.Counter
	flushSeconds                        prometheus.Histogram

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
		Name: "faultline_ingest_pending_rows", Help: "Rows that wait for the block after the one being stored.",
	}, func() float64 { return float64(s.rows.Load()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_store_lag_seconds", Help: "Age of the oldest spans whose rows are not stored yet.",
	}, func() float64 { return s.storeLag(time.Now()).Seconds() })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_ingest_journal_lag_seconds", Help: "Age of the oldest spans in the journal that are not matched yet.",
	}, func() float64 { return s.journalLag(time.Now()).Seconds() })
	duplicates := f.NewCounterVec(prometheus.CounterOpts{
		Name: "faultline_ingest_duplicates_total", Help: "Repetitions that were acknowledged and not counted: whole requests, or single spans.",
	}, []string{"level"})
	evidence := f.NewCounterVec(prometheus.CounterOpts{
		Name: "faultline_match_evidence_traces_total", Help: "Traces worth keeping as evidence: kept, or not for want of room in the minute.",
	}, []string{"result"})
	return &metrics{
		repeated: duplicates.WithLabelValues("request"), repeatedSpans: duplicates.WithLabelValues("span"),
		evidence: evidence.WithLabelValues("kept"), overBudget: evidence.WithLabelValues("over_budget"),
		unreadable: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_ingest_unreadable_records_total", Help: "Records of the journal that could not be decoded again.",
		}),
		counters: f.NewCounterVec(prometheus.CounterOpts{
			Name: "faultline_match_spans_total",
			Help: "What became of spans in matching: taken in; ignored as duplicates; parent link dropped for a cycle; " +
				"forgotten early for want of room; corrections said late; names over a limit.",
		}, []string{"result"}),
		remembered: f.NewGauge(prometheus.GaugeOpts{
			Name: "faultline_match_remembered_spans", Help: "Spans that matching remembers.",
		}),
		spilled: f.NewGauge(prometheus.GaugeOpts{
			Name: "faultline_match_spilled_spans", Help: "Spans remembered on disk.",
		}),
		spillFailed: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_match_spill_failures_total", Help: "Attempts to move spans to disk that failed; the oldest are forgotten early instead.",
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

// observe publishes what the machine counted since the last time.
func (mt *metrics) observe(m *machine) {
	c := m.matcher.Counters()
	add := func(result string, now, before int64) {
		mt.counters.WithLabelValues(result).Add(float64(now - before))
	}
	add("taken", c.Spans, mt.last.Spans)
	add("duplicate", c.Duplicates, mt.last.Duplicates)
	mt.repeatedSpans.Add(float64(c.Duplicates - mt.last.Duplicates))
	add("parent_cycle", c.Cycles, mt.last.Cycles)
	add("overflow", c.Overflowed, mt.last.Overflowed)
	m.graph.drop(c.Overflowed - mt.last.Overflowed)
	add("corrected", c.Late, mt.last.Late)
	mt.evidence.Add(float64(c.Traces - mt.last.Traces))
	mt.overBudget.Add(float64(c.Skipped - mt.last.Skipped))
	over, edges := m.names.Over(), m.folder.OverEdges()
	add("over_node_limit", over.Nodes, mt.lastOver.Nodes)
	add("over_operation_limit", over.Operations, mt.lastOver.Operations)
	add("over_edge_limit", edges, mt.lastEdge)
	mt.last, mt.lastOver, mt.lastEdge = c, over, edges
	mt.remembered.Set(float64(c.Remembered))
	mt.spilled.Set(float64(c.Spilled))
	mt.waiting.Set(float64(c.Waiting))
	nodes, _ := m.names.Known()
	mt.nodes.Set(float64(nodes))
}

// nothing publishes that this process has no machine.
func (mt *metrics) nothing() {
	for _, g := range []prometheus.Gauge{mt.remembered, mt.spilled, mt.waiting, mt.nodes} {
		g.Set(0)
	}
}

// skip leaves out what the machine has counted up to now.
func (mt *metrics) skip(m *machine) {
	mt.last, mt.lastOver, mt.lastEdge = m.matcher.Counters(), m.names.Over(), m.folder.OverEdges()
}

func (mt *metrics) flushed(d time.Duration, rows int) {
	mt.flushSeconds.Observe(d.Seconds())
	mt.rowsWritten.Add(float64(rows))
}

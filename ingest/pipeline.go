package ingest

import (
	"context"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"faultline/graph"
	"faultline/ingest/exchange"
)

// pipelineValues are the metrics of which storage keeps a history, for the page that shows how spans fare on
// their way in: every loss, wait and limit.
var pipelineValues = []struct {
	name, metric, label, value string // of the metric only the series whose label has one of these values, or the sum of all
}{
	{"received_requests", "faultline_ingest_requests_total", "", ""},
	{"accepted_spans", "faultline_ingest_spans_total", "result", "accepted"},
	{"refused_requests", "faultline_ingest_requests_total", "code", "503 UNAVAILABLE"},
	{"rejected_spans_invalid_id", "faultline_ingest_rejected_spans_total", "reason", "invalid_id"},
	{"rejected_spans_no_timestamp", "faultline_ingest_rejected_spans_total", "reason", "no_timestamp"},
	{"rejected_spans_out_of_window", "faultline_ingest_rejected_spans_total", "reason", "out_of_window"},
	{"repaired_spans", "faultline_ingest_repaired_spans_total", "", ""},
	{"duplicate_requests", "faultline_ingest_duplicates_total", "level", "request"},
	{"duplicate_spans", "faultline_ingest_duplicates_total", "level", "span"},
	{"late_calls", "faultline_match_spans_total", "result", "corrected"},
	{"overflowed_spans", "faultline_match_spans_total", "result", "overflow"},
	{"over_limit_nodes", "faultline_match_spans_total", "result", "over_node_limit"},
	{"over_limit_operations", "faultline_match_spans_total", "result", "over_operation_limit"},
	{"over_limit_edges", "faultline_match_spans_total", "result", "over_edge_limit"},
	{"evidence_traces", "faultline_match_evidence_traces_total", "result", "kept"},
	{"evidence_skipped", "faultline_match_evidence_traces_total", "result", "over_budget"},
	{"stored_rows", "faultline_ingest_rows_written_total", "", ""},
	{"store_errors", "faultline_ingest_write_errors_total", "", ""},
	{"waiting_halves", "faultline_match_waiting_spans", "", ""},
	{"remembered_spans", "faultline_match_remembered_spans", "", ""},
	{"pending_rows", "faultline_ingest_pending_rows", "", ""},
	{"journal_bytes", "faultline_wal_bytes", "", ""},
	{"journal_max_bytes", "faultline_wal_limit_bytes", "", ""},
	{"memory_bytes", "process_resident_memory_bytes", "", ""},
}

// reportEvery is how often the counts are stored.
const reportEvery = 10 * time.Second

// report stores what this process has counted, again and again until ctx ends.
func (s *Service) report(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		attempt, done := context.WithTimeout(ctx, s.cfg.WriteTimeout)
		if err := s.writer.WritePipeline(attempt, s.pipeline()); err != nil && ctx.Err() == nil {
			s.log.Debug("counts of the pipeline not stored", "err", err) // the rows of the graph tell louder
		}
		done()
	}
}

// pipeline is what this process has counted by now.
func (s *Service) pipeline() graph.PipelineRow {
	now := time.Now()
	row := graph.PipelineRow{
		Replica: s.replica, Started: s.started, At: now, Version: s.version,
		Values: map[string]int64{"store_lag_ms": s.storeLag(now).Milliseconds(), "journal_lag_ms": s.journalLag(now).Milliseconds()},
	}
	families, err := s.gatherer.Gather()
	if err != nil {
		s.log.Debug("some metrics could not be read", "err", err)
	}
	byName := make(map[string]*dto.MetricFamily, len(families))
	for _, f := range families {
		byName[f.GetName()] = f
	}
	for _, v := range pipelineValues {
		if f := byName[v.metric]; f != nil {
			row.Values[v.name] = int64(sumOf(f, v.label, v.value))
		}
	}
	return row
}

// sumOf adds up the series of a metric that have the given value of a label, or all of them.
func sumOf(f *dto.MetricFamily, label, value string) (sum float64) {
	for _, m := range f.GetMetric() {
		match := label == ""
		for _, l := range m.GetLabel() {
			match = match || l.GetName() == label && slices.Contains(strings.Fields(value), l.GetValue())
		}
		if match {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// sharedLag is how far the log that several processes share may be behind without anything being amiss: an epoch has to
// end, everybody has to say so, and the next look at it has to come.
const sharedLag = 4 * exchange.Length

// storeLag is how old the oldest record is whose rows are not stored.
func (s *Service) storeLag(now time.Time) time.Duration {
	if matched := s.matched.Load(); matched > 0 && now.Sub(time.Unix(0, matched)) > sharedLag {
		return now.Sub(time.Unix(0, matched))
	}
	if stored := s.stored.Load(); stored > 0 && s.behind.Load() > stored {
		return now.Sub(time.Unix(0, stored))
	}
	return 0
}

// journalLag is how far the machine is behind the end of the journal.
func (s *Service) journalLag(now time.Time) time.Duration {
	if last := s.written.Load(); last > s.behind.Load() && s.behind.Load() > 0 {
		return now.Sub(time.Unix(0, s.behind.Load()))
	}
	return 0
}

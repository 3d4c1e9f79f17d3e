package clickhouse

import (
	"encoding/binary"

	"faultline/graph"
)

// Sampling weights are stored as whole multiples of these fractions: integer sums do not depend on the
// order of their terms, so two reads of one window give the same bytes, and a correction takes back exactly
// what it gave. With the largest weight (10 000) a group overflows after 1.4e10 sampled calls.
const (
	weightUnit        = 1.0 / (1 << 16)
	weightSquaredUnit = 1.0 / (1 << 8)
)

// statsRow receives the columns of sql/stats.sql.
type statsRow struct {
	graph.Stats
	weight, weightSquared int64
	client, server        histogramBytes
}

// histogramBytes is a histogram as it travels: little-endian arrays of UInt16 indices and Int64 counts.
type histogramBytes struct{ indices, counts []byte }

// countTargets are where Scan puts the columns of the template counts.
func (r *statsRow) countTargets() []any {
	return []any{&r.Calls, &r.Failed, &r.Throttled, &r.ClientErrors, &r.Timeouts, &r.Resends, &r.Sampled,
		&r.weight, &r.weightSquared}
}

// clientTargets and serverTargets are where Scan puts the columns of the template histogram.
func (r *statsRow) clientTargets() []any { return []any{&r.client.indices, &r.client.counts} }
func (r *statsRow) serverTargets() []any { return []any{&r.server.indices, &r.server.counts} }

// decode returns what was scanned. Histograms not asked for are those of the row before: a statement asks
// for the same columns in every row.
func (r *statsRow) decode(bins *graph.Bins) graph.Stats {
	s := r.Stats
	s.Weight = float64(r.weight) * weightUnit
	s.WeightSquared = float64(r.weightSquared) * weightSquaredUnit
	s.Client = decodeHistogram(bins, r.client)
	s.Server = decodeHistogram(bins, r.server)
	return s
}

// decodeHistogram returns the histogram without the buckets that corrections have emptied.
func decodeHistogram(bins *graph.Bins, b histogramBytes) graph.Histogram {
	n := len(b.indices) / 2
	if n == 0 {
		return nil
	}
	h := bins.Cut(n)
	for i := range n {
		if count := int64(binary.LittleEndian.Uint64(b.counts[8*i:])); count != 0 {
			h = append(h, graph.Bin{Index: binary.LittleEndian.Uint16(b.indices[2*i:]), N: count})
		}
	}
	if len(h) == 0 {
		return nil
	}
	return h[:len(h):len(h)]
}

package clickhouse

import (
	"bytes"
	"cmp"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

func compareNodes(a, b *graph.NodeRow) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
}

func appendNode(batch driver.Batch, r *graph.NodeRow) error {
	return batch.Append(r.Tenant, uint64(r.ID), string(r.Type), r.Name, r.Namespace, r.Environment, r.System,
		r.Address, r.Tier, r.LastSeen, r.LastSeen)
}

func compareOperations(a, b *graph.OperationRow) int {
	return cmp.Or(
		cmp.Compare(a.Tenant, b.Tenant), a.Bucket.Compare(b.Bucket), cmp.Compare(a.Node, b.Node),
		cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Version, b.Version))
}

func appendOperation(batch driver.Batch, r *graph.OperationRow) error {
	return batch.Append(r.Tenant, r.Bucket, uint64(r.Node), r.Operation, r.Version,
		lastSeen(r.Bucket, &r.Stats),
		r.Calls, r.Failed, r.Throttled, r.ClientErrors, r.Timeouts, r.Resends, r.Sampled,
		units(r.Weight, weightUnit), units(r.WeightSquared, weightSquaredUnit),
		histogram(r.Server))
}

func compareCallSites(a, b *graph.CallSiteRow) int {
	return cmp.Or(
		cmp.Compare(a.Tenant, b.Tenant), a.Bucket.Compare(b.Bucket), compareKeys(&a.EdgeKey, &b.EdgeKey),
		cmp.Compare(a.CallerOperation, b.CallerOperation), cmp.Compare(a.CalleeOperation, b.CalleeOperation))
}

func appendCallSite(batch driver.Batch, r *graph.CallSiteRow) error {
	return batch.Append(r.Tenant, r.Bucket, uint64(r.Caller), uint64(r.Callee), r.Protocol, string(r.Mode), uint64(r.Via),
		r.CallerOperation, r.CalleeOperation, uint8(r.Basis),
		lastSeen(r.Bucket, &r.Stats),
		r.Calls, r.Failed, r.Throttled, r.ClientErrors, r.Timeouts, r.Resends, r.Sampled,
		units(r.Weight, weightUnit), units(r.WeightSquared, weightSquaredUnit),
		histogram(r.Client), histogram(r.Server))
}

func compareOutcomes(a, b *graph.OutcomeRow) int {
	return cmp.Or(
		cmp.Compare(a.Tenant, b.Tenant), a.Bucket.Compare(b.Bucket), cmp.Compare(a.Caller, b.Caller),
		cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Callee, b.Callee))
}

func appendOutcome(batch driver.Batch, r *graph.OutcomeRow) error {
	values := make([]any, 0, 6+len(graph.OutcomeCounterNames)+9)
	values = append(values, r.Tenant, r.Bucket, uint64(r.Caller), r.Operation, r.Version, uint64(r.Callee))
	for _, n := range r.Counters() {
		values = append(values, n)
	}
	for _, h := range r.Histograms() {
		values = append(values, histogram(*h))
	}
	for _, id := range r.Traces() {
		values = append(values, storedTrace(id))
	}
	return batch.Append(values...)
}

// noTrace stands for no trace in columns of which the least counts.
var noTrace = graph.TraceID([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))

// storedTrace is a least trace id as it is stored.
func storedTrace(id *graph.TraceID) []byte {
	if *id == (graph.TraceID{}) {
		return noTrace[:]
	}
	return id[:]
}

func compareHalves(a, b *graph.HalfRow) int {
	return cmp.Or(
		cmp.Compare(a.Tenant, b.Tenant), a.Bucket.Compare(b.Bucket), cmp.Compare(a.Node, b.Node),
		cmp.Compare(a.Side, b.Side), cmp.Compare(a.Fate, b.Fate))
}

func appendHalf(batch driver.Batch, r *graph.HalfRow) error {
	return batch.Append(r.Tenant, r.Bucket, uint64(r.Node), string(r.Side), string(r.Fate), r.N)
}

func startOf(r *graph.SpanRow) time.Time { return time.Unix(0, r.Start) }

func compareSpans(a, b *graph.SpanRow) int {
	return cmp.Or(
		cmp.Compare(a.Tenant, b.Tenant), bytes.Compare(a.Trace[:], b.Trace[:]), cmp.Compare(a.Start, b.Start),
		bytes.Compare(a.ID[:], b.ID[:]), cmp.Compare(a.Kind, b.Kind))
}

func appendSpan(batch driver.Batch, r *graph.SpanRow) error {
	return batch.Append(r.Tenant, r.Trace[:], r.ID[:], r.Parent[:], startOf(r), int64(r.Duration), uint64(r.Node),
		r.Operation, uint8(r.Kind), uint16(r.Outcome), r.Protocol, uint64(r.Caller), uint64(r.Callee), string(r.Why))
}

// lastSeen is the bucket of a row that adds calls. A correction is no sign of life.
func lastSeen(bucket time.Time, s *graph.Stats) time.Time {
	if s.Calls > 0 {
		return bucket
	}
	return time.Unix(0, 0)
}

// units is x as a whole number of units.
func units(x, unit float64) int64 { return int64(math.Round(x / unit)) }

// histogram lets the driver read a graph.Histogram as a Map without making one.
type histogram graph.Histogram

// Iterator is called once for each row.
func (h histogram) Iterator() column.MapIterator { return &histogramIterator{bins: h, at: -1} }

// Put is part of the driver's interface for scanning, which is not done with this type.
func (h histogram) Put(any, any) { panic("a histogram is only written") }

type histogramIterator struct {
	bins histogram
	at   int
}

func (i *histogramIterator) Next() bool { i.at++; return i.at < len(i.bins) }
func (i *histogramIterator) Key() any   { return i.bins[i.at].Index }
func (i *histogramIterator) Value() any { return i.bins[i.at].N }

package cascade

import (
	"slices"
	"time"

	"faultline/graph"
)

// Rows are what was seen of a system in some buckets, in any order.
type Rows struct {
	Operations []graph.OperationRow
	Calls      []graph.CallSiteRow
	Outcomes   []graph.OutcomeRow
}

// byBucket yields the rows of each bucket, the earliest first.
func (r Rows) byBucket(yield func(time.Time, Rows) bool) {
	sortByBucket(r.Operations, func(r *graph.OperationRow) time.Time { return r.Bucket })
	sortByBucket(r.Calls, func(r *graph.CallSiteRow) time.Time { return r.Bucket })
	for len(r.Operations) > 0 || len(r.Calls) > 0 {
		var bucket time.Time
		if len(r.Operations) > 0 {
			bucket = r.Operations[0].Bucket
		}
		if len(r.Calls) > 0 && (len(r.Operations) == 0 || r.Calls[0].Bucket.Before(bucket)) {
			bucket = r.Calls[0].Bucket
		}
		n, m := 0, 0
		for n < len(r.Operations) && r.Operations[n].Bucket.Equal(bucket) {
			n++
		}
		for m < len(r.Calls) && r.Calls[m].Bucket.Equal(bucket) {
			m++
		}
		if !yield(bucket, Rows{Operations: r.Operations[:n], Calls: r.Calls[:m]}) {
			return
		}
		r.Operations, r.Calls = r.Operations[n:], r.Calls[m:]
	}
}

// sortByBucket sorts rows, which mostly are of one bucket.
func sortByBucket[T any](rows []T, bucket func(*T) time.Time) {
	for i := 1; i < len(rows); i++ {
		if bucket(&rows[i]).Before(bucket(&rows[i-1])) {
			slices.SortStableFunc(rows, func(a, b T) int { return bucket(&a).Compare(bucket(&b)) })
			return
		}
	}
}

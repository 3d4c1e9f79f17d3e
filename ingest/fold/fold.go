// Package fold makes of export requests what ingest would have stored of them in the end, without a journal and without
// a database: spans go through the decoder, the matcher and the folder of ingest, and come out as rows.
package fold

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"time"

	"faultline/graph"
	"faultline/graph/match"
	"faultline/graph/rollup"
	"faultline/ingest/otlp"
)

// Tenant is the tenant of all rows.
const Tenant = "default"

// Request is the body of one export request.
type Request struct {
	At       time.Time // of its arrival; zero: the latest end of a span in it or before it
	Encoding otlp.Encoding
	Body     []byte
}

// Tables are the rows that storage would hold in the end: one for each key, corrections applied.
type Tables struct {
	Nodes      map[graph.NodeID]graph.Node
	CallSites  []graph.CallSiteRow
	Operations []graph.OperationRow
	Outcomes   []graph.OutcomeRow // by minute
	Halves     []graph.HalfRow
	Spans      []graph.SpanRow // of the traces kept as evidence
}

// Requests takes export requests in, one after the other, and returns what storage would hold once all of them
// had been matched.
func Requests(cfg match.Config, requests iter.Seq[Request]) (Tables, error) {
	names := match.NewNames(cfg.Limits)
	folder := rollup.New(rollup.DefaultConfig(), names)
	matcher := match.New(cfg, names, folder)
	decode := otlp.DefaultDecodeConfig()
	decode.MaxAge = 100 * 365 * 24 * time.Hour // recorded traces may be old
	decoder := otlp.NewDecoder(decode)
	var now time.Time
	for r := range requests {
		at := r.At
		if at.IsZero() {
			at = now
		}
		batch, err := decoder.Traces(bytes.Clone(r.Body), r.Encoding, time.Now())
		if err != nil {
			return Tables{}, fmt.Errorf("decode: %w", err)
		}
		if r.At.IsZero() {
			for i := range batch.Spans {
				if end := time.Unix(0, batch.Spans[i].Start).Add(batch.Spans[i].Duration); end.After(at) {
					at = end
				}
			}
		}
		if at.After(now) {
			now = at
			matcher.Advance(now)
		}
		for i := range batch.Spans {
			matcher.Add(Tenant, &batch.Spans[i])
		}
	}
	for range 4 { // until every call has settled and all that waited has been inferred
		now = now.Add(cfg.Keep)
		matcher.Advance(now)
	}
	return sum(folder.Flush()), nil
}

// sum takes the rows of a block that add up to nothing away. There is one block, so every key is in it once.
func sum(b graph.Block) Tables {
	t := Tables{
		Nodes:      map[graph.NodeID]graph.Node{},
		CallSites:  slices.DeleteFunc(b.CallSites, func(r graph.CallSiteRow) bool { return r.Calls == 0 }),
		Operations: slices.DeleteFunc(b.Operations, func(r graph.OperationRow) bool { return r.Calls == 0 }),
		Outcomes:   slices.DeleteFunc(b.Outcomes, func(r graph.OutcomeRow) bool { return r.Empty() }),
		Halves:     b.Halves,
		Spans:      b.Spans,
	}
	for i := range b.Nodes {
		t.Nodes[b.Nodes[i].ID] = b.Nodes[i].Node
	}
	slices.SortStableFunc(t.Outcomes, func(a, b graph.OutcomeRow) int { return a.Bucket.Compare(b.Bucket) })
	return t
}

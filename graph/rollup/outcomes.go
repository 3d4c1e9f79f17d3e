package rollup

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"faultline/graph"
	"faultline/graph/match"
)

type outcomeKey struct {
	node        match.NodeRef
	op, version match.NameRef
	callee      match.NodeRef
	bucket      int64
}

func (k outcomeKey) hash() uint64 {
	return mix(pair(uint32(k.node), uint32(k.op)), pair(uint32(k.version), uint32(k.callee))^uint64(k.bucket)<<20)
}

type halfKey struct {
	node   match.NodeRef
	end    endRef
	bucket int64
}

func (k halfKey) hash() uint64 { return mix(pair(uint32(k.node), uint32(k.end)), uint64(k.bucket)) }

// end is how a half of a call ended. There are few.
type end struct {
	side graph.Side
	fate graph.Fate
}

type endRef uint32

func minuteOf(ns int64) int64 {
	step := int64(graph.OutcomeStep / time.Second)
	s := ns / int64(time.Second)
	return s - s%step
}

// Outcome adds o.
func (f *Folder) Outcome(o *match.Outcome) {
	k := outcomeKey{o.Node, o.Op, o.Version, o.Callee, minuteOf(o.Start)}
	r := f.outcomes.find(k)
	if r == nil {
		r = f.outcomes.add(k)
	}
	r.AddCounters(o.N, &o.OutcomeStats)
	for _, d := range o.FailedTimes {
		r.FailedTimes.Observe(d, o.N)
	}
	for _, d := range o.Gaps {
		r.Gaps.Observe(d, o.N)
	}
	for _, x := range o.GapRatios {
		r.GapRatios.Observe(time.Duration(x)*time.Microsecond, o.N)
	}
	for _, x := range o.Tries {
		r.Tries.Observe(time.Duration(x)*time.Microsecond, o.N)
	}
	for _, d := range o.Patience {
		r.Patience.Observe(d, o.N)
	}
	if o.N > 0 {
		r.AddTraces(&o.OutcomeStats)
	}
}

// Half adds h.
func (f *Folder) Half(h *match.Half) {
	k := halfKey{h.Node, f.endOf(end{h.Side, h.Fate}), minuteOf(h.Start)}
	n := f.halves.find(k)
	if n == nil {
		n = f.halves.add(k)
	}
	*n += h.N
}

func (f *Folder) endOf(e end) endRef {
	i := slices.Index(f.ends, e)
	if i < 0 {
		i = len(f.ends)
		f.ends = append(f.ends, e)
	}
	return endRef(i)
}

// Evidence adds a span of a trace that is kept.
func (f *Folder) Evidence(s *match.Evidence) {
	_, tenant, id, _ := f.names.Node(s.Node)
	f.spans = append(f.spans, graph.SpanRow{
		Tenant: tenant, Trace: s.Trace, ID: s.ID, Parent: s.Parent, Start: s.Start, Duration: time.Duration(s.Duration),
		Node: id, Operation: f.names.Name(s.Op), Kind: s.Kind, Outcome: s.Outcome, Protocol: s.Protocol,
		Caller: f.names.ID(s.Caller), Callee: f.names.ID(s.Callee), Why: s.Why,
	})
	f.see(s.Node, bucketOf(s.Start))
}

// flushOutcomes moves what was found out about requests into b.
func (f *Folder) flushOutcomes(b *graph.Block) {
	for i, k := range f.outcomes.keys {
		r := &f.outcomes.list[i]
		if r.Empty() {
			continue
		}
		_, tenant, id, _ := f.names.Node(k.node)
		b.Outcomes = append(b.Outcomes, graph.OutcomeRow{
			Tenant: tenant, Bucket: time.Unix(k.bucket, 0).UTC(), Caller: id, Operation: f.names.Name(k.op),
			Version: f.names.Name(k.version), Callee: f.names.ID(k.callee), OutcomeStats: *r,
		})
	}
	for i, k := range f.halves.keys {
		n := f.halves.list[i]
		if n == 0 {
			continue
		}
		_, tenant, id, _ := f.names.Node(k.node)
		b.Halves = append(b.Halves, graph.HalfRow{
			Tenant: tenant, Bucket: time.Unix(k.bucket, 0).UTC(), Node: id, Side: f.ends[k.end].side, Fate: f.ends[k.end].fate, N: n,
		})
	}
	b.Spans, f.spans = f.spans, nil
	f.outcomes.reset()
	f.halves.reset()
	slices.SortFunc(b.Outcomes, func(x, y graph.OutcomeRow) int {
		return cmp.Or(
			cmp.Compare(x.Tenant, y.Tenant), x.Bucket.Compare(y.Bucket), cmp.Compare(x.Caller, y.Caller),
			cmp.Compare(x.Operation, y.Operation), cmp.Compare(x.Version, y.Version), cmp.Compare(x.Callee, y.Callee),
		)
	})
	slices.SortFunc(b.Halves, func(x, y graph.HalfRow) int {
		return cmp.Or(
			cmp.Compare(x.Tenant, y.Tenant), x.Bucket.Compare(y.Bucket), cmp.Compare(x.Node, y.Node),
			cmp.Compare(x.Side, y.Side), cmp.Compare(x.Fate, y.Fate),
		)
	})
	slices.SortFunc(b.Spans, func(x, y graph.SpanRow) int {
		return cmp.Or(
			cmp.Compare(x.Tenant, y.Tenant), bytes.Compare(x.Trace[:], y.Trace[:]), cmp.Compare(x.Start, y.Start),
			bytes.Compare(x.ID[:], y.ID[:]), cmp.Compare(x.Kind, y.Kind),
		)
	})
}

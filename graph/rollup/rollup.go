// Package rollup folds calls and requests into rows: one for each pair of operations, and for each
// operation, in a bucket of graph.Step, and one for each call site's outcomes in one of graph.OutcomeStep. What it holds grows with the number of different rows and not with
// the number of calls. It is pure, and equal input gives equal blocks, row for row.
package rollup

import (
	"cmp"
	"math"
	"slices"
	"time"

	"faultline/graph"
	"faultline/graph/match"
)

// Config bounds a Folder.
type Config struct {
	Edges     int           `yaml:"edges"`      // edges seen in about a day; calls on more go to a callee named __other__
	NodeEvery time.Duration `yaml:"node_every"` // how often a node that lives is written again
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return Config{Edges: 100_000, NodeEvery: time.Minute} }

// Folder sums what a Matcher says until it is flushed. It is not safe for concurrent use.
type Folder struct {
	cfg        Config
	names      *match.Names
	calls      rows[callKey, row]
	requests   rows[requestKey, row]
	outcomes   rows[outcomeKey, graph.OutcomeStats]
	halves     rows[halfKey, int64]
	aliases    map[aliasKey]int64
	ends       []end
	spans      []graph.SpanRow
	edges      map[edgeKey]struct{}
	overEdges  int64
	edgesSince int64 // hour from which edges are
	ways       []way
	byWay      map[way]wayRef
	seen       map[match.NodeRef]int64 // nodes to write, with their latest bucket
	written    []int64                 // by node: the bucket with which it was last written, or never
}

type edgeKey struct {
	caller, callee, via match.NodeRef
	way                 wayRef
}

type callKey struct {
	edgeKey
	callerOp, calleeOp match.NameRef
	bucket             int64 // Unix s
}

func (k callKey) hash() uint64 {
	h := mix(pair(uint32(k.caller), uint32(k.callee)), pair(uint32(k.callerOp), uint32(k.calleeOp)))
	return mix(h^uint64(k.bucket), pair(uint32(k.via), uint32(k.way)))
}

// way is how calls of an edge are made. There are few: a Matcher tells a few protocols apart.
type way struct {
	protocol string
	mode     graph.Mode
}

type wayRef uint32

// never is a bucket before all others.
const never = math.MinInt64 / 2

type requestKey struct {
	node        match.NodeRef
	op, version match.NameRef
	bucket      int64
}

func (k requestKey) hash() uint64 {
	return mix(pair(uint32(k.node), uint32(k.op)), pair(uint32(k.version), 0)^uint64(k.bucket))
}

// row is what calls and requests add up to. The histograms of its Stats are made when it is flushed.
type row struct {
	graph.Stats
	client, server times
	basis          graph.Basis
}

// stats returns what was added up.
func (r *row) stats() graph.Stats {
	s := r.Stats
	s.Client, s.Server = r.client.histogram(), r.server.histogram()
	return s
}

var _ match.Sink = (*Folder)(nil)

// New returns an empty Folder of calls between the nodes of names.
func New(cfg Config, names *match.Names) *Folder {
	return &Folder{
		cfg: cfg, names: names, aliases: map[aliasKey]int64{}, edges: map[edgeKey]struct{}{}, byWay: map[way]wayRef{}, seen: map[match.NodeRef]int64{},
	}
}

// Rows is how many rows the next flush would write.
func (f *Folder) Rows() int {
	return f.calls.len() + f.requests.len() + f.outcomes.len() + f.halves.len() + len(f.spans)
}

// OverEdges counts the calls that the limit on edges turned to __other__.
func (f *Folder) OverEdges() int64 { return f.overEdges }

func bucketOf(ns int64) int64 {
	step := int64(graph.Step / time.Second)
	s := ns / int64(time.Second)
	return s - s%step
}

// Call adds c.
func (f *Folder) Call(c *match.Call) {
	k := callKey{
		edgeKey:  edgeKey{c.Caller, c.Callee, c.Via, f.wayOf(c.Protocol, c.Mode)},
		callerOp: c.CallerOp, calleeOp: c.CalleeOp, bucket: bucketOf(c.Start),
	}
	r := f.calls.find(k)
	if r == nil {
		if f.isOver(k.edgeKey) {
			f.overEdges++
			k.callee = f.names.OtherOf(c.Callee)
			r = f.calls.find(k)
		}
		if r == nil {
			r = f.calls.add(k)
		}
	}
	r.basis |= c.Basis
	r.add(c.N, c.Outcome, c.Weight)
	f.learn(c)
	if c.ClientTime >= 0 {
		r.client.observe(c.ClientTime, c.N)
	}
	if c.ServerTime >= 0 {
		r.server.observe(c.ServerTime, c.N)
	}
	for _, n := range [...]match.NodeRef{k.caller, k.callee, k.via} {
		f.see(n, k.bucket)
	}
}

// isOver reports whether there are as many edges as may be and k is none of them. Else k is from now on.
func (f *Folder) isOver(k edgeKey) bool {
	if _, known := f.edges[k]; known {
		return false
	}
	if len(f.edges) >= f.cfg.Edges {
		if f.names.Hour()-f.edgesSince < 24 {
			return true
		}
		clear(f.edges) // those in use are soon in it again
	}
	if len(f.edges) == 0 {
		f.edgesSince = f.names.Hour()
	}
	f.edges[k] = struct{}{}
	return false
}

func (f *Folder) wayOf(protocol string, mode graph.Mode) wayRef {
	w := way{protocol, mode}
	for i := range f.ways[:min(len(f.ways), 8)] {
		if f.ways[i] == w {
			return wayRef(i)
		}
	}
	ref, known := f.byWay[w]
	if !known {
		ref = wayRef(len(f.ways))
		f.ways = append(f.ways, w)
		f.byWay[w] = ref
	}
	return ref
}

// Request adds r.
func (f *Folder) Request(q *match.Request) {
	k := requestKey{q.Node, q.Op, q.Version, bucketOf(q.Start)}
	r := f.requests.find(k)
	if r == nil {
		r = f.requests.add(k)
	}
	r.add(q.N, q.Outcome, q.Weight)
	r.server.observe(q.ServerTime, q.N)
	f.see(k.node, k.bucket)
}

func (f *Folder) see(n match.NodeRef, bucket int64) {
	if n == 0 {
		return
	}
	if int(n) < len(f.written) && bucket-f.written[n] < int64(f.cfg.NodeEvery/time.Second) {
		return
	}
	f.seen[n] = max(f.seen[n], bucket)
}

// wrote notes that a node is written.
func (f *Folder) wrote(n match.NodeRef, bucket int64) {
	for int(n) >= len(f.written) {
		f.written = append(f.written, never)
	}
	f.written[n] = max(f.written[n], bucket)
}

func (r *row) add(n int64, o graph.Outcome, weight float32) {
	r.Calls += n
	if o&counted != 0 {
		r.addBits(n, o)
	}
	w := float64(weight)
	r.Weight += w * float64(n)
	r.WeightSquared += w * w * float64(n)
}

const counted = graph.Failed | graph.Throttled | graph.ClientError | graph.TimedOut | graph.Resent | graph.SamplingKnown

func (r *row) addBits(n int64, o graph.Outcome) {
	for _, c := range [...]struct {
		bit graph.Outcome
		to  *int64
	}{
		{graph.Failed, &r.Failed}, {graph.Throttled, &r.Throttled}, {graph.ClientError, &r.ClientErrors},
		{graph.TimedOut, &r.Timeouts}, {graph.Resent, &r.Resends}, {graph.SamplingKnown, &r.Sampled},
	} {
		if o&c.bit != 0 {
			*c.to += n
		}
	}
}

// empty reports whether all that was added to a row was also taken back. Weights follow from the rest; as sums of
// floats they may come back to almost zero only.
func empty(r *graph.Stats) bool {
	return r.Calls == 0 && r.Failed == 0 && r.Throttled == 0 && r.ClientErrors == 0 && r.Timeouts == 0 && r.Resends == 0 &&
		r.Sampled == 0 && len(r.Client) == 0 && len(r.Server) == 0
}

// Flush returns all rows, in a fixed order, and starts anew. The block has no token yet.
func (f *Folder) Flush() graph.Block {
	b := graph.Block{
		CallSites:  make([]graph.CallSiteRow, 0, f.calls.len()),
		Operations: make([]graph.OperationRow, 0, f.requests.len()),
		Nodes:      make([]graph.NodeRow, 0, len(f.seen)),
		Outcomes:   make([]graph.OutcomeRow, 0, f.outcomes.len()),
		Halves:     make([]graph.HalfRow, 0, f.halves.len()),
	}
	for i, k := range f.calls.keys {
		r := &f.calls.list[i]
		stats := r.stats()
		if empty(&stats) {
			continue
		}
		_, tenant, caller, _ := f.names.Node(k.caller)
		b.CallSites = append(b.CallSites, graph.CallSiteRow{
			Tenant: tenant, Bucket: time.Unix(k.bucket, 0).UTC(),
			EdgeKey: graph.EdgeKey{
				Caller: caller, Callee: f.names.ID(k.callee), Via: f.names.ID(k.via),
				Protocol: f.ways[k.way].protocol, Mode: f.ways[k.way].mode,
			},
			CallerOperation: f.names.Name(k.callerOp), CalleeOperation: f.names.Name(k.calleeOp),
			Basis: r.basis, Stats: stats,
		})
	}
	for i, k := range f.requests.keys {
		stats := f.requests.list[i].stats()
		if empty(&stats) {
			continue
		}
		_, tenant, id, _ := f.names.Node(k.node)
		b.Operations = append(b.Operations, graph.OperationRow{
			Tenant: tenant, Bucket: time.Unix(k.bucket, 0).UTC(), Node: id,
			Operation: f.names.Name(k.op), Version: f.names.Name(k.version), Stats: stats,
		})
	}
	for n, bucket := range f.seen {
		nd, tenant, id, tier := f.names.Node(n)
		b.Nodes = append(b.Nodes, graph.NodeRow{
			Tenant: tenant, ID: id, Node: nd, Tier: tier, LastSeen: time.Unix(bucket, 0).UTC(),
		})
		f.wrote(n, bucket)
	}
	f.flushOutcomes(&b)
	f.flushAliases(&b)
	f.calls.reset()
	f.requests.reset()
	clear(f.seen)
	sort(&b)
	return b
}

func sort(b *graph.Block) {
	slices.SortFunc(b.CallSites, func(x, y graph.CallSiteRow) int {
		return cmp.Or(
			cmp.Compare(x.Tenant, y.Tenant), x.Bucket.Compare(y.Bucket), cmp.Compare(x.Caller, y.Caller),
			cmp.Compare(x.Callee, y.Callee), cmp.Compare(x.Via, y.Via), cmp.Compare(x.Protocol, y.Protocol),
			cmp.Compare(x.Mode, y.Mode), cmp.Compare(x.CallerOperation, y.CallerOperation),
			cmp.Compare(x.CalleeOperation, y.CalleeOperation),
		)
	})
	slices.SortFunc(b.Operations, func(x, y graph.OperationRow) int {
		return cmp.Or(
			cmp.Compare(x.Tenant, y.Tenant), x.Bucket.Compare(y.Bucket), cmp.Compare(x.Node, y.Node),
			cmp.Compare(x.Operation, y.Operation), cmp.Compare(x.Version, y.Version),
		)
	})
	slices.SortFunc(b.Nodes, func(x, y graph.NodeRow) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.ID, y.ID))
	})
}

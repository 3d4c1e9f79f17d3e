package ingest

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/graph"
	"faultline/graph/match"
)

// serviceGraph is the traces_service_graph_* family that Grafana's service graph reads, made from the same
// calls as the rest. Counters never go down, as Prometheus demands: a call that is taken back because its
// partner came after all stays counted here, next to the right one.
type serviceGraph struct {
	most     int // series
	mu       sync.Mutex
	series   map[sgKey]*sgSeries
	byEnds   map[uint64]*sgSeries // the same, by what is hashed fast: see endsOf
	unpaired float64
	dropped  float64
	swept    time.Time
}

type sgKey struct {
	client, server, connection, clientNamespace, serverNamespace string
}

// endsOf are the ends of a call by their numbers in Names, of which there are far fewer than 2^31, and its mode.
func endsOf(c *match.Call) uint64 {
	ends := uint64(c.Caller)<<32 | uint64(c.Callee)<<1
	if c.Mode == graph.Async {
		ends |= 1
	}
	return ends
}

type sgSeries struct {
	skip             bool // counted elsewhere
	unpaired         bool // calls of it have one half only
	requests, failed float64
	client, server   sgHistogram
	touched          bool      // since the last sweep
	seen             time.Time // at the last sweep after it was touched
}

type sgHistogram struct {
	counts [len(sgBuckets)]float64 // not cumulative
	sum, n float64
}

// sgBuckets are the bounds, in seconds, that Grafana's panels and the Collector's connector use.
var sgBuckets = [...]float64{0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15}

const (
	sgIdle     = 15 * time.Minute
	sgSweep    = time.Minute // between two looks for what is idle
	sgMostEnds = 200_000     // that series are found by without looking at names
)

// elsewhere stands for all calls that are counted elsewhere.
var elsewhere = &sgSeries{skip: true}

var sgLabels = []string{"client", "server", "connection_type", "client_service_namespace", "server_service_namespace"}

func sgDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("traces_service_graph_"+name, help, sgLabels, nil)
}

var (
	sgRequests = sgDesc("request_total", "Calls between two nodes, weighted by their sampling probability.")
	sgFailed   = sgDesc("request_failed_total", "Failed calls between two nodes, weighted likewise.")
	sgClient   = sgDesc("request_client_seconds", "Duration of calls as the client measured it.")
	sgServer   = sgDesc("request_server_seconds", "Duration of calls as the server measured it.")
	sgUnpaired = prometheus.NewDesc("traces_service_graph_unpaired_spans_total", "Spans whose other half did not come within the wait.", nil, nil)
	sgDropped  = prometheus.NewDesc("traces_service_graph_dropped_spans_total", "Spans forgotten before their wait was over, for want of room.", nil, nil)
)

func newServiceGraph(most int) *serviceGraph {
	return &serviceGraph{most: most, series: map[sgKey]*sgSeries{}, byEnds: map[uint64]*sgSeries{}}
}

// count counts c, in terms of names. It needs mu, which whoever counts many calls takes once.
func (g *serviceGraph) count(names *match.Names, c *match.Call) {
	if c.N <= 0 {
		return
	}
	n := float64(c.N) * float64(c.Weight)
	ends := endsOf(c)
	s := g.byEnds[ends]
	if s == nil {
		if len(g.byEnds) >= sgMostEnds {
			clear(g.byEnds) // it fills again with those that are called
		}
		s = g.open(names, c)
		g.byEnds[ends] = s
	}
	if s.skip {
		return
	}
	s.touched = true
	if s.unpaired {
		g.unpaired += float64(c.N)
	}
	s.requests += n
	if c.Outcome&graph.Failed != 0 {
		s.failed += n
	}
	s.client.observe(c.ClientTime, n)
	s.server.observe(c.ServerTime, n)
}

// open returns the series of c. Messages count from producer to consumer, not to and from their queue.
func (g *serviceGraph) open(names *match.Names, c *match.Call) *sgSeries {
	caller, _, _, _ := names.Node(c.Caller)
	callee, _, _, _ := names.Node(c.Callee)
	if caller.Type == graph.TypeQueue || callee.Type == graph.TypeQueue {
		return elsewhere
	}
	k := sgKey{caller.Name, callee.Name, connectionType(caller, callee, c.Mode), caller.Namespace, callee.Namespace}
	s := g.series[k]
	if s == nil && len(g.series) >= g.most {
		k = sgKey{client: graph.Other, server: graph.Other}
		s = g.series[k]
	}
	if s == nil {
		s = &sgSeries{unpaired: callee.Type == graph.TypeExternal || caller.Type == graph.TypeUnknown}
		g.series[k] = s
	}
	return s
}

// renumber forgets by what numbers nodes were known: from now on they have others.
func (g *serviceGraph) renumber() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.byEnds)
}

// sweep drops series that were idle for long. It needs mu.
func (g *serviceGraph) sweep(now time.Time) {
	if now.Sub(g.swept) < sgSweep {
		return
	}
	g.swept = now
	for k, s := range g.series {
		switch {
		case s.touched || s.seen.IsZero():
			s.touched, s.seen = false, now
		case now.Sub(s.seen) > sgIdle:
			delete(g.series, k)
			clear(g.byEnds)
		}
	}
}

// drop counts spans that were forgotten early.
func (g *serviceGraph) drop(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dropped += float64(n)
	g.sweep(time.Now()) // here as well, since perhaps nobody reads the metrics
}

func connectionType(caller, callee graph.Node, mode graph.Mode) string {
	switch {
	case callee.Type == graph.TypeDatabase || callee.Type == graph.TypeCache:
		return "database"
	case mode == graph.Async:
		return "messaging_system"
	case caller.Type != graph.TypeService || callee.Type != graph.TypeService:
		return "virtual_node"
	}
	return ""
}

func (h *sgHistogram) observe(d time.Duration, n float64) {
	if d < 0 {
		return
	}
	h.sum += d.Seconds() * n
	h.n += n
	if i, _ := slices.BinarySearch(sgBuckets[:], d.Seconds()); i < len(sgBuckets) {
		h.counts[i] += n
	}
}

// Describe implements prometheus.Collector.
func (g *serviceGraph) Describe(ch chan<- *prometheus.Desc) {
	ch <- sgRequests
	ch <- sgFailed
	ch <- sgClient
	ch <- sgServer
	ch <- sgUnpaired
	ch <- sgDropped
}

// Collect implements prometheus.Collector. Series idle for 15 minutes are dropped.
func (g *serviceGraph) Collect(ch chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(time.Now())
	ch <- prometheus.MustNewConstMetric(sgUnpaired, prometheus.CounterValue, g.unpaired)
	ch <- prometheus.MustNewConstMetric(sgDropped, prometheus.CounterValue, g.dropped)
	for k, s := range g.series {
		labels := []string{k.client, k.server, k.connection, k.clientNamespace, k.serverNamespace}
		ch <- prometheus.MustNewConstMetric(sgRequests, prometheus.CounterValue, s.requests, labels...)
		ch <- prometheus.MustNewConstMetric(sgFailed, prometheus.CounterValue, s.failed, labels...)
		s.client.collect(ch, sgClient, labels)
		s.server.collect(ch, sgServer, labels)
	}
}

func (h *sgHistogram) collect(ch chan<- prometheus.Metric, desc *prometheus.Desc, labels []string) {
	buckets := make(map[float64]uint64, len(sgBuckets))
	var below float64
	for i, le := range sgBuckets {
		below += h.counts[i]
		buckets[le] = uint64(below)
	}
	ch <- prometheus.MustNewConstHistogram(desc, uint64(h.n), h.sum, buckets, labels...)
}

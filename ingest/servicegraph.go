package ingest

import (
	"slices"
	"sync"
	"time"

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
	clientTimes      sgHistogram
	serverTimes      sgHistogram
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
	s.clientTimes.observe(c.ClientTime, n)
	s.serverTimes.observe(c.ServerTime, n)
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

package audit

import (
	"math"

	"faultline/graph"
)

type poolKey struct{ caller, callee graph.NodeID }

// pool follows what becomes of a service's other operations while one of its dependencies is slow: whether they
// wait in the same queue.
type pool struct {
	tick     int64   // the latest bucket of the episode under way
	sum, n   float64 // of ln of how many times slower they were
	shared   int64   // episodes in which they were slower
	isolated int64
	worst    float64
}

const (
	sharedPool   = 2.0 // times slower
	isolatedPool = 1.2
	leastOthers  = 3 // operations times buckets
	gap          = 3 // buckets that end an episode
	leastCalm    = 10
)

// lookAtPools takes in one bucket. An operation tells nothing if it calls the slow dependency too, or if what it
// calls itself is ill.
func (a *Auditor) lookAtPools(sites []*site) {
	seen := map[poolKey]bool{}
	for _, s := range sites {
		k := poolKey{s.Caller, s.Callee}
		if !s.now.slow || s.sync < s.async || seen[k] {
			continue
		}
		seen[k] = true
		p := a.pools[k]
		if p == nil {
			if len(a.pools) >= a.cfg.Sites {
				continue
			}
			p = &pool{}
			a.pools[k] = p
		}
		if a.tick-p.tick > gap {
			p.end()
		}
		p.tick = a.tick
		for _, o := range a.node(s.Caller).operations {
			if o.now.tick == a.tick && o.now.n >= leastCalm && o.usual.known() && o.isApartFrom(s.Callee, a.tick) {
				p.sum += o.now.ln90 - o.usual.ln90
				p.n++
			}
		}
	}
}

// isApartFrom reports whether the operation does without a callee, and none of those that it calls is ill.
func (o *operation) isApartFrom(callee graph.NodeID, tick int64) bool {
	for _, s := range o.sites {
		if s.Callee == callee || s.now.tick == tick && (s.now.slow || float64(s.now.failed) > wellShare*float64(s.now.calls)) {
			return false
		}
	}
	return true
}

// end decides the episode under way.
func (p *pool) end() {
	switch ratio := math.Exp(p.sum / max(p.n, 1)); {
	case p.n < leastOthers: // it tells nothing
	case ratio > sharedPool:
		p.shared++
		p.worst = max(p.worst, ratio)
	case ratio < isolatedPool:
		p.isolated++
	}
	p.sum, p.n = 0, 0
}

// bulkhead is the check of a service, by its dependencies.
func (a *Auditor) bulkhead(checks map[graph.NodeID]*Check) {
	for k, p := range a.pools {
		if a.tick-p.tick > gap {
			p.end()
		}
		c := checks[k.caller]
		if c == nil {
			continue
		}
		c.Evidence += p.shared + p.isolated
		switch {
		case p.shared >= leastEpisodes && p.shared > p.isolated:
			if c.State != Risk || p.worst > c.Value {
				c.Value = p.worst
			}
			c.State = Risk
			c.Nodes = sorted(append(c.Nodes, k.callee))
		case p.isolated >= leastEpisodes && p.shared == 0 && c.State == Unknown:
			c.State = Pass
		case p.shared > 0 && c.State == Pass:
			c.State = Unknown
		}
	}
}

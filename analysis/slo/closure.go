package slo

import (
	"math/bits"

	"faultline/graph"
	"faultline/graph/spread"
)

// closure is all on which some operations depend, directly or by way of others.
type closure struct {
	model  *model
	system *spread.System
	live   []float64 // by site: the probability that a failure of the callee is fatal to a request of the caller
}

// closureOf walks down from operations.
func (m *model) closureOf(about []*Operation, requests int64) *closure {
	c := &closure{model: m}
	var sites []spread.Site
	var entries []spread.Entry
	seen := map[spread.Operation]bool{}
	var queue []spread.Operation
	reach := func(o spread.Operation) {
		if !seen[o] {
			seen[o] = true
			queue = append(queue, o)
		}
	}
	for _, o := range about {
		entries = append(entries, spread.Entry{Operation: o.Operation, Weight: share(o.Requests, requests)})
		reach(o.Operation)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		o := m.operations[queue[0]]
		if o == nil {
			continue
		}
		for i := range o.Sites {
			s := &o.Sites[i]
			live := share(s.Requests, o.Requests) * s.hardness()
			if live == 0 {
				continue
			}
			sites = append(sites, spread.Site{Caller: o.Node, Operation: o.Name, Callee: s.Callee, To: s.To})
			c.live = append(c.live, live)
			for _, to := range s.targets() {
				reach(spread.Operation{Node: s.Callee, Name: to.Operation})
			}
		}
	}
	c.system = spread.New(sites, entries)
	return c
}

// unavailable is the share of requests that fail if every operation in the closure fails for its own reasons as
// often as it did, independently of the others. What several dependencies share fails them together and counts once. Failures of one
// callee are survived by the operations asked about; 0: of none.
func (c *closure) unavailable(survived graph.NodeID) float64 {
	asked := map[spread.Operation]bool{}
	for i := range c.system.Entries {
		asked[c.system.Entries[i].Operation] = true
	}
	lots := c.system.Draw(0, func(site, _ int) float64 {
		s := &c.system.Sites[site]
		if s.Callee == survived && asked[spread.Operation{Node: s.Caller, Name: s.Operation}] {
			return 0
		}
		return c.live[site]
	})
	total := 0.0
	var memory *spread.Reach
	for i := range c.system.Entries {
		memory = lots.Reach(i, memory)
		var works [spread.Worlds]float64 // probability that the request of a world does not fail
		for w := range works {
			works[w] = 1
		}
		memory.Operations(func(o spread.Operation, worlds spread.Mask) {
			if fails := c.model.fails(o); fails > 0 {
				for w, word := range worlds {
					for ; word != 0; word &= word - 1 {
						works[64*w+bits.TrailingZeros64(word)] *= 1 - fails
					}
				}
			}
		})
		for _, p := range works {
			total += c.system.Entries[i].Weight * (1 - p) / spread.Worlds
		}
	}
	return total
}

// fails is how often an operation fails for its own reasons. What sends no spans fails as often as calls to it do, or as
// its objective allows.
func (m *model) fails(o spread.Operation) float64 {
	if own, known := m.own[o]; known {
		return own
	}
	if budget, known := m.promised[spread.Operation{Node: o.Node}]; known {
		return budget
	}
	f := m.leaves[o]
	return share(f.failed, f.requests)
}

package audit

import (
	"cmp"
	"slices"

	"faultline/graph"
)

// swapKey is a pair of callees of one operation, of which the second may be called in place of the first.
type swapKey struct {
	operationKey
	failed, instead graph.NodeID
}

// swap counts, over the minutes in which only one callee failed.
type swap struct {
	failures float64 // requests that it failed
	requests float64 // all of the operation
	used     float64 // requests that called the other
}

func (w *swap) halve() { w.failures, w.requests, w.used = w.failures/2, w.requests/2, w.used/2 }

const (
	leastSwaps  = 5
	swapShare   = 0.5
	swapFactor  = 5.0
	survives    = 0.9
	mostInstead = 0.2 // share of requests that call it anyway; more would hide what is called in place of another
)

// swap takes in a minute of an operation: which callees failed requests in it, and which were called.
func (a *Auditor) swap(k operationKey, rows []*graph.OutcomeRow) {
	o := a.operation(k.node, k.name)
	if o == nil {
		return
	}
	var requests, failures float64
	var failed graph.NodeID
	several := false
	used := map[graph.NodeID]float64{}
	for _, r := range rows {
		if r.Callee == 0 {
			requests += float64(r.Requests)
			continue
		}
		used[r.Callee] += float64(r.Requests)
		if n := r.TotalFatal + r.TotalSurvived + r.ContestedFatal + r.ContestedSurvived + r.PartialFatal + r.PartialSurvived; n > 0 {
			several = several || failed != 0 && failed != r.Callee
			failed = r.Callee
			failures += float64(n)
		}
	}
	switch {
	case requests == 0 || several:
	case failed == 0:
		o.calm += requests
		for callee, n := range used {
			if s := a.sites[Site{k.node, k.name, callee}]; s != nil {
				s.alone += n
			}
		}
	default:
		for _, s := range o.sites {
			if s.Callee == failed || s.alone > mostInstead*o.calm {
				continue
			}
			key := swapKey{k, failed, s.Callee}
			w := a.swaps[key]
			if w == nil {
				if len(a.swaps) >= a.cfg.Sites {
					continue
				}
				w = &swap{}
				a.swaps[key] = w
			}
			w.failures += failures
			w.requests += requests
			w.used += used[s.Callee]
		}
	}
}

// instead is the callee that is called when another fails, with how probable that is; 0: none is known.
func (a *Auditor) instead(s *site) (to graph.NodeID, share float64) {
	o := a.operations[operationKey{s.Caller, s.Operation}]
	if o == nil || o.calm == 0 {
		return 0, 0
	}
	for _, x := range o.sites {
		w := a.swaps[swapKey{o.operationKey, s.Callee, x.Callee}]
		if w == nil || w.failures < leastSwaps {
			continue
		}
		usually := x.alone / o.calm
		extra := w.used - usually*w.requests
		p := min(usually+max(extra, 0)/w.failures, 1)
		if extra >= leastSwaps && p >= swapShare && p >= swapFactor*usually && (p > share || p == share && x.Callee < to) {
			to, share = x.Callee, p
		}
	}
	return to, share
}

// fallback is the share of failures that requests survive, and what is called instead.
func (a *Auditor) fallback(s *site) Check {
	st := &s.stats
	c := Check{Practice: Fallback, State: Unknown, Evidence: st.TotalFatal + st.TotalSurvived}
	if c.Evidence < leastFailures {
		return c
	}
	c.Value = float64(st.TotalSurvived) / float64(c.Evidence)
	to, _ := a.instead(s)
	if to != 0 {
		c.Nodes = []graph.NodeID{to}
	}
	switch {
	case c.Value > survives, to != 0 && c.Value > 0.5:
		c.State = Pass
	case c.Value < 1-survives:
		c.State = Risk
	}
	return c
}

func bySite(x, y Site) int {
	return cmp.Or(cmp.Compare(x.Caller, y.Caller), cmp.Compare(x.Operation, y.Operation), cmp.Compare(x.Callee, y.Callee))
}

func sorted(nodes []graph.NodeID) []graph.NodeID {
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

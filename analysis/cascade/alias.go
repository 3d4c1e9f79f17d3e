package cascade

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"faultline/graph"
)

// ends are two nodes, one of which calls the other.
type ends struct{ caller, callee graph.NodeID }

func compareEnds(a, b ends) int {
	return cmp.Or(cmp.Compare(a.caller, b.caller), cmp.Compare(a.callee, b.callee))
}

// counted is how many calls there were, and how many of them were answered.
type counted struct{ calls, answered float64 }

// aliases says who stands behind a node that only its callers tell of: of a caller's calls with one name that
// were answered, all but a hundredth and at least twenty went to one service, so unanswered ones of that
// name went there too (R7). A dead service leaves nothing but such calls.
func aliases(calls iter.Seq2[call, counted]) map[ends]graph.NodeID {
	type name struct {
		caller graph.NodeID
		callee string
	}
	answers := map[name]map[graph.NodeID]float64{} // of names of which some are unanswered
	for k, c := range calls {
		if c.answered == 0 && k.callee.name != "" {
			answers[name{k.caller.node, k.callee.name}] = map[graph.NodeID]float64{}
		}
	}
	for k, c := range calls {
		if by := answers[name{k.caller.node, k.callee.name}]; by != nil && c.answered > 0 {
			by[k.callee.node] += c.calls
		}
	}
	found := map[ends]graph.NodeID{}
	for k, c := range calls {
		if c.answered > 0 {
			continue
		}
		var all, most float64
		var by graph.NodeID
		answered := answers[name{k.caller.node, k.callee.name}]
		for _, node := range slices.Sorted(maps.Keys(answered)) {
			n := answered[node]
			if all += n; n > most {
				most, by = n, node
			}
		}
		e := ends{k.caller.node, k.callee.node}
		switch before, known := found[e]; {
		case all < 20 || most < 0.99*all:
		case !known:
			found[e] = by
		case before != by:
			found[e] = k.callee.node // it stands for several
		}
	}
	return found
}

// countedIn yields the calls of two samples.
func countedIn(base, now *Sample) iter.Seq2[call, counted] {
	return func(yield func(call, counted) bool) {
		for k := range merged(base.calls, now.calls) {
			var sum counted
			for _, c := range []*callSum{base.calls[k], now.calls[k]} {
				if c != nil {
					sum = counted{sum.calls + c.calls, sum.answered + c.server.n}
				}
			}
			if !yield(k, sum) {
				return
			}
		}
	}
}

func named(names map[ends]graph.NodeID, caller, callee graph.NodeID) graph.NodeID {
	if n, ok := names[ends{caller, callee}]; ok {
		return n
	}
	return callee
}

package cascade

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mathext"

	"faultline/graph"
)

// Member is an operation, or the calls of a node to another, that is ill.
type Member struct {
	Node      graph.NodeID
	Operation string
	Callee    graph.NodeID // 0: it is about the operation, else about all calls of the node to this one
	Sign      Sign
	Bad       float64 // requests or calls that fail or are slow, as many as were seen
	Requests  float64 // of this many
	Before    float64 // share that was bad before
	Onset     time.Time
}

// Share is the share of requests that is bad.
func (m *Member) Share() float64 { return m.Bad / m.Requests }

func (m *Member) subject() Member {
	return Member{Node: m.Node, Operation: m.Operation, Callee: m.Callee, Sign: m.Sign}
}

// What it takes to call something ill. Counts of failures are more spread than chance alone makes them: requests
// come in sessions and retries, and share hosts. So their variance is taken to be that of a beta-binomial
// count with this correlation (analysis specification, I). Some millions of series and looks a day leave no
// room for a probability that is not tiny.
const (
	byChance    = 1e-8  // probability of as many bad ones that is too small to be chance
	alarmAt     = 5.0   // standard errors by which a mean must grow
	correlation = 0.005 // between any two requests
	leastBad    = 5     // requests
	leastRate   = 0.001 // of failures that is usual everywhere
	leastSlow   = 0.01  // likewise, of slow requests
	leastShare  = 0.02  // of requests that must be bad
)

// ill reports whether k bad ones of n are more than the usual share explains: by a Poisson count, spread like a
// beta-binomial one.
func ill(k, n, usual float64) bool {
	if k < leastBad || k < leastShare*n || k <= n*usual {
		return false
	}
	spread := 1 + (n-1)*correlation
	return mathext.GammaIncReg(k/spread, n*usual/spread) < byChance
}

// symptoms finds what is ill, in a fixed order.
func symptoms(base, now *Sample, names map[ends]graph.NodeID) (members []Member) {
	for k, n := range now.operations {
		b := base.operations[k]
		if b == nil || b.requests < leastKnown {
			continue // nothing is known of what is usual
		}
		usual := max(b.failed/b.requests, leastRate)
		if ill(n.failed, n.requests, usual) {
			members = append(members, Member{Node: k.node, Operation: k.name, Sign: Failing, Bad: n.failed, Requests: n.requests, Before: b.failed / b.requests})
			continue
		}
		limit, _ := slowAbove(b)
		before := above(b.times, limit) / b.requests
		if slow := above(n.times, limit); ill(slow, n.requests, max(before, leastSlow)) {
			members = append(members, Member{Node: k.node, Operation: k.name, Sign: Slow, Bad: slow, Requests: n.requests, Before: before})
		}
	}
	before := base.edges(names)
	for e, n := range now.edges(names) {
		b := before[e]
		switch {
		case b == nil || b.calls < leastKnown:
		case ill(n.failed, n.calls, max(b.failed/b.calls, leastRate)):
			members = append(members, Member{Node: e.caller, Callee: e.callee, Sign: Failing, Bad: n.failed, Requests: n.calls, Before: b.failed / b.calls})
		case longer(&b.client, &n.client):
			members = append(members, Member{Node: e.caller, Callee: e.callee, Sign: Slow, Bad: n.calls, Requests: n.calls})
		}
	}
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Callee, b.Callee), cmp.Compare(a.Operation, b.Operation))
	})
	return members
}

// edges sums calls by the nodes at their ends.
func (s *Sample) edges(names map[ends]graph.NodeID) map[ends]*callSum {
	sums := map[ends]*callSum{}
	for k, c := range s.calls {
		if c.async {
			continue
		}
		e := at(sums, ends{k.caller.node, named(names, k.caller.node, k.callee.node)})
		e.calls += c.calls
		e.failed += c.failed
		e.client.add(c.client, 1)
	}
	return sums
}

// longer reports whether calls take half as long again, and five milliseconds more, and that not by chance.
func longer(before, now *timing) bool {
	if before.n < leastKnown || now.n < leastKnown/2 {
		return false
	}
	d := now.mean() - before.mean()
	spread := (before.errorOfMean() + now.errorOfMean()) * (1 + now.n*correlation)
	return d > max(before.mean()/2, 5000) && d > alarmAt*math.Sqrt(spread)
}

// leastKnown is how many requests must have been seen to know what is usual.
const leastKnown = 20

// groups puts members together that are connected by calls between ill nodes.
func groups(members []Member, now *Sample, names map[ends]graph.NodeID) (found []map[graph.NodeID]bool) {
	parent := map[graph.NodeID]graph.NodeID{}
	var root func(n graph.NodeID) graph.NodeID
	root = func(n graph.NodeID) graph.NodeID {
		if parent[n] != n {
			parent[n] = root(parent[n])
		}
		return parent[n]
	}
	for i := range members {
		for _, n := range []graph.NodeID{members[i].Node, members[i].Callee} {
			if _, known := parent[n]; n != 0 && !known {
				parent[n] = n
			}
		}
	}
	for k := range now.calls {
		a, b := k.caller.node, named(names, k.caller.node, k.callee.node)
		if _, illA := parent[a]; illA {
			if _, illB := parent[b]; illB {
				if x, y := root(a), root(b); x != y {
					parent[max(x, y)] = min(x, y)
				}
			}
		}
	}
	byRoot := map[graph.NodeID]int{}
	nodes := make([]graph.NodeID, 0, len(parent))
	for n := range parent {
		nodes = append(nodes, n)
	}
	slices.Sort(nodes)
	for _, n := range nodes {
		r := root(n)
		i, known := byRoot[r]
		if !known {
			i = len(found)
			byRoot[r] = i
			found = append(found, map[graph.NodeID]bool{})
		}
		found[i][n] = true
	}
	return found
}

// within is the part of s that is about some nodes and what they call.
func (s *Sample) within(nodes map[graph.NodeID]bool) *Sample {
	part := NewSample()
	for k, o := range s.operations {
		if nodes[k.node] {
			part.operations[k] = o
		}
	}
	for k, c := range s.calls {
		if nodes[k.caller.node] {
			part.calls[k] = c
			if o := s.operations[k.callee]; o != nil { // its own time tells whether it or somebody below is slow
				part.operations[k.callee] = o
			}
		}
	}
	for k, g := range s.groups {
		if nodes[k.node] {
			part.groups[k] = g
		}
	}
	return part
}

package change

import (
	"cmp"
	"slices"

	"faultline/graph"
)

// cycles finds the circles of services waiting for each other that a new edge has closed.
func (c *comparison) cycles() {
	if len(c.newEdges) == 0 {
		return
	}
	callees := map[graph.NodeID][]graph.NodeID{}
	for k, e := range c.q.edges {
		if e.sync >= leastCalls {
			callees[k.caller] = append(callees[k.caller], k.callee)
		}
	}
	for _, to := range callees {
		slices.Sort(to)
	}
	told := map[graph.NodeID]bool{} // nodes on circles that were told: a circle is told once
	slices.SortFunc(c.newEdges, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.caller, b.caller), cmp.Compare(a.callee, b.callee))
	})
	circles := components(callees)
	for _, k := range c.newEdges {
		in, isIn := circles[k.caller]
		if to, on := circles[k.callee]; !isIn || !on || in != to || c.q.edges[k].sync < leastCalls {
			continue
		}
		cycle := path(callees, k.callee, k.caller)
		if !slices.ContainsFunc(cycle, func(id graph.NodeID) bool { return !told[id] }) {
			continue
		}
		for _, id := range cycle {
			told[id] = true
		}
		c.report.Items = append(c.report.Items, Item{
			Kind: CycleNew, Rating: Risk, Node: k.caller, Callee: k.callee, Edge: c.q.edges[k].key, Cycle: cycle,
			After: Measure{Value: float64(c.q.edges[k].Calls)},
		})
	}
}

// path is a shortest way along calls, both ends included; nil if there is none.
func path(callees map[graph.NodeID][]graph.NodeID, from, to graph.NodeID) []graph.NodeID {
	before := map[graph.NodeID]graph.NodeID{from: from}
	for queue := []graph.NodeID{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			way := []graph.NodeID{at}
			for at != from {
				at = before[at]
				way = append(way, at)
			}
			slices.Reverse(way)
			return way
		}
		for _, next := range callees[at] {
			if _, seen := before[next]; !seen {
				before[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// components numbers the nodes that lie on a circle: those with equal numbers reach each other (Tarjan's
// algorithm, with a stack of its own because chains may be long).
func components(callees map[graph.NodeID][]graph.NodeID) map[graph.NodeID]int {
	type frame struct {
		node graph.NodeID
		next int
	}
	index, low, onStack := map[graph.NodeID]int{}, map[graph.NodeID]int{}, map[graph.NodeID]bool{}
	component := map[graph.NodeID]int{}
	var stack []graph.NodeID
	number := 0
	for root := range callees {
		if _, seen := index[root]; seen {
			continue
		}
		for calls := []frame{{node: root}}; len(calls) > 0; {
			f := &calls[len(calls)-1]
			if f.next == 0 {
				if _, seen := index[f.node]; !seen {
					index[f.node], low[f.node] = len(index), len(index)
					stack, onStack[f.node] = append(stack, f.node), true
				}
			}
			if f.next < len(callees[f.node]) {
				to := callees[f.node][f.next]
				f.next++
				if _, seen := index[to]; !seen {
					calls = append(calls, frame{node: to})
				} else if onStack[to] {
					low[f.node] = min(low[f.node], index[to])
				}
				continue
			}
			node := f.node
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				up := calls[len(calls)-1].node
				low[up] = min(low[up], low[node])
			}
			if low[node] != index[node] {
				continue
			}
			alone := stack[len(stack)-1] == node
			for popped := graph.NodeID(0); popped != node; {
				popped, stack = stack[len(stack)-1], stack[:len(stack)-1]
				onStack[popped] = false
				if !alone {
					component[popped] = number
				}
			}
			number++
		}
	}
	return component
}

// hardEntries are the entries that go down when a node does, along dependencies that are hard now.
func (c *comparison) hardEntries(node graph.NodeID) (entries []graph.NodeID) {
	if c.callers == nil {
		c.callers = map[graph.NodeID][]graph.NodeID{}
		for k := range c.q.edges {
			if c.known.Hard(k.caller, k.callee) {
				c.callers[k.callee] = append(c.callers[k.callee], k.caller)
			}
		}
	}
	reached := map[graph.NodeID]bool{node: true}
	for queue := []graph.NodeID{node}; len(queue) > 0; queue = queue[1:] {
		if slices.Contains(c.known.Entries, queue[0]) {
			entries = append(entries, queue[0])
		}
		for _, caller := range c.callers[queue[0]] {
			if !reached[caller] {
				reached[caller] = true
				queue = append(queue, caller)
			}
		}
	}
	slices.Sort(entries)
	return entries
}

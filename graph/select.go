package graph

import (
	"fmt"
	"slices"
)

// Selection says which part of a Graph is wanted. The zero value is all of it, with queues shown and calls
// of services to themselves left out.
type Selection struct {
	Environments, Namespaces []string // empty: all
	Types                    []NodeType
	Focus                    NodeID // with Depth: the nodes within so many hops of this one, in either direction
	Depth                    int
	CollapseQueues           bool // producer → consumer in place of producer → queue → consumer
	Self                     bool // keep calls of services to themselves
	Limit                    int  // keep the busiest nodes only; 0: all
}

// Selected is the part of a Graph that a Selection chose.
type Selected struct {
	Graph
	TotalNodes, TotalEdges int    // before any selection
	TruncatedBy            string // "limit" when Limit cut nodes off
}

// Select returns the part of g that s asks for: a set of nodes and all edges between them, so that no edge
// between two nodes shown is ever missing. A Focus that is not in g is ErrNotFound.
func (g Graph) Select(s Selection) (Selected, error) {
	nodes, edges := g.view(s)
	out := Selected{Graph: Graph{Window: g.Window, Step: g.Step}, TotalNodes: len(nodes), TotalEdges: len(edges)}

	keep := s.filter(nodes, edges)
	if s.Focus != 0 {
		if !slices.ContainsFunc(nodes, func(n NodeStats) bool { return n.ID() == s.Focus }) {
			return Selected{}, fmt.Errorf("node %s to focus on: %w", s.Focus, ErrNotFound)
		}
		keep[s.Focus] = true
		near := within(s.Focus, max(s.Depth, 1), edges, keep)
		for id := range keep {
			keep[id] = near[id]
		}
	}
	for _, n := range nodes {
		id := n.ID()
		if !keep[id] {
			continue
		}
		if s.Limit > 0 && len(out.Nodes) >= s.Limit && id != s.Focus {
			out.TruncatedBy = "limit"
			keep[id] = false
			continue
		}
		out.Nodes = append(out.Nodes, n)
	}
	for _, e := range edges {
		if keep[e.Caller] && keep[e.Callee] {
			out.Edges = append(out.Edges, e)
		}
	}
	return out, nil
}

// view returns the nodes and edges of g with queues shown or collapsed and self calls kept or not.
func (g Graph) view(s Selection) ([]NodeStats, []Edge) {
	queue := map[NodeID]bool{}
	if s.CollapseQueues {
		for _, n := range g.Nodes {
			if n.Type == TypeQueue {
				queue[n.ID()] = true
			}
		}
	}
	edges := make([]Edge, 0, len(g.Edges))
	for _, e := range g.Edges {
		switch {
		case e.Caller == e.Callee && !s.Self:
		case e.Via != 0 && !s.CollapseQueues:
		case queue[e.Caller] || queue[e.Callee]:
		default:
			edges = append(edges, e)
		}
	}
	nodes := g.Nodes
	if len(queue) > 0 {
		nodes = slices.DeleteFunc(slices.Clone(nodes), func(n NodeStats) bool { return queue[n.ID()] })
	}
	return nodes, edges
}

// filter returns the nodes that pass. An inferred node has no namespace of its own: it passes the filter of
// namespaces beside any node that does.
func (s Selection) filter(nodes []NodeStats, edges []Edge) map[NodeID]bool {
	keep := make(map[NodeID]bool, len(nodes))
	follow := map[NodeID]bool{}
	for _, n := range nodes {
		if !passes(s.Environments, n.Environment) || !passes(s.Types, n.Type) {
			continue
		}
		if passes(s.Namespaces, n.Namespace) {
			keep[n.ID()] = true
		} else if n.Namespace == "" && n.Type != TypeService {
			follow[n.ID()] = true
		}
	}
	if len(follow) == 0 {
		return keep
	}
	beside := map[NodeID]bool{}
	for _, e := range edges {
		if follow[e.Callee] && keep[e.Caller] {
			beside[e.Callee] = true
		}
		if follow[e.Caller] && keep[e.Callee] {
			beside[e.Caller] = true
		}
	}
	for id := range beside {
		keep[id] = true
	}
	return keep
}

func passes[T comparable](wanted []T, v T) bool {
	return len(wanted) == 0 || slices.Contains(wanted, v)
}

// within returns the kept nodes at most depth hops from start, callers and callees alike.
func within(start NodeID, depth int, edges []Edge, keep map[NodeID]bool) map[NodeID]bool {
	next := map[NodeID][]NodeID{}
	for _, e := range edges {
		if keep[e.Caller] && keep[e.Callee] {
			next[e.Caller] = append(next[e.Caller], e.Callee)
			next[e.Callee] = append(next[e.Callee], e.Caller)
		}
	}
	near := map[NodeID]bool{start: true}
	front := []NodeID{start}
	for ; depth > 0 && len(front) > 0; depth-- {
		var further []NodeID
		for _, at := range front {
			for _, n := range next[at] {
				if !near[n] {
					near[n] = true
					further = append(further, n)
				}
			}
		}
		front = further
	}
	return near
}

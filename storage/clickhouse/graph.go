package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"faultline/graph"
)

// Graph returns the dependency graph of the tenant in w, which is moved outward to whole buckets: of 10 s,
// or longer ones for a long window or one that begins when shorter buckets are no longer kept. Edges
// of a service to itself and collapsed edges (with Via) are included. What corrections have brought down to
// no calls is left out. A window without traffic gives an empty graph.
func (s *Store) Graph(ctx context.Context, tenant string, w graph.Window) (g graph.Graph, err error) {
	defer func(start time.Time) { s.metrics.asked("graph", start, err) }(time.Now())
	g.Window, g.Step, err = s.plan(w)
	if err != nil {
		return graph.Graph{}, err
	}
	params := coverParams(tenant, cover(g.Window))
	if g.Edges, err = s.edges(ctx, params); err != nil {
		return graph.Graph{}, fmt.Errorf("select edges: %w", err)
	}
	served, err := s.served(ctx, params)
	if err != nil {
		return graph.Graph{}, fmt.Errorf("select what nodes served: %w", err)
	}
	names, err := s.nodes(ctx, tenant)
	if err != nil {
		return graph.Graph{}, fmt.Errorf("select nodes: %w", err)
	}
	edges := len(g.Edges)
	g.Edges = slices.DeleteFunc(g.Edges, func(e graph.Edge) bool { return !named(&e, names) })
	if n := edges - len(g.Edges); n > 0 {
		s.log.Error("edges left out because a node at their ends was never stored", "edges", n, "tenant", tenant)
	}
	g.Nodes = nodesOf(g.Edges, served, names)
	return g, nil
}

func (s *Store) edges(ctx context.Context, params clickhouse.Parameters) ([]graph.Edge, error) {
	var (
		edges []graph.Edge
		bins  binArena
		row   statsRow
		e     graph.Edge
		key   = keyTargets{EdgeKey: &e.EdgeKey}
	)
	targets := append(key.targets(), (*uint8)(&e.Basis), &e.LastSeen)
	targets = slices.Concat(targets, row.countTargets(), row.clientTargets(), row.serverTargets())
	err := s.query(ctx, selectEdges, params, func(rows driver.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		e.Stats = row.decode(&bins)
		edges = append(edges, e)
		return nil
	})
	return edges, err
}

// keyTargets is where Scan puts the columns of an edge's key.
type keyTargets struct{ *graph.EdgeKey }

func (k keyTargets) targets() []any {
	return []any{(*uint64)(&k.Caller), (*uint64)(&k.Callee), &k.Protocol, (*string)(&k.Mode), (*uint64)(&k.Via)}
}

// seen is what a node did in a window.
type seen struct {
	last time.Time
	graph.Stats
}

func (s *Store) served(ctx context.Context, params clickhouse.Parameters) (map[graph.NodeID]*seen, error) {
	var (
		served  = map[graph.NodeID]*seen{}
		bins    binArena
		row     statsRow
		id      uint64
		last    time.Time
		targets = slices.Concat([]any{&id, &last}, row.countTargets(), row.serverTargets())
	)
	err := s.query(ctx, selectServed, params, func(rows driver.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		served[graph.NodeID(id)] = &seen{last: last, Stats: row.decode(&bins)}
		return nil
	})
	return served, err
}

func (s *Store) nodes(ctx context.Context, tenant string) (map[graph.NodeID]graph.Node, error) {
	var (
		nodes = map[graph.NodeID]graph.Node{}
		id    uint64
		n     graph.Node
	)
	params := clickhouse.Parameters{"tenant": escape(tenant)}
	err := s.query(ctx, selectNodes, params, func(rows driver.Rows) error {
		if err := rows.Scan(&id, (*string)(&n.Type), &n.Name, &n.Namespace, &n.Environment, &n.System, &n.Address); err != nil {
			return err
		}
		nodes[graph.NodeID(id)] = n
		return nil
	})
	return nodes, err
}

// named reports whether the nodes of e are known. They are written before their edges and outlive them.
func named(e *graph.Edge, names map[graph.NodeID]graph.Node) bool {
	for _, id := range [...]graph.NodeID{e.Caller, e.Callee, e.Via} {
		if _, ok := names[id]; !ok && id != 0 {
			return false
		}
	}
	return true
}

// nodesOf returns every node that served something or is an end of an edge, busiest first. It adds to
// served. A service is described by its own spans, any other node by what its callers measured; a collapsed
// edge adds nothing, since it repeats calls that the edges at the queue count.
func nodesOf(edges []graph.Edge, served map[graph.NodeID]*seen, names map[graph.NodeID]graph.Node) []graph.NodeStats {
	touch := func(id graph.NodeID, at time.Time) *seen {
		n := served[id]
		if n == nil {
			n = &seen{}
			served[id] = n
		}
		if at.After(n.last) {
			n.last = at
		}
		return n
	}
	for i := range edges {
		e := &edges[i]
		touch(e.Caller, e.LastSeen)
		callee := touch(e.Callee, e.LastSeen)
		if e.Via != 0 {
			touch(e.Via, e.LastSeen)
		} else if names[e.Callee].Type != graph.TypeService {
			callee.Add(&e.Stats)
		}
	}
	ids := slices.SortedFunc(maps.Keys(served), func(a, b graph.NodeID) int {
		return cmp.Or(cmp.Compare(served[b].Calls, served[a].Calls), cmp.Compare(a, b))
	})
	nodes := make([]graph.NodeStats, 0, len(ids))
	for _, id := range ids {
		if name, ok := names[id]; ok {
			nodes = append(nodes, graph.NodeStats{Node: name, LastSeen: served[id].last, Stats: served[id].Stats})
		}
	}
	return nodes
}

package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

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
	served, err := s.served(ctx, params)
	if err != nil {
		return graph.Graph{}, fmt.Errorf("select what nodes served: %w", err)
	}
	if g.Edges, err = s.edges(ctx, params, 1+len(served)/nodesPerSlice); err != nil {
		return graph.Graph{}, fmt.Errorf("select edges: %w", err)
	}
	aliases, err := s.aliases(ctx, tenant, g.Window)
	if err != nil {
		return graph.Graph{}, err
	}
	g.Edges = busiestFirst(aliases.Resolve(g.Edges))
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
	first, err := s.first(ctx, tenant)
	if err != nil {
		return graph.Graph{}, err
	}
	if g.Since = g.Window.From; first.After(g.Since) && first.Before(g.Window.To) {
		g.Since = first
	}
	return g, nil
}

// The edges of a large graph are read in slices, so that what the server holds while it adds up their
// histograms (some 5 kB an edge) does not grow with the graph.
const (
	nodesPerSlice = 1500
	slicesAtOnce  = 2
)

// edges selects all edges in n slices. Node ids are hashes, so equal ranges of them hold
// about as many callers each; and the rows of a bucket are stored in the order of their callers, so that a
// slice reads little more than its own.
func (s *Store) edges(ctx context.Context, params clickhouse.Parameters, n int) ([]graph.Edge, error) {
	parts := make([][]graph.Edge, n)
	width := math.MaxUint64 / uint64(n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(slicesAtOnce)
	for i := range parts {
		first, last := uint64(i)*width, uint64(i+1)*width-1
		if i == n-1 {
			last = math.MaxUint64
		}
		group.Go(func() (err error) {
			parts[i], err = s.edgesOf(ctx, params, first, last)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// busiestFirst returns edges in the order in which a graph has them.
func busiestFirst(edges []graph.Edge) []graph.Edge {
	busiest := make([]*graph.Edge, len(edges)) // an edge is large, a pointer to it is quickly moved
	for i := range edges {
		busiest[i] = &edges[i]
	}
	slices.SortFunc(busiest, func(a, b *graph.Edge) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), compareKeys(&a.EdgeKey, &b.EdgeKey))
	})
	sorted := make([]graph.Edge, len(edges))
	for i, e := range busiest {
		sorted[i] = *e
	}
	return sorted
}

func compareKeys(a, b *graph.EdgeKey) int {
	return cmp.Or(
		cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Callee, b.Callee),
		cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Mode, b.Mode), cmp.Compare(a.Via, b.Via))
}

// edgesOf selects the edges whose callers have ids from first to last.
func (s *Store) edgesOf(ctx context.Context, params clickhouse.Parameters, first, last uint64) ([]graph.Edge, error) {
	var (
		edges []graph.Edge
		bins  graph.Bins
		row   statsRow
		e     graph.Edge
		key   = keyTargets{EdgeKey: &e.EdgeKey}
	)
	params = maps.Clone(params)
	params["first"], params["last"] = strconv.FormatUint(first, 10), strconv.FormatUint(last, 10)
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
		bins    graph.Bins
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
	return s.scanNodes(ctx, selectNodes, clickhouse.Parameters{"tenant": escape(tenant)})
}

// nodesAmong returns the nodes with the given ids, without those that were never stored.
func (s *Store) nodesAmong(ctx context.Context, tenant string, ids []graph.NodeID) (map[graph.NodeID]graph.Node, error) {
	return s.scanNodes(ctx, selectNodesAmong, clickhouse.Parameters{"tenant": escape(tenant), "nodes": formatIDs(ids)})
}

func (s *Store) scanNodes(ctx context.Context, statement string, params clickhouse.Parameters) (map[graph.NodeID]graph.Node, error) {
	var (
		nodes = map[graph.NodeID]graph.Node{}
		id    uint64
		n     graph.Node
	)
	err := s.query(ctx, statement, params, func(rows driver.Rows) error {
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

package change

import (
	"cmp"
	"slices"

	"faultline/graph"
)

// Snapshot is what was seen of a system in one window, or of one version of a service.
type Snapshot struct {
	window     graph.Window
	nodes      map[graph.NodeID]graph.Node
	requests   map[graph.NodeID]float64 // that a node served
	made       map[graph.NodeID]float64 // calls that it made
	received   map[graph.NodeID]float64 // calls to it that others counted
	operations map[operation]*graph.Stats
	versions   map[graph.NodeID]map[string]float64 // requests by version
	edges      map[pair]*edge
	meant      map[graph.Alias]graph.NodeID
}

type operation struct {
	node graph.NodeID
	name string
}

type pair struct{ caller, callee graph.NodeID }

// edge is all calls of a caller to a callee, whatever the protocol.
type edge struct {
	graph.Stats
	key      graph.EdgeKey
	most     int64 // calls over key
	rows     int
	sync     int64
	outcomes graph.OutcomeStats
}

// NewSnapshot returns a Snapshot of w with nothing in it.
func NewSnapshot(w graph.Window) *Snapshot {
	return &Snapshot{
		window: w, nodes: map[graph.NodeID]graph.Node{}, requests: map[graph.NodeID]float64{}, made: map[graph.NodeID]float64{},
		received: map[graph.NodeID]float64{}, operations: map[operation]*graph.Stats{}, versions: map[graph.NodeID]map[string]float64{},
		edges: map[pair]*edge{},
	}
}

// Resolve makes s count calls to an address that nobody answered as calls to the service that stands behind it. It is
// called before anything is added: a service that was down is no callee that came and went.
func (s *Snapshot) Resolve(aliases map[graph.Alias]graph.NodeID) { s.meant = aliases }

// callee is who is meant by a callee of a caller.
func (s *Snapshot) callee(caller, named graph.NodeID) graph.NodeID {
	return cmp.Or(s.meant[graph.Alias{Caller: caller, Callee: named}], named)
}

// Window is the window that s is of.
func (s *Snapshot) Window() graph.Window { return s.window }

// AddGraph adds nodes and edges. Collapsed edges repeat the calls of others and are left out, and so are calls of
// a node to itself. It keeps the graph's histograms, which must not be changed.
func (s *Snapshot) AddGraph(g *graph.Graph) {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		id := n.ID()
		s.nodes[id] = n.Node
		if n.Type != graph.TypeService {
			s.requests[id] += float64(n.Calls)
		}
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		if e.Via != 0 || e.Caller == e.Callee {
			continue
		}
		callee := s.callee(e.Caller, e.Callee)
		s.made[e.Caller] += float64(e.Calls)
		s.received[callee] += float64(e.Calls)
		if callee != e.Callee {
			s.requests[e.Callee] -= float64(e.Calls)
			moved := *e
			moved.Callee = callee
			moved.Client, moved.Server = nil, nil // how long it took to learn that nobody is there says nothing of the service
			s.edge(e.Caller, callee).add(&moved)
			continue
		}
		s.edge(e.Caller, callee).add(e)
	}
	for alias := range s.meant {
		if id := alias.Callee; s.received[id] == 0 {
			delete(s.nodes, id)
			delete(s.requests, id)
		}
	}
}

func (s *Snapshot) edge(caller, callee graph.NodeID) *edge {
	k := pair{caller, callee}
	if s.edges[k] == nil {
		s.edges[k] = &edge{}
	}
	return s.edges[k]
}

// add adds the calls over one protocol. The first histograms are borrowed; they are copied before others are added.
func (e *edge) add(row *graph.Edge) {
	if e.rows++; e.rows == 1 {
		e.Stats = row.Stats
	} else {
		if e.rows == 2 {
			e.Client, e.Server = slices.Clone(e.Client), slices.Clone(e.Server)
		}
		e.Add(&row.Stats)
	}
	if row.Calls > e.most {
		e.most, e.key = row.Calls, row.EdgeKey
	}
	if row.Mode == graph.Sync {
		e.sync += row.Calls
	}
}

// AddOperation adds requests that an operation of a service served.
func (s *Snapshot) AddOperation(row *graph.OperationRow) {
	s.requests[row.Node] += float64(row.Calls)
	k := operation{row.Node, row.Operation}
	if s.operations[k] == nil {
		s.operations[k] = &graph.Stats{}
	}
	s.operations[k].Add(&row.Stats)
	if s.versions[row.Node] == nil {
		s.versions[row.Node] = map[string]float64{}
	}
	s.versions[row.Node][row.Version] += float64(row.Calls)
}

// AddOutcome adds how requests fared with a callee.
func (s *Snapshot) AddOutcome(row *graph.OutcomeRow) {
	if callee := s.callee(row.Caller, row.Callee); callee != 0 && callee != row.Caller {
		s.edge(row.Caller, callee).outcomes.Add(&row.OutcomeStats)
	}
}

// AddVersionOutcome adds the same where the graph does not tell versions apart: the calls are the attempts.
func (s *Snapshot) AddVersionOutcome(row *graph.OutcomeRow) {
	if row.Callee == 0 || row.Callee == row.Caller {
		return
	}
	s.AddOutcome(row)
	e := s.edge(row.Caller, s.callee(row.Caller, row.Callee))
	e.Calls += row.Attempts
	e.Failed += row.FailedAttempts
	s.made[row.Caller] += float64(row.Attempts)
}

// grouped is how many calls come together, with one request. Calls that come together are not independent, and
// count as one.
func (e *edge) grouped() float64 {
	if e == nil || e.outcomes.Requests <= 0 {
		return 1
	}
	return max(1, float64(e.outcomes.Attempts)/float64(e.outcomes.Requests))
}

// outside reports whether a node stands for those who call from outside.
func outside(n graph.Node) bool { return n.Type == graph.TypeUser || n.Type == graph.TypeUnknown }

// seen is all that is known of a node's traffic.
func (s *Snapshot) seen(id graph.NodeID) float64 {
	return max(s.requests[id], s.received[id], s.made[id])
}

// fromOutside is how many requests came from outside; of a version, which is seen by itself, all that it served.
func (s *Snapshot) fromOutside() (n float64) {
	for id, node := range s.nodes {
		if outside(node) {
			n += s.made[id]
		}
	}
	if len(s.nodes) == 0 {
		for _, served := range s.requests {
			n += served
		}
	}
	return n
}

// Requests is how many requests a node served.
func (s *Snapshot) Requests(id graph.NodeID) float64 { return s.requests[id] }

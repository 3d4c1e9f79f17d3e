package match

import (
	"strings"

	"faultline/graph"
)

// NodeRef and NameRef are small numbers that stand for a node and for an operation name within one
// Names. Zero is none.
type (
	NodeRef uint32
	NameRef uint32
)

// Background is the caller operation of work that no request started.
const Background = "(background)"

// Limits bound the names that a sender can make us remember. They are on what was seen in about a day, so that those that
// come and go, such as addresses and jobs, do not add up until nothing new is let in.
type Limits struct {
	Nodes      int `yaml:"nodes"`      // nodes per tenant in a day; more become one node named __other__
	Operations int `yaml:"operations"` // operations per node in a day; more become __other__
}

// DefaultLimits are the limits of conventions section 2.
func DefaultLimits() Limits { return Limits{Nodes: 10_000, Operations: 200} }

// Names interns nodes and operation names. Names already known stay known when a limit is reached; what is
// new becomes graph.Other and is counted. It is not safe for concurrent use.
type Names struct {
	limits  Limits
	nodes   []node
	byNode  map[nodeKey]NodeRef
	tenants map[string]*population
	hour    int64 // of what is taken in now, since 1970
	names   []string
	byName  map[string]NameRef
	over    Over
	last    sender
}

// sender is the service whose span came last: spans come in batches of one service.
type sender struct {
	tenant  string
	service *graph.Service
	node    NodeRef
	version NameRef
}

// termsOf returns the terms of a Shape. Those of a Shape that lasts are remembered, unless a limit had a part in them:
// what is over it is counted each time.
func (m *Matcher) termsOf(tenant string, s *graph.Shape) terms {
	if of := m.terms.of(s); of != nil && of.tenant == tenant && of.hour == m.names.hour {
		return *of
	}
	over := m.names.over
	of := terms{protocol: m.protocol.intern(s.Protocol)}
	of.node, of.version = m.names.service(tenant, s.Service)
	of.op = m.names.operation(of.node, s.Operation)
	if s.Peer.Type != "" && !s.Peer.Own {
		of.peer = m.names.peer(tenant, of.node, &s.Peer.Node)
	}
	if s.Lasts() && m.names.over == over {
		of.tenant, of.hour = m.names.nodes[of.node].tenant, m.names.hour // the same tenant, of our own
		m.terms.put(s, of)
	}
	return of
}

// Over counts what the limits turned away.
type Over struct {
	Nodes, Operations int64
}

// population is how many nodes of a tenant there are.
type population struct {
	nodes   int
	counted int64 // hour when they were last counted anew
}

// day is the hours after which what was not seen is not counted any more.
const day = 24

type nodeKey struct {
	tenant string
	node   graph.Node
}

type node struct {
	graph.Node
	tenant     string
	id         graph.NodeID
	tier       string
	weak       bool // stands for ignorance: any other name is better
	operations members
	versions   members
	peers      []NodeRef // nodes that it called, the first few
	seen       int64     // the last hour
}

// members are names known to a node.
type members struct {
	names map[string]NameRef
	since int64 // hour from which they are
}

// mostPeers is how many of the nodes that a service calls are found without hashing their names.
const mostPeers = 8

// NewNames returns an empty Names.
func NewNames(limits Limits) *Names {
	return &Names{
		limits: limits, nodes: make([]node, 1), names: []string{""},
		byNode: map[nodeKey]NodeRef{}, byName: map[string]NameRef{"": 0}, tenants: map[string]*population{},
	}
}

// Node returns the node behind ref, its tenant, id and tier.
func (n *Names) Node(ref NodeRef) (nd graph.Node, tenant string, id graph.NodeID, tier string) {
	e := &n.nodes[ref]
	return e.Node, e.tenant, e.id, e.tier
}

// ID returns the id of the node behind ref.
func (n *Names) ID(ref NodeRef) graph.NodeID { return n.nodes[ref].id }

// Name returns the name behind ref.
func (n *Names) Name(ref NameRef) string { return n.names[ref] }

// Over returns how often a limit turned a new name away.
func (n *Names) Over() Over { return n.over }

// Known returns how many nodes and names are interned.
func (n *Names) Known() (nodes, names int) { return len(n.nodes) - 1, len(n.names) - 1 }

// Unresolved is the System of an inferred node whose caller said nothing about it at all.
const Unresolved = graph.UnresolvedSystem

func (n *Names) node(tenant string, nd graph.Node, tier string) NodeRef {
	address := nd.Address // not part of the identity
	nd.Address = ""
	key := nodeKey{tenant, nd}
	if ref, ok := n.byNode[key]; ok {
		n.nodes[ref].seen = n.hour
		if tier != "" {
			n.nodes[ref].tier = tier
		}
		return ref
	}
	if nd.Name != graph.Other && n.full(tenant) {
		n.over.Nodes++
		return n.node(tenant, graph.Node{Type: nd.Type, Name: graph.Other}, "")
	}
	tenant = strings.Clone(tenant)
	nd = graph.Node{
		Type: nd.Type, Name: strings.Clone(nd.Name), Namespace: strings.Clone(nd.Namespace),
		Environment: strings.Clone(nd.Environment), System: strings.Clone(nd.System),
	}
	ref := NodeRef(len(n.nodes))
	full := nd
	full.Address = strings.Clone(address)
	n.nodes = append(n.nodes, node{
		Node: full, tenant: tenant, id: nd.ID(), tier: strings.Clone(tier), weak: nd.System == Unresolved, seen: n.hour,
	})
	n.byNode[nodeKey{tenant, nd}] = ref
	if n.tenants[tenant] == nil {
		n.tenants[tenant] = &population{counted: n.hour}
	}
	n.tenants[tenant].nodes++
	return ref
}

// full reports whether a tenant has as many nodes as it may. At most once an hour they are counted anew.
func (n *Names) full(tenant string) bool {
	p := n.tenants[tenant]
	if p == nil || p.nodes < n.limits.Nodes {
		return false
	}
	if p.counted == n.hour {
		return true
	}
	p.nodes, p.counted = 0, n.hour
	for i := range n.nodes[1:] {
		if e := &n.nodes[1+i]; e.tenant == tenant && n.hour-e.seen < day {
			p.nodes++
		}
	}
	return p.nodes >= n.limits.Nodes
}

// Hour is the hour, since 1970, of what is taken in now.
func (n *Names) Hour() int64 { return n.hour }

// service interns a service and its version.
func (n *Names) service(tenant string, s *graph.Service) (NodeRef, NameRef) {
	if n.last.node != 0 && n.last.service == s && n.last.tenant == tenant {
		n.nodes[n.last.node].seen = n.hour
		return n.last.node, n.last.version
	}
	node := n.node(tenant, s.Node, s.Tier)
	version := n.version(node, s.Version)
	if n.nodes[node].Name == s.Name && n.names[version] == s.Version { // what is over a limit is counted each time
		n.last = sender{strings.Clone(tenant), s, node, version}
	}
	return node, version
}

// peer interns a node that the node of calls.
func (n *Names) peer(tenant string, of NodeRef, nd *graph.Node) NodeRef {
	for _, ref := range n.nodes[of].peers {
		if known := &n.nodes[ref]; sameNode(&known.Node, nd) && known.tenant == tenant {
			known.seen = n.hour
			return ref
		}
	}
	ref := n.node(tenant, *nd, "")
	if from := &n.nodes[of]; len(from.peers) < mostPeers && sameNode(&n.nodes[ref].Node, nd) {
		from.peers = append(from.peers, ref)
	}
	return ref
}

// sameNode compares what makes up the identity of nodes.
func sameNode(a, b *graph.Node) bool {
	return a.Name == b.Name && a.Type == b.Type && a.System == b.System && a.Namespace == b.Namespace && a.Environment == b.Environment
}

// operation interns the name of an operation of a node, and version the name of a version of it.
func (n *Names) operation(of NodeRef, name string) NameRef {
	return n.within(&n.nodes[of].operations, name)
}

func (n *Names) version(of NodeRef, name string) NameRef {
	return n.within(&n.nodes[of].versions, name)
}

// within interns name as a member of a set that holds at most limits.Operations. One that has been full for a day begins
// anew: those in use are soon in it again.
func (n *Names) within(set *members, name string) NameRef {
	if name == "" {
		return 0
	}
	if ref, ok := set.names[name]; ok {
		return ref
	}
	if len(set.names) >= n.limits.Operations {
		if n.hour-set.since < day {
			n.over.Operations++
			return n.name(graph.Other)
		}
		set.names = nil
	}
	if set.names == nil {
		set.names, set.since = map[string]NameRef{}, n.hour
	}
	ref := n.name(name)
	set.names[n.names[ref]] = ref
	return ref
}

// name interns a name that only we make, or that a set has admitted.
func (n *Names) name(s string) NameRef {
	if ref, ok := n.byName[s]; ok {
		return ref
	}
	s = strings.Clone(s)
	ref := NameRef(len(n.names))
	n.names = append(n.names, s)
	n.byName[s] = ref
	return ref
}

// OtherOf returns the node of the same tenant and type that stands for what is over a limit.
func (n *Names) OtherOf(ref NodeRef) NodeRef {
	e := &n.nodes[ref]
	return n.node(e.tenant, graph.Node{Type: e.Type, Name: graph.Other}, "")
}

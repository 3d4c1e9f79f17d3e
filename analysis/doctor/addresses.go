package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"faultline/graph"
)

const unknownService = "unknown_service"

// addressBook knows the external nodes of a graph by the service that each may be in truth.
type addressBook struct {
	byName     map[string][]*graph.NodeStats // by lower-case name: a peer's name, a host, the first label of a host
	callers    map[graph.NodeID][]*graph.NodeStats
	namespaces map[string]bool
}

func newAddressBook(g *graph.Graph) *addressBook {
	b := &addressBook{byName: map[string][]*graph.NodeStats{}, callers: map[graph.NodeID][]*graph.NodeStats{}, namespaces: map[string]bool{}}
	nodes := map[graph.NodeID]*graph.NodeStats{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		nodes[n.ID()] = n
		switch {
		case n.Type == graph.TypeService:
			b.namespaces[strings.ToLower(n.Namespace)] = true
		case n.Type == graph.TypeExternal && n.System != graph.UnresolvedSystem:
			for _, name := range namesOf(n) {
				b.byName[name] = append(b.byName[name], n)
			}
		}
	}
	for i := range g.Edges { // busiest first
		e := &g.Edges[i]
		if to, from := nodes[e.Callee], nodes[e.Caller]; to != nil && from != nil && to.Type == graph.TypeExternal && !slices.Contains(b.callers[e.Callee], from) {
			b.callers[e.Callee] = append(b.callers[e.Callee], from)
		}
	}
	return b
}

// namesOf are the names of services that an external node may be.
func namesOf(n *graph.NodeStats) []string {
	var names []string
	for _, s := range []string{n.Name, n.Address} {
		h := hostOf(s)
		if h == "" {
			continue
		}
		label, _, _ := strings.Cut(h, ".")
		for _, name := range []string{h, label} {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// hostOf is a host without its port, in lower case; "" for an IP address, which names no service.
func hostOf(s string) string {
	h := strings.ToLower(s)
	if before, after, ok := strings.Cut(h, ":"); ok && !strings.Contains(after, ":") {
		h = before
	}
	if _, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		return ""
	}
	return h
}

// callersOf returns the external nodes that are the service by their name or address, and those who call
// them; in words as well.
func (b *addressBook) callersOf(s *Service) (beside []graph.NodeID, where []string) {
	for _, n := range b.byName[strings.ToLower(s.Node.Name)] {
		callers := slices.DeleteFunc(slices.Clone(b.callers[n.ID()]), func(c *graph.NodeStats) bool { return c.ID() == s.ID })
		if len(callers) == 0 || !b.mayBe(n, s) {
			continue
		}
		who := callers[0].Name
		if more := len(callers) - 1; more == 1 {
			who += " and one other service call"
		} else if more > 1 {
			who += fmt.Sprintf(" and %d other services call", more)
		} else {
			who += " calls"
		}
		where = append(where, fmt.Sprintf("%s it at %s", who, cmp.Or(n.Address, n.Name)))
		beside = append(beside, n.ID())
		for _, c := range callers {
			if !slices.Contains(beside, c.ID()) {
				beside = append(beside, c.ID())
			}
		}
	}
	return beside, where
}

// mayBe reports whether nothing speaks against the external node n being the service s, whose name it has.
func (b *addressBook) mayBe(n *graph.NodeStats, s *Service) bool {
	same := func(a, b string) bool { return a == "" || b == "" || strings.EqualFold(a, b) }
	if !same(n.Environment, s.Node.Environment) || !same(n.Namespace, s.Node.Namespace) {
		return false
	}
	for _, at := range []string{n.Name, n.Address} { // cart.shop.svc.cluster.local is not cart of another namespace
		labels := strings.Split(hostOf(at), ".")
		if len(labels) > 1 && labels[0] == strings.ToLower(s.Node.Name) && b.namespaces[labels[1]] && !same(labels[1], s.Node.Namespace) {
			return false
		}
	}
	return true
}

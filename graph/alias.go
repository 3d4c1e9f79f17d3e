package graph

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Alias is a node that a caller calls and of which nothing but such calls is known.
type Alias struct{ Caller, Callee NodeID }

const (
	aliasCalls = 20   // answered calls of a name that tell who answers to it
	aliasShare = 0.99 // of them that one service must have answered
)

// Aliases says which service stands behind nodes that only their callers tell of. A service that is down leaves
// calls to its address and nothing else; without this they would count as those to another callee. It goes by
// the host that was called, if that is the name of a service, else by the name of the call (R7): where practically
// all answered calls of a caller under that name went to one service, those that nobody answered went there too,
// if they went to a mere address, or mostly failed. Somebody else's service may have calls of the same name.
func Aliases(nodes map[NodeID]Node, rows []CallSiteRow) map[Alias]NodeID {
	type name struct {
		caller NodeID
		called string
	}
	answered := map[name]map[NodeID]int64{}
	type tries struct{ calls, failed int64 }
	silent := map[Alias]map[string]tries{}
	for i := range rows {
		r := &rows[i]
		switch callee := nodes[r.Callee]; {
		case callee.Type == TypeService && r.CalleeOperation != "" && r.Basis != ByVirtual:
			k := name{r.Caller, r.CalleeOperation}
			if answered[k] == nil {
				answered[k] = map[NodeID]int64{}
			}
			answered[k][r.Callee] += r.Calls
		case callee.Type == TypeExternal:
			k := Alias{r.Caller, r.Callee}
			if silent[k] == nil {
				silent[k] = map[string]tries{}
			}
			t := silent[k][r.CalleeOperation]
			silent[k][r.CalleeOperation] = tries{t.calls + r.Calls, t.failed + r.Failed}
		}
	}
	services := map[string][]NodeID{}
	for id, n := range nodes {
		if n.Type == TypeService {
			services[strings.ToLower(n.Name)] = append(services[strings.ToLower(n.Name)], id)
		}
	}
	found := map[Alias]NodeID{}
	for k, names := range silent {
		if id := byHost(nodes, services, nodes[k.Callee]); id != 0 {
			if id != k.Caller {
				found[k] = id
			}
			continue
		}
		var all tries
		var service NodeID
		one := true
		for called, t := range names {
			all.calls, all.failed = all.calls+t.calls, all.failed+t.failed
			id := mostly(answered[name{k.Caller, called}])
			one = one && id != 0 && (service == 0 || service == id)
			service = id
		}
		if one && (2*all.failed > all.calls || hostName(nodes[k.Callee]) == "") {
			found[k] = service
		}
	}
	return found
}

// mostly is the service that practically all calls went to, or 0.
func mostly(calls map[NodeID]int64) (service NodeID) {
	var all, most int64
	for id, n := range calls {
		all += n
		if n > most {
			most, service = n, id
		}
	}
	if all < aliasCalls || float64(most) < aliasShare*float64(all) {
		return 0
	}
	return service
}

// byHost is the only service whose name is the host of an external node, or the first label of it, or 0.
func byHost(nodes map[NodeID]Node, services map[string][]NodeID, n Node) (service NodeID) {
	host := hostName(n)
	if host == "" {
		return 0
	}
	label, rest, dotted := strings.Cut(host, ".")
	namespace, _, _ := strings.Cut(rest, ".")
	candidates := services[host]
	if len(candidates) == 0 && dotted { // cart.shop.svc.cluster.local is the cart of shop, and api.example.com is no service api
		candidates = slices.DeleteFunc(slices.Clone(services[label]), func(id NodeID) bool { return !strings.EqualFold(nodes[id].Namespace, namespace) })
	}
	for _, id := range candidates {
		if s := nodes[id]; s.Environment != n.Environment || n.Namespace != "" && s.Namespace != n.Namespace {
			continue
		}
		if service != 0 {
			return 0
		}
		service = id
	}
	return service
}

// hostName is the name of the host at which an external node was called, in lower case; "" if only its number is
// known, or not even that, or if it is not the host that matters.
func hostName(n Node) string {
	host := strings.ToLower(cmp.Or(n.Address, n.Name))
	if before, after, ok := strings.Cut(host, ":"); ok && !strings.Contains(after, ":") {
		host = before
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || n.System != "" {
		return ""
	}
	return host
}

package graph

import "time"

// AliasRow counts answered calls by what the caller's half names, such as an address with its port: Peer is the
// inferred node that the call would have been counted to without an answer. It counts one of several calls,
// chosen by their traces, and is signed as other rows are.
type AliasRow struct {
	Tenant string
	Bucket time.Time // UTC, a whole hour
	Caller NodeID
	Peer   NodeID
	Callee NodeID
	N      int64
}

// Named is what a caller means by a peer.
type Named struct{ Caller, Peer NodeID }

// Answerers say which service answers when a caller calls a peer: of the calls that were answered, at least
// twenty, all but a hundredth were answered by it.
type Answerers map[Named]NodeID

// Resolve moves the calls that nobody answered to the services that they were meant for, where the edge to that service
// has no other calls: what was counted from two halves is never mixed with what was learned. Where it has, Edge.AnsweredBy
// says which service it is.
func (a Answerers) Resolve(edges []Edge) []Edge {
	if len(a) == 0 {
		return edges
	}
	counted := make(map[EdgeKey]bool, len(edges))
	for i := range edges {
		counted[edges[i].EdgeKey] = true
	}
	at := map[EdgeKey]int{} // the edges that are learned alone
	out := edges[:0]
	for i := range edges {
		e := edges[i]
		if callee, ok := a[Named{e.Caller, e.Callee}]; ok && e.Via == 0 {
			meant := e.EdgeKey
			meant.Callee = callee
			if !counted[meant] {
				e.EdgeKey, e.Aliased = meant, e.Calls
				if n, ok := at[meant]; ok {
					out[n].merge(&e)
					continue
				}
				at[meant] = len(out)
			} else {
				e.AnsweredBy = callee
			}
		}
		out = append(out, e)
	}
	return out
}

// merge adds the calls of another edge of the same key.
func (e *Edge) merge(o *Edge) {
	e.Stats.Add(&o.Stats)
	e.Basis |= o.Basis
	e.Aliased += o.Aliased
	if o.LastSeen.After(e.LastSeen) {
		e.LastSeen = o.LastSeen
	}
}

// StoredAs returns the keys under which the calls of an edge are stored: its own, and those of its peers, which count
// if there are none under its own.
func (a Answerers) StoredAs(key EdgeKey) []EdgeKey {
	keys := []EdgeKey{key}
	if key.Via != 0 {
		return keys
	}
	for alias, callee := range a {
		if alias.Caller == key.Caller && callee == key.Callee {
			other := key
			other.Callee = alias.Peer
			keys = append(keys, other)
		}
	}
	return keys
}

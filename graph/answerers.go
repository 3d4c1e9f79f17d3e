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

// Resolve moves the calls that nobody answered to the services that they were meant for.
func (a Answerers) Resolve(edges []Edge) []Edge {
	if len(a) == 0 {
		return edges
	}
	at := make(map[EdgeKey]int, len(edges))
	out := edges[:0]
	var moved []Edge
	for i := range edges {
		e := &edges[i]
		if callee, ok := a[Named{e.Caller, e.Callee}]; ok && e.Via == 0 {
			e.Callee, e.Aliased = callee, e.Calls
			moved = append(moved, *e)
			continue
		}
		at[e.EdgeKey] = len(out)
		out = append(out, *e)
	}
	for i := range moved {
		m := &moved[i]
		n, ok := at[m.EdgeKey]
		if !ok {
			at[m.EdgeKey] = len(out)
			out = append(out, *m)
			continue
		}
		e := &out[n]
		e.Stats.Add(&m.Stats)
		e.Basis |= m.Basis
		e.Aliased += m.Aliased
		if m.LastSeen.After(e.LastSeen) {
			e.LastSeen = m.LastSeen
		}
	}
	return out
}

// StoredAs returns the keys under which the calls of an edge are stored: its own, and those of its peers.
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

// Package spread computes how failure spreads from callees to callers: for every entry operation, the
// probability that it fails when a node does.
//
// Its unit is the call site. When all calls of a request to a callee fail, the request fails with a
// probability, the hardness h of the site; and it makes such calls at all with a probability q. So in a
// fraction q·h of requests the failure of the callee is the failure of the caller, and with it of the
// caller's callers, up to the entries.
//
// The probabilities are found by simulation (live-edge sampling, see Kempe, Kleinberg and Tardos, "Maximizing
// the Spread of Influence through a Social Network", 2003): a world is one request to an entry, in which every site is
// live or not; the entry fails if a live path leads to what is down. Worlds are bits of words, so 256
// of them are walked at once, cycles included. Whether a site is live in a world depends on the site and the
// world alone (common random numbers): results do not change between runs, and two questions about one
// system differ by what was asked and not by chance.
package spread

import (
	"encoding/binary"
	"math/bits"

	"faultline/graph"
)

// Worlds is how many requests are simulated for each entry.
const Worlds = 256

// Mask is a set of worlds.
type Mask [Worlds / 64]uint64

// All is the set of all worlds.
var All = Mask{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

// Count is how many worlds are in the set.
func (m Mask) Count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// Share is the share of worlds that are in the set.
func (m Mask) Share() float64 { return float64(m.Count()) / Worlds }

// Has reports whether a world is in the set.
func (m Mask) Has(world int) bool { return m[world/64]>>(world%64)&1 == 1 }

// Or is the union, And the intersection of two sets.
func (m Mask) Or(o Mask) Mask {
	for i := range m {
		m[i] |= o[i]
	}
	return m
}

// And is the intersection of two sets.
func (m Mask) And(o Mask) Mask {
	for i := range m {
		m[i] &= o[i]
	}
	return m
}

// Operation is an operation of a node; an inferred node has one without a name.
type Operation struct {
	Node graph.NodeID
	Name string
}

// Share is the part of the calls at a site that goes to one operation of the callee.
type Share struct {
	Operation string
	Share     float64
}

// Site is a call site.
type Site struct {
	Caller    graph.NodeID
	Operation string // the caller's
	Callee    graph.NodeID
	To        []Share // operations of the callee; nil: one without a name. Shares add up to 1.
}

// Entry is an operation that is called from outside, with its share of all such calls by importance.
type Entry struct {
	Operation
	Weight float64
}

// System is a set of call sites below entries.
type System struct {
	Sites   []Site
	Entries []Entry

	ops   map[Operation]int
	list  []Operation // by number
	begin []int       // of the edges of each operation
	edges []edge
}

// edge is the part of a site that leads to one operation.
type edge struct {
	site int
	to   int
	low  float64 // the worlds in which the site calls this operation are those whose lot is in [low, high)
	high float64
}

// New returns the system of sites below entries. It keeps both.
func New(sites []Site, entries []Entry) *System {
	s := &System{Sites: sites, Entries: entries, ops: map[Operation]int{}}
	for i := range entries {
		s.number(entries[i].Operation)
	}
	callers := make([]int, len(sites))
	for i := range sites {
		callers[i] = s.number(Operation{sites[i].Caller, sites[i].Operation})
		for _, to := range s.targets(&sites[i]) {
			s.number(Operation{sites[i].Callee, to.Operation})
		}
	}
	count := make([]int, len(s.list)+1)
	for i := range sites {
		count[callers[i]+1] += len(s.targets(&sites[i]))
	}
	for i := 1; i < len(count); i++ {
		count[i] += count[i-1]
	}
	s.begin = count
	next := append([]int(nil), count...)
	s.edges = make([]edge, count[len(count)-1])
	for i := range sites {
		low := 0.0
		for _, to := range s.targets(&sites[i]) {
			at := &next[callers[i]]
			s.edges[*at] = edge{site: i, to: s.ops[Operation{sites[i].Callee, to.Operation}], low: low, high: low + to.Share}
			low += to.Share
			*at++
		}
	}
	return s
}

var nameless = []Share{{Share: 1}}

func (s *System) targets(site *Site) []Share {
	if len(site.To) == 0 {
		return nameless
	}
	return site.To
}

func (s *System) number(o Operation) int {
	n, ok := s.ops[o]
	if !ok {
		n = len(s.list)
		s.ops[o] = n
		s.list = append(s.list, o)
	}
	return n
}

// Lots are the worlds in which each edge of a system is live.
type Lots struct {
	system *System
	live   []Mask // by edge
}

// Draw decides in which worlds each site is live. probability says how probable that is for a site in a
// world.
func (s *System) Draw(probability func(site, world int) float64) *Lots {
	l := &Lots{system: s, live: make([]Mask, len(s.edges))}
	for i := range s.edges {
		e := &s.edges[i]
		site := &s.Sites[e.site]
		seed := seedOf(site)
		for world := range Worlds {
			if uniform(seed, 2*world) >= probability(e.site, world) {
				continue
			}
			if lot := uniform(seed, 2*world+1); e.low <= lot && lot < e.high || lot >= e.high && e.high > 1-1e-9 {
				l.live[i][world/64] |= 1 << (world % 64)
			}
		}
	}
	return l
}

// siteSeed is fixed, so that equal systems have equal lots in every process.
const siteSeed = 0x9e3779b97f4a7c15

func seedOf(s *Site) uint64 {
	h := uint64(siteSeed)
	h = mix(h ^ uint64(s.Caller))
	h = mix(h ^ uint64(s.Callee))
	name := s.Operation
	for len(name) > 0 {
		var word [8]byte
		name = name[copy(word[:], name):]
		h = mix(h ^ binary.LittleEndian.Uint64(word[:]))
	}
	return h
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uniform is the n-th number of a stream of such between 0 and 1.
func uniform(seed uint64, n int) float64 {
	return float64(mix(seed+uint64(n)*0x9e3779b97f4a7c15)>>11) / (1 << 53)
}

// Reach is where a request to one entry depends on.
type Reach struct {
	lots  *Lots
	ops   []Mask // worlds in which the failure of the operation reaches the entry
	where []int  // operations with any
	queue []int  // operations whose worlds became more, first come first served: by depth, more or less
	due   []bool // in queue
}

// Reach walks from an entry down to all on which it depends. The Reach is valid until the next call with it
// as memory; nil makes a new one.
func (l *Lots) Reach(entry int, memory *Reach) *Reach {
	r := memory
	if r == nil || len(r.ops) != len(l.system.list) {
		r = &Reach{ops: make([]Mask, len(l.system.list)), due: make([]bool, len(l.system.list))}
	}
	for _, o := range r.where {
		r.ops[o] = Mask{}
	}
	r.lots, r.where = l, r.where[:0]
	from := l.system.ops[l.system.Entries[entry].Operation]
	r.ops[from] = All
	r.where = append(r.where, from)
	r.queue = append(r.queue[:0], from)
	s := l.system
	for i := 0; i < len(r.queue); i++ {
		o := r.queue[i]
		r.due[o] = false
		for j := s.begin[o]; j < s.begin[o+1]; j++ {
			to := s.edges[j].to
			now := r.ops[to].Or(r.ops[o].And(l.live[j]))
			if now == r.ops[to] {
				continue
			}
			if r.ops[to] == (Mask{}) {
				r.where = append(r.where, to)
			}
			r.ops[to] = now
			if !r.due[to] {
				r.due[to] = true
				r.queue = append(r.queue, to)
			}
		}
	}
	return r
}

// Nodes calls f for every node on which the entry depends, with the worlds in which it fails if all of the node is
// down.
func (r *Reach) Nodes(f func(graph.NodeID, Mask)) {
	seen := make(map[graph.NodeID]Mask, len(r.where))
	order := make([]graph.NodeID, 0, len(r.where))
	for _, o := range r.where {
		n := r.lots.system.list[o].Node
		m, known := seen[n]
		if !known {
			order = append(order, n)
		}
		seen[n] = m.Or(r.ops[o])
	}
	for _, n := range order {
		f(n, seen[n])
	}
}

// Operations calls f for every operation on which the entry depends, itself first, with the worlds in which the
// entry fails if the operation does.
func (r *Reach) Operations(f func(Operation, Mask)) {
	for _, o := range r.where {
		f(r.lots.system.list[o], r.ops[o])
	}
}

// Site returns the worlds in which the entry fails if all calls at a site do.
func (r *Reach) Site(site int) (m Mask) {
	s := r.lots.system
	o := s.ops[Operation{s.Sites[site].Caller, s.Sites[site].Operation}]
	for i := s.begin[o]; i < s.begin[o+1]; i++ {
		if s.edges[i].site == site {
			m = m.Or(r.ops[o].And(r.lots.live[i]))
		}
	}
	return m
}

// Operation returns the worlds in which the entry fails if an operation does.
func (r *Reach) Operation(o Operation) Mask {
	if n, ok := r.lots.system.ops[o]; ok {
		return r.ops[n]
	}
	return Mask{}
}

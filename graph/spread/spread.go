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
	"slices"

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
	nodes []graph.NodeID
	node  []int // number of the node of each operation
	begin []int // of the edges of each operation
	edges []edge
	place []int // of each operation in an order in which callers come before callees, but for those of one cycle
	at    []int // the operation at each place
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
	numbers := map[graph.NodeID]int{}
	for _, o := range s.list {
		n, ok := numbers[o.Node]
		if !ok {
			n = len(s.nodes)
			numbers[o.Node] = n
			s.nodes = append(s.nodes, o.Node)
		}
		s.node = append(s.node, n)
	}
	s.order()
	return s
}

// order finds an order in which callers come before callees, with the operations of a cycle next to each other (Tarjan, "Depth-First
// Search and Linear Graph Algorithms", 1972). It takes no recursion: chains of calls may be long.
func (s *System) order() {
	n := len(s.list)
	s.place, s.at = make([]int, n), make([]int, n)
	found, low := make([]int, n), make([]int, n) // when an operation was found, from 1; the earliest that it leads to
	next := slices.Clone(s.begin[:n])            // edge of each operation to follow
	var path, open []int                         // from the start to where the search is; not yet placed
	count, last := 0, n
	for start := range n {
		if found[start] > 0 {
			continue
		}
		path = append(path, start)
		for len(path) > 0 {
			o := path[len(path)-1]
			if found[o] == 0 {
				count++
				found[o], low[o] = count, count
				open = append(open, o)
			}
			if next[o] < s.begin[o+1] {
				to := s.edges[next[o]].to
				next[o]++
				if found[to] == 0 {
					path = append(path, to)
				} else if found[to] <= n { // open
					low[o] = min(low[o], found[to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				caller := path[len(path)-1]
				low[caller] = min(low[caller], low[o])
			}
			for low[o] == found[o] { // the first of a cycle, or of none
				member := open[len(open)-1]
				open = open[:len(open)-1]
				last--
				s.place[member], s.at[last] = last, member
				found[member] = n + 1
				if member == o {
					break
				}
			}
		}
	}
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

// Draw decides in which worlds of a block each site is live. probability says how probable that is for a site in a
// world. Every block has worlds of its own: what is found in several is more exact.
func (s *System) Draw(block int, probability func(site, world int) float64) *Lots {
	l := &Lots{system: s, live: make([]Mask, len(s.edges))}
	for i := range s.edges {
		e := &s.edges[i]
		site := &s.Sites[e.site]
		seed := seedOf(site)
		for world := range Worlds {
			n := 2 * (block*Worlds + world)
			if uniform(seed, n) >= probability(e.site, world) {
				continue
			}
			if lot := uniform(seed, n+1); e.low <= lot && lot < e.high || lot >= e.high && e.high > 1-1e-9 {
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
	ops   []Mask   // worlds in which the failure of the operation reaches the entry
	where []int    // operations with any
	due   []uint64 // places of operations whose worlds became more, as bits

	nodes []Mask // scratch of Nodes: by node, empty
	order []int  // likewise: nodes
}

// Reach walks from an entry down to all on which it depends. The Reach is valid until the next call with it
// as memory; nil makes a new one.
func (l *Lots) Reach(entry int, memory *Reach) *Reach {
	r := memory
	if r == nil || len(r.ops) != len(l.system.list) {
		r = &Reach{ops: make([]Mask, len(l.system.list)), due: make([]uint64, len(l.system.list)/64+1)}
	}
	for _, o := range r.where {
		r.ops[o] = Mask{}
	}
	s := l.system
	r.lots, r.where = l, r.where[:0]
	from := s.ops[s.Entries[entry].Operation]
	r.ops[from] = All
	r.where = append(r.where, from)
	word := s.place[from] / 64
	r.due[word] = 1 << (s.place[from] % 64)
	for word < len(r.due) {
		if r.due[word] == 0 {
			word++
			continue
		}
		bit := bits.TrailingZeros64(r.due[word])
		r.due[word] &^= 1 << bit
		o := s.at[64*word+bit]
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
			place := s.place[to]
			r.due[place/64] |= 1 << (place % 64)
			word = min(word, place/64) // back, in a cycle
		}
	}
	return r
}

// Nodes calls f for every node on which the entry depends, with the worlds in which it fails if all of the node is
// down.
func (r *Reach) Nodes(f func(graph.NodeID, Mask)) {
	s := r.lots.system
	if r.nodes == nil {
		r.nodes = make([]Mask, len(s.nodes))
	}
	order := r.order[:0]
	for _, o := range r.where {
		n := s.node[o]
		if r.nodes[n] == (Mask{}) {
			order = append(order, n)
		}
		r.nodes[n] = r.nodes[n].Or(r.ops[o])
	}
	for _, n := range order {
		f(s.nodes[n], r.nodes[n])
		r.nodes[n] = Mask{}
	}
	r.order = order
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

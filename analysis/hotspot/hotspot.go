// Package hotspot scores how fragile the system is at each node: how much depends on the node, times how likely
// it is to fail, both made of named parts (analysis specification, D). A score is never bare: every part
// comes with its raw number, and what is not known is said to be so.
//
//	fragility = 100 · impact · (1 − Π (1 − weight · hazard))
//
// The package is pure.
package hotspot

import (
	"cmp"
	"math"
	"slices"

	"faultline/graph"
)

// Part names a hazard.
type Part string

// The hazards, with what their raw numbers are.
const (
	Burn          Part = "burn"          // burn rate of the error budget over an hour; 1 spends it exactly
	Redundancy    Part = "redundancy"    // 1: one instance; 0.5: all in one zone; 0: neither
	Amplification Part = "amplification" // attempts for each call to the node
	Tail          Part = "tail"          // share of the time of requests from outside that is spent in the node itself
	Saturation    Part = "saturation"    // by how much waiting before the node grew, in medians of its duration
	Flapping      Part = "flapping"      // changes of its health in an hour
	Change        Part = "change"        // new versions of it, and new or lost edges, in a day
	Exposure      Part = "exposure"      // share of the calls to it that no timeout bounds
)

// hazards say how a raw number becomes a hazard between 0 and 1, how much it weighs, and what is reckoned with
// where it is not known.
var hazards = []struct {
	part    Part
	weight  float64
	unknown float64
	of      func(raw float64) float64
}{
	{Burn, 0.6, 0, func(x float64) float64 { return x / 14.4 }},
	{Redundancy, 0.3, 0.25, func(x float64) float64 { return x }},
	{Amplification, 0.4, 0, func(x float64) float64 { return math.Log2(max(x, 1)) / 2 }},
	{Tail, 0.3, 0, func(x float64) float64 { return x }},
	{Saturation, 0.3, 0, func(x float64) float64 { return x }},
	{Flapping, 0.3, 0, func(x float64) float64 { return x / 6 }},
	{Change, 0.2, 0, func(x float64) float64 { return 1 - math.Exp2(-x/2) }},
	{Exposure, 0.2, 0, func(x float64) float64 { return x }},
}

// Node is what is known of a node.
type Node struct {
	ID     graph.NodeID
	Impact float64          // share of the requests from outside, by importance, that fail if the node does
	Raw    map[Part]float64 // the hazards that are known
	FanIn  int              // callers, shown only: impact contains them
	FanOut int
}

// Share is one part of a score.
type Share struct {
	Part   Part
	Raw    float64
	Known  bool
	Hazard float64 // 0 to 1
	Weight float64
	Points float64 // of the score; those of all parts add up to it
}

// Score is how fragile the system is at a node.
type Score struct {
	Node
	Fragility float64 // 0 to 100
	Hazard    float64 // 0 to 1: all parts together
	Parts     []Share // in a fixed order
	Single    bool    // a single point of failure: much depends on it and there is no second one
}

const (
	leastImpact  = 0.01 // below which a node is no hotspot whatever its hazards
	singleImpact = 0.05 // share of requests that a single point of failure takes down
)

// Rank scores nodes, the most fragile first. Nodes of hardly any impact are left out.
func Rank(nodes []Node) []Score {
	scores := make([]Score, 0, len(nodes))
	for i := range nodes {
		if nodes[i].Impact >= leastImpact {
			scores = append(scores, scoreOf(&nodes[i]))
		}
	}
	slices.SortFunc(scores, func(a, b Score) int {
		return cmp.Or(cmp.Compare(b.Fragility, a.Fragility), cmp.Compare(b.Impact, a.Impact), cmp.Compare(a.ID, b.ID))
	})
	return scores
}

func scoreOf(n *Node) Score {
	s := Score{Node: *n}
	safe, logs := 1.0, 0.0
	for _, h := range hazards {
		raw, known := n.Raw[h.part]
		x := h.unknown
		if known {
			x = min(max(h.of(raw), 0), 1)
		}
		s.Parts = append(s.Parts, Share{Part: h.part, Raw: raw, Known: known, Hazard: x, Weight: h.weight})
		safe *= 1 - h.weight*x
		logs += math.Log(1 - h.weight*x)
	}
	s.Hazard = 1 - safe
	s.Fragility = 100 * n.Impact * s.Hazard
	if logs < 0 {
		for i := range s.Parts {
			p := &s.Parts[i]
			p.Points = s.Fragility * math.Log(1-p.Weight*p.Hazard) / logs
		}
	}
	redundancy, known := n.Raw[Redundancy]
	s.Single = n.Impact >= singleImpact && known && redundancy >= 0.5
	return s
}

package analysis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"faultline/analysis/dependency"
	"faultline/analysis/hotspot"
	"faultline/analysis/whatif"
	"faultline/graph"
	"faultline/graph/spread"
)

// Structure is how the system hangs together: what simulations of failures start from.
type Structure struct {
	Sites   []whatif.Site
	Entries []whatif.Entry
}

// inspect says who could take what down, where the system is fragile, which practices are followed, and what is new.
func (e *Engine) inspect(ctx context.Context, now time.Time, r *Report) error {
	if last := e.Report(); e.ticks%structureEvery != 0 && len(last.Structure.Entries) > 0 {
		r.Structure, r.Hotspots, r.Audit, r.News = last.Structure, last.Hotspots, last.Audit, last.News
		return nil
	}
	g, err := e.store.Graph(ctx, e.tenant, graph.Window{From: now.Add(-time.Hour), To: now})
	if err != nil {
		return fmt.Errorf("read the last hour: %w", err)
	}
	r.Structure = e.structure(r.Sites)
	r.Hotspots = e.hotspots(&r.Structure, &g)
	r.Audit = e.review(r.Sites)
	r.News = r.news()
	return nil
}

// structureEvery is how many looks the structure is good for: it changes slowly and costs most.
const structureEvery = 4

// structure puts call sites and verdicts together: which operations of a callee a site calls is known from calls, how hard it is
// from outcomes.
func (e *Engine) structure(sites []dependency.Judgement) Structure {
	type of struct {
		caller    graph.NodeID
		operation string
		callee    graph.NodeID
	}
	type called struct {
		operation string
		calls     float64
	}
	calls := map[of][]called{}
	inner, sent := map[spread.Operation]bool{}, map[graph.NodeID]bool{}
	e.tracker.Calls(func(caller graph.NodeID, operation string, callee graph.NodeID, name string, n float64) {
		k := of{caller, operation, callee}
		calls[k] = append(calls[k], called{name, n})
		if !e.outside(caller) {
			sent[callee] = true
			inner[spread.Operation{Node: callee, Name: name}] = true
		}
	})
	s := Structure{}
	for i := range sites {
		j := &sites[i]
		site := whatif.Site{
			Site: spread.Site{Caller: j.Caller, Operation: j.Operation, Callee: j.Callee},
			Used: cmp.Or(j.Facets.Conditional, 1), Waits: j.Facets.OnPath, Calls: 1,
			Known: j.Verdict == dependency.Hard || j.Verdict == dependency.Soft || j.Verdict == dependency.Partial,
		}
		site.Alpha = j.Evidence.Fatal + j.Prior.Weight*j.Prior.Mean
		site.Beta = j.Evidence.Survived + j.Prior.Weight*(1-j.Prior.Mean)
		all := 0.0
		to := calls[of{j.Caller, j.Operation, j.Callee}]
		for _, c := range to {
			all += c.calls
		}
		slices.SortFunc(to, func(a, b called) int { return cmp.Compare(a.operation, b.operation) })
		for _, c := range to {
			site.To = append(site.To, spread.Share{Operation: c.operation, Share: c.calls / all})
		}
		s.Sites = append(s.Sites, site)
	}
	s.Entries = e.entries(inner, sent)
	return s
}

// entries are the operations that nobody inside calls, and that take no messages of a queue to which somebody inside sends, by how much
// is asked of them.
func (e *Engine) entries(inner map[spread.Operation]bool, sent map[graph.NodeID]bool) (entries []whatif.Entry) {
	all := 0.0
	seconds := max(e.tracker.Seconds(), 1)
	e.tracker.Requests(func(node graph.NodeID, operation string, requests float64, queue graph.NodeID) {
		o := spread.Operation{Node: node, Name: operation}
		if inner[o] || sent[queue] || e.nodes[node].Type != graph.TypeService {
			return
		}
		entries = append(entries, whatif.Entry{Operation: o, PerSecond: requests / seconds, Weight: requests})
		all += requests
	})
	for i := range entries {
		entries[i].Weight /= all
	}
	slices.SortFunc(entries, func(a, b whatif.Entry) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Name, b.Name))
	})
	return entries
}

// usualObjective is the share of requests that is taken to be promised where no objective is declared.
const usualObjective = 0.999

// hotspots scores every node on which an entry depends.
func (e *Engine) hotspots(s *Structure, g *graph.Graph) []hotspot.Score {
	nodes := map[graph.NodeID]*hotspot.Node{}
	for id, impact := range whatif.Impacts(s.Sites, s.Entries) {
		nodes[id] = &hotspot.Node{ID: id, Impact: impact, Raw: map[hotspot.Part]float64{}}
	}
	for i := range g.Nodes {
		n := nodes[g.Nodes[i].ID()]
		if r := &g.Nodes[i]; n != nil && r.Calls > 0 {
			n.Raw[hotspot.Burn] = float64(r.Failed) / float64(r.Calls) / (1 - usualObjective)
		}
	}
	type attempts struct{ calls, resends float64 }
	tries := map[graph.NodeID]attempts{}
	for i := range g.Edges {
		edge := &g.Edges[i]
		if n := nodes[edge.Callee]; n != nil {
			n.FanIn++
		}
		if n := nodes[edge.Caller]; n != nil {
			n.FanOut++
		}
		t := tries[edge.Callee]
		tries[edge.Callee] = attempts{t.calls + float64(edge.Calls), t.resends + float64(edge.Resends)}
	}
	for id, n := range nodes {
		if t := tries[id]; t.calls > t.resends {
			n.Raw[hotspot.Amplification] = t.calls / (t.calls - t.resends)
		}
	}
	list := make([]hotspot.Node, 0, len(nodes))
	for _, n := range nodes {
		list = append(list, *n)
	}
	return hotspot.Rank(list)
}

// WhatIf simulates what would become of the operations that are called from outside.
func (r *Report) WhatIf(actions []whatif.Action) whatif.Answer {
	return whatif.Ask(r.Structure.Sites, r.Structure.Entries, actions)
}

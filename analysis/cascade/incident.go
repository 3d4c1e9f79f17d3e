package cascade

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"faultline/graph"
)

// Candidate is a node that may be the cause of an incident.
type Candidate struct {
	Share
	Likely bool // it has half of the blame or more, or three tenths and no other such candidate calls it or is called by it
	Onset  time.Time
}

// Step is an edge along which the failure spread, from callee to caller.
type Step struct {
	Caller, Callee graph.NodeID
	Calls, Failed  float64
	Onset          time.Time       // of the caller
	Traces         []graph.TraceID // up to five examples
}

// Impact is what became of an operation that users call.
type Impact struct {
	Node      graph.NodeID
	Operation string
	Requests  float64
	Bad       float64
}

// Incident is a group of ill nodes connected by calls, with one cause or more.
type Incident struct {
	ID         string
	Started    time.Time // onset of the first member
	Opened     time.Time
	LastIll    time.Time
	Closed     time.Time // zero: it lasts
	Suspected  bool      // chance makes it unlikely, and not impossible: nobody should be called for it
	Sign       Sign
	Units      float64     // failed requests, failed calls or seconds in the window looked at, at its worst
	Candidates []Candidate // the most blamed first; when it was worst
	Members    []Member    // all that were ill, as they were when they were worst, by onset
	Path       []Step      // from the first candidate upwards, by onset
	Entries    []Impact    // at their worst, the hardest hit first
	Evidence   float64     // how improbable all that was ill was when it was so most
	nodes      map[graph.NodeID]bool
	bouts      []graph.Window // from the first sign to the last before all was well for a while
}

// Open reports whether the incident lasts.
func (i *Incident) Open() bool { return i.Closed.IsZero() }

// member is what the incident knows of what is ill; nil: it is not of it.
func (i *Incident) member(m *Member) *Member {
	for n := range i.Members {
		if i.Members[n].subject() == m.subject() {
			return &i.Members[n]
		}
	}
	return nil
}

// blames reports whether a node is the cause, as far as is known, or one of the causes.
func (i *Incident) blames(n graph.NodeID) bool {
	for k, c := range i.Candidates {
		if c.Node == n {
			return k == 0 || c.Likely
		}
	}
	return false
}

// grow takes what is ill now into an incident. It never shrinks.
func (t *Tracker) grow(i *Incident, at time.Time, members []Member, names map[ends]graph.NodeID, outside func(graph.NodeID) bool) {
	maps.Copy(i.nodes, nodesOf(members))
	if len(i.bouts) == 0 || at.Sub(i.LastIll) >= underWay {
		i.bouts = append(i.bouts[max(0, len(i.bouts)-mostBouts+1):], graph.Window{From: firstOf(members)})
	}
	if i.Suspected || !unclear(members) {
		i.LastIll = at // what is unclear does not keep it from ending
	}
	i.bouts[len(i.bouts)-1].To = i.LastIll
	for _, m := range members {
		m.LastIll = at
		i.Suspected = i.Suspected && m.Suspected
		o := i.member(&m)
		if o == nil {
			if m.from < recent && m.Onset.Before(i.Started) {
				m.Onset = i.Started // older stretches are long
			}
			i.Members = append(i.Members, m)
			continue
		}
		m.Suspected = m.Suspected && o.Suspected
		if m.from >= recent && m.Chance < o.Chance {
			if m.Onset.After(i.Opened) {
				m.Onset = o.Onset // ill again, and worse
			}
			*o = m
		}
		o.Suspected, o.LastIll = m.Suspected, at
	}
	slices.SortStableFunc(i.Members, func(a, b Member) int { return a.Onset.Compare(b.Onset) })
	i.Started = i.Members[0].Onset
	evidence := 0.0
	for _, m := range members {
		evidence -= m.Chance
	}
	clearest := clearestOf(members)
	clearer := evidence >= i.Evidence && (clearest.from >= recent || i.Evidence == 0)
	if clearer || len(i.Candidates) == 0 {
		r, since := t.blame(at, nodesOf(members), clearest.from)
		if len(r.Shares) > 0 {
			i.Sign, i.Units = r.Sign, r.Units
			i.Candidates = t.candidates(i, &r)
			i.Path = i.path(since, names)
		} else if len(i.Candidates) == 0 {
			i.Sign = clearest.Sign // whose fault it is shows when it is known how requests fared
		}
	}
	if clearer {
		i.Evidence = evidence
	}
	i.hit(t.series, outside)
}

// blame says who is to blame for what became of nodes since the begin of a stretch, and compares it with what was before,
// but for when the same nodes were ill that have been well since.
func (t *Tracker) blame(at time.Time, nodes map[graph.NodeID]bool, from int) (r Ranking, since *Sample) {
	below := t.series.below(nodes)
	before, since := t.series.split(below, from, func(w graph.Window) bool {
		return slices.ContainsFunc(t.open, func(i *Incident) bool { return overlap(i.nodes, nodes) && i.wasIll(w, at) })
	})
	if len(before.operations) == 0 { // what is usual of them is not known yet
		before, since = t.series.split(below, from, func(graph.Window) bool { return false })
	}
	return rank(before, since, len(t.series.operations)+len(t.series.calls)), since
}

// mostBouts is how many an incident knows: there is room for no more of them in the stretches that are compared.
const mostBouts = 16

// wasIll reports whether it was ill in a window, and well for a while since.
func (i *Incident) wasIll(w graph.Window, at time.Time) bool {
	return slices.ContainsFunc(i.bouts, func(b graph.Window) bool {
		return at.Sub(b.To) >= underWay && b.From.Before(w.To) && w.From.Before(b.To)
	})
}

const (
	mostCandidates = 5
	tied           = 0.05             // shares that differ by less say nothing
	sooner         = 30 * time.Second // by which an onset must be earlier to say something
	majority       = 0.5
	strong         = 0.3 // share of one of several causes
)

// candidates are those with most of the blame. Of two that have about the same, a new version tells, and then which
// was ill first.
func (t *Tracker) candidates(i *Incident, r *Ranking) []Candidate {
	all := make([]Candidate, 0, mostCandidates)
	for _, s := range r.Shares[:min(len(r.Shares), mostCandidates)] {
		c := Candidate{Share: s, Onset: i.onsetOf(s.Node)}
		if name := t.series.versions[s.Node].newAt(i.Started); name != "" {
			c.Reasons = append(c.Reasons, Reason{Kind: NewVersion, Version: name})
		}
		all = append(all, c)
	}
	for n := 1; n < len(all); n++ {
		for m := n; m > 0 && all[m].before(&all[m-1]); m-- {
			all[m], all[m-1] = all[m-1], all[m]
		}
	}
	if len(all) > 1 && all[0].first(all[1:]) {
		all[0].Reasons = append(all[0].Reasons, Reason{Kind: FirstIll})
	}
	for n := range all {
		all[n].Likely = all[n].Share.Share >= majority || all[n].Share.Share >= strong && t.apart(all, n)
	}
	return all
}

// before reports whether c should be named before o, which has as much of the blame or a little more.
func (c *Candidate) before(o *Candidate) bool {
	if o.Share.Share-c.Share.Share > tied {
		return false
	}
	fresh := func(c *Candidate) bool {
		return slices.ContainsFunc(c.Reasons, func(r Reason) bool { return r.Kind == NewVersion })
	}
	if fresh(c) != fresh(o) {
		return fresh(c)
	}
	return !c.Onset.IsZero() && !o.Onset.IsZero() && o.Onset.Sub(c.Onset) >= sooner
}

// first reports whether c was ill before all others.
func (c *Candidate) first(others []Candidate) bool {
	return !c.Onset.IsZero() && !slices.ContainsFunc(others, func(o Candidate) bool {
		return !o.Onset.IsZero() && o.Onset.Sub(c.Onset) < sooner
	})
}

// apart reports whether there is another strong candidate, and no path of calls between any such and this one.
func (t *Tracker) apart(all []Candidate, n int) bool {
	others := 0
	below := t.series.below(map[graph.NodeID]bool{all[n].Node: true})
	for m := range all {
		if m == n || all[m].Share.Share < strong {
			continue
		}
		if below[all[m].Node] || t.series.below(map[graph.NodeID]bool{all[m].Node: true})[all[n].Node] {
			return false
		}
		others++
	}
	return others > 0
}

func (i *Incident) onsetOf(n graph.NodeID) (onset time.Time) {
	for _, m := range i.Members {
		if (m.Node == n && m.Callee == 0 || m.Callee == n) && (onset.IsZero() || m.Onset.Before(onset)) {
			onset = m.Onset
		}
	}
	return onset
}

// path finds the calls along which the failure travelled from the first candidate up.
func (i *Incident) path(now *Sample, names map[ends]graph.NodeID) (steps []Step) {
	if len(i.Candidates) == 0 {
		return nil
	}
	known := map[ends]*Step{}
	for k, c := range now.eachCall {
		e := ends{k.caller.node, named(names, k.caller.node, k.callee.node)}
		if i.nodes[e.caller] && e.caller != e.callee {
			s := at(known, e)
			s.Calls, s.Failed = s.Calls+c.calls, s.Failed+c.failed
		}
	}
	for k, g := range now.groups {
		if s := known[ends{k.node, named(names, k.node, k.callee)}]; s != nil {
			(*traces)(&s.Traces).addAll(g.fatalTraces)
			(*traces)(&s.Traces).addAll(g.survivedTraces)
		}
	}
	reached := map[graph.NodeID]bool{i.Candidates[0].Node: true}
	for queue := []graph.NodeID{i.Candidates[0].Node}; len(queue) > 0; queue = queue[1:] {
		var callers []ends
		for e := range known {
			if e.callee == queue[0] && !reached[e.caller] {
				callers = append(callers, e)
			}
		}
		slices.SortFunc(callers, func(a, b ends) int { return cmp.Compare(a.caller, b.caller) })
		for _, e := range callers {
			reached[e.caller] = true
			queue = append(queue, e.caller)
			s := *known[e]
			s.Caller, s.Callee, s.Onset = e.caller, e.callee, i.onsetOf(e.caller)
			steps = append(steps, s)
		}
	}
	return steps
}

// hit notes how operations fare that are called from outside: by a node that stands for that, or by nobody, and by no
// queue to which somebody inside sends. To make other calls than
// before does no harm to who calls.
func (i *Incident) hit(s *series, outside func(graph.NodeID) bool) {
	inner, sent := map[operation]bool{}, map[graph.NodeID]bool{}
	for _, c := range s.callList {
		sent[c.callee.node] = sent[c.callee.node] || !outside(c.caller.node)
		if i.nodes[c.callee.node] && !outside(c.caller.node) {
			inner[c.callee] = true
		}
	}
	for _, m := range i.Members {
		if m.Sign == Different || m.Callee != 0 || m.Operation == "" || inner[operation{m.Node, m.Operation}] {
			continue
		}
		if o := s.operations[operation{m.Node, m.Operation}]; o != nil && sent[o.queue] {
			continue
		}
		impact := Impact{m.Node, m.Operation, m.Requests, m.Bad}
		known := slices.IndexFunc(i.Entries, func(e Impact) bool { return e.Node == m.Node && e.Operation == m.Operation })
		if known < 0 {
			i.Entries = append(i.Entries, impact)
		} else if i.Entries[known].Bad < impact.Bad {
			i.Entries[known] = impact
		}
	}
	slices.SortFunc(i.Entries, func(a, b Impact) int {
		return cmp.Or(cmp.Compare(b.Bad, a.Bad), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Operation, b.Operation))
	})
}

package cascade

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"faultline/graph"
)

// Config says when something is an incident.
type Config struct {
	Confirm  int           `yaml:"confirm"`   // looks in a row in which something must be ill to be an incident
	Close    time.Duration `yaml:"close"`     // an incident ends when nothing of it was ill for so long
	HalfLife time.Duration `yaml:"half_life"` // of what is taken to be usual
	NewUsual time.Duration `yaml:"new_usual"` // what is ill for longer than this is usual from then on
	Keep     int           `yaml:"keep"`      // closed incidents kept
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Confirm: 2, Close: 10 * time.Minute, HalfLife: 30 * time.Minute, NewUsual: 6 * time.Hour, Keep: 200}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	for _, rule := range []struct {
		key string
		ok  bool
	}{
		{"confirm", c.Confirm > 0}, {"close", c.Close > 0}, {"half_life", c.HalfLife >= time.Minute}, {"new_usual", c.NewUsual > 0}, {"keep", c.Keep >= 0},
	} {
		if !rule.ok {
			errs = append(errs, errors.New("cascade."+rule.key+" is too small"))
		}
	}
	return errors.Join(errs...)
}

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
	nodes      map[graph.NodeID]bool
	evidence   float64 // how improbable all that was ill was when it was so most
}

// Open reports whether the incident lasts.
func (i *Incident) Open() bool { return i.Closed.IsZero() }

// Tracker follows incidents. It is for one tenant and not safe for concurrent use.
type Tracker struct {
	cfg     Config
	series  *series
	learned time.Time
	seconds float64 // that what is usual is of
	at      time.Time
	open    []*Incident
	closed  []*Incident // latest first
	pending []suspect
}

// suspect is a group that was ill in the last looks.
type suspect struct {
	nodes  map[graph.NodeID]bool
	looks  int
	onset  time.Time
	chance float64 // in the look in which it was least
}

// New returns a Tracker that knows nothing yet.
func New(cfg Config) *Tracker { return &Tracker{cfg: cfg, series: newSeries()} }

// Learn takes in what was seen in the bucket that ends at a time, which is not before one that was learned. Rows
// should be so old that they hardly change any more. They become usual when they are some minutes older, but for
// what is part of an incident by then, until it has lasted for Config.NewUsual.
func (t *Tracker) Learn(upTo time.Time, rows Rows) {
	if !upTo.After(t.learned) {
		return
	}
	s := t.series
	if !t.learned.IsZero() {
		passed := upTo.Sub(t.learned)
		by := math.Exp2(-passed.Minutes() / t.cfg.HalfLife.Minutes())
		s.fade(by)
		t.seconds = t.seconds*by + passed.Seconds()
	}
	t.learned = upTo
	if begin := s.begin[younger]; !begin.IsZero() && upTo.Sub(begin) > mellow {
		s.shift(elder, usual, t.illNodes(s.begin[elder], begin))
		s.shift(younger, elder, nil)
	}
	for bucket, part := range rows.byBucket {
		s.add(part, bucket, younger)
	}
	ill := t.illNodes(upTo.Add(-graph.OutcomeStep), upTo)
	for i := range rows.Outcomes {
		if r := &rows.Outcomes[i]; !ill[r.Caller] {
			at(s.groups, groupOf(r)).addRow(r)
		}
	}
}

// Learned is up to when was taken in as usual; zero: nothing.
func (t *Tracker) Learned() time.Time { return t.learned }

// illNodes are those of incidents that lasted in a stretch of time.
func (t *Tracker) illNodes(from, to time.Time) map[graph.NodeID]bool {
	nodes := map[graph.NodeID]bool{}
	for _, i := range t.open {
		if i.Started.Before(to) && to.Sub(i.Started) < t.cfg.NewUsual {
			maps.Copy(nodes, i.nodes)
		}
	}
	for _, i := range t.closed {
		if i.Started.Before(to) && i.Closed.After(from) && to.Sub(i.Started) < t.cfg.NewUsual {
			maps.Copy(nodes, i.nodes)
		}
	}
	for _, p := range t.pending {
		maps.Copy(nodes, p.nodes)
	}
	return nodes
}

// See takes in what was seen since Learned, for the next Look. at is the end of the latest bucket of all; if it is
// another one than before, or something was learned meanwhile, what was seen before is forgotten.
func (t *Tracker) See(at time.Time, rows Rows) {
	s := t.series
	if !at.Equal(t.at) {
		s.clear()
		t.at = at
	}
	for bucket, part := range rows.byBucket {
		s.add(part, bucket, max(recent, latest-int((at.Sub(bucket)-1)/graph.Step)))
	}
	for i := range rows.Outcomes {
		s.fare(&rows.Outcomes[i])
	}
}

// Forget forgets what was seen for the next Look.
func (t *Tracker) Forget() { t.at = time.Time{} }

// Look compares what was seen with what was before. outside reports whether a node stands for those who call from
// outside.
func (t *Tracker) Look(at time.Time, outside func(graph.NodeID) bool) {
	s := t.series
	t.at = time.Time{}
	s.sort()
	names := aliases(s.counted)
	members, suspicious := s.symptoms(names)
	var pending []suspect
	for _, nodes := range groups(members, s, names) {
		of := membersOf(members, nodes)
		first := slices.MinFunc(of, func(a, b Member) int { return a.Onset.Compare(b.Onset) }).Onset
		clearest := slices.MinFunc(of, func(a, b Member) int { return cmp.Compare(a.chance, b.chance) }).chance
		if i := t.incidentOf(at, nodes, of); i != nil {
			t.grow(i, at, nodes, of, names, outside)
			continue
		}
		s := suspect{nodes, 1, first, clearest}
		for _, p := range t.pending {
			if overlap(p.nodes, nodes) {
				s.looks = max(s.looks, p.looks+1)
				s.onset = earlier(s.onset, p.onset)
				s.chance = min(s.chance, p.chance)
			}
		}
		if s.looks < t.cfg.Confirm || s.chance > suspicious {
			pending = append(pending, s)
			continue
		}
		i := &Incident{ID: identity(s.onset, nodes), Started: s.onset, Opened: at, Suspected: true, nodes: map[graph.NodeID]bool{}}
		t.open = append(t.open, i)
		t.grow(i, at, nodes, of, names, outside)
	}
	t.pending = pending
	t.end(at)
}

func identity(onset time.Time, nodes map[graph.NodeID]bool) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %v", onset.Unix(), slices.Sorted(maps.Keys(nodes))))
	return hex.EncodeToString(sum[:6])
}

func membersOf(members []Member, nodes map[graph.NodeID]bool) (of []Member) {
	for _, m := range members {
		if nodes[m.Node] {
			of = append(of, m)
		}
	}
	return of
}

// incidentOf is the open incident that what is ill belongs to: one that has the same members, or that is under way
// at nodes of theirs.
func (t *Tracker) incidentOf(at time.Time, nodes map[graph.NodeID]bool, members []Member) *Incident {
	for _, i := range t.open {
		for _, m := range members {
			if slices.ContainsFunc(i.Members, func(o Member) bool { return o.subject() == m.subject() }) {
				return i
			}
		}
	}
	for _, i := range t.open {
		if overlap(i.nodes, nodes) && at.Sub(i.LastIll) < underWay {
			return i
		}
	}
	return nil
}

// underWay is how long after its last sign an incident still spreads: other things that fall ill later are
// another incident.
const underWay = 45 * time.Second

func overlap(a, b map[graph.NodeID]bool) bool {
	for n := range a {
		if b[n] {
			return true
		}
	}
	return false
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// grow takes what is ill now into an incident. It never shrinks.
func (t *Tracker) grow(i *Incident, at time.Time, nodes map[graph.NodeID]bool, members []Member, names map[ends]graph.NodeID, outside func(graph.NodeID) bool) {
	maps.Copy(i.nodes, nodes)
	i.LastIll = at
	for _, m := range members {
		i.Suspected = i.Suspected && m.Suspected
		known := slices.IndexFunc(i.Members, func(o Member) bool { return o.subject() == m.subject() })
		if known < 0 {
			if m.from < recent && len(i.Members) > 0 && m.Onset.Before(i.Started) {
				m.Onset = i.Started // older stretches are long
			}
			i.Members = append(i.Members, m)
			continue
		}
		o := &i.Members[known]
		m.Suspected = m.Suspected && o.Suspected
		if m.from >= recent && m.chance < o.chance {
			*o = m
		}
		o.Suspected = m.Suspected
	}
	slices.SortStableFunc(i.Members, func(a, b Member) int { return a.Onset.Compare(b.Onset) })
	i.Started = i.Members[0].Onset
	evidence := 0.0
	for _, m := range members {
		evidence -= m.chance
	}
	clearest := slices.MinFunc(members, func(a, b Member) int { return cmp.Compare(a.chance, b.chance) })
	below := t.series.below(nodes)
	before, since := t.series.split(below, clearest.from)
	if evidence >= i.evidence && (clearest.from >= recent || i.evidence == 0) {
		r := rank(before, since, len(t.series.operations)+len(t.series.calls))
		i.Sign, i.Units, i.evidence = r.Sign, r.Units, evidence
		i.Candidates = t.candidates(i, &r)
		i.Path = i.path(since, names)
	}
	i.hit(t.series, outside)
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

// hit notes how operations fare that are called from outside: by a node that stands for that, or by nobody.
func (i *Incident) hit(s *series, outside func(graph.NodeID) bool) {
	inner := map[operation]bool{}
	for _, c := range s.callList {
		if i.nodes[c.callee.node] && !outside(c.caller.node) {
			inner[c.callee] = true
		}
	}
	for _, m := range i.Members {
		if m.Callee != 0 || m.Operation == "" || inner[operation{m.Node, m.Operation}] {
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

// end closes incidents of which nothing has been ill for a while.
func (t *Tracker) end(at time.Time) {
	still := t.open[:0]
	for _, i := range t.open {
		if at.Sub(i.LastIll) < t.cfg.Close {
			still = append(still, i)
			continue
		}
		i.Closed = i.LastIll
		t.closed = append([]*Incident{i}, t.closed...)
	}
	t.open = still
	t.closed = t.closed[:min(len(t.closed), t.cfg.Keep)]
}

// Incidents returns all incidents, open ones first, then the latest.
func (t *Tracker) Incidents() (all []Incident) {
	for _, list := range [][]*Incident{t.open, t.closed} {
		for _, i := range list {
			c := *i
			c.Members, c.Entries = slices.Clone(i.Members), slices.Clone(i.Entries)
			all = append(all, c)
		}
	}
	return all
}

// Seconds is how long a time usual counts are of.
func (t *Tracker) Seconds() float64 { return t.seconds }

// Calls yields what calls what in usual times, in a fixed order, with how often, which only compares.
func (t *Tracker) Calls(yield func(caller graph.NodeID, operation string, callee graph.NodeID, called string, calls float64)) {
	t.series.sort()
	for _, c := range t.series.callList {
		k := c.call
		if n := c.sums[usual].calls + c.sums[elder].calls + c.sums[younger].calls; n > 0 {
			yield(k.caller.node, k.caller.name, k.callee.node, k.callee.name, n)
		}
	}
}

// Requests yields how many requests operations serve in usual times, likewise.
func (t *Tracker) Requests(yield func(node graph.NodeID, operation string, requests float64)) {
	t.series.sort()
	for _, o := range t.series.operationList {
		if n := o.sums[usual].requests + o.sums[elder].requests + o.sums[younger].requests; n > 0 {
			yield(o.node, o.name, n)
		}
	}
}

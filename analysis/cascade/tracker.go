package cascade

import (
	"errors"
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
		if t.seconds *= by; len(s.operationList) > 0 || len(rows.Operations) > 0 { // before the first requests there is nothing to count
			t.seconds += passed.Seconds()
		}
	}
	t.learned = upTo
	if begin := s.begin[younger]; !begin.IsZero() && upTo.Sub(begin) > mellow {
		s.merge(elder, usual, t.illNodes(s.begin[elder], begin))
		s.merge(younger, elder, nil)
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

// Move makes a time the end of the latest bucket. What was seen for earlier looks is kept of buckets and minutes that will not have
// been learned by the next one.
func (t *Tracker) Move(at, learned time.Time) {
	s := t.series
	for n := recent + 1; n <= latest; n++ {
		if begin := s.begin[n]; !begin.IsZero() && begin.Before(learned) {
			s.empty(n)
		}
	}
	if t.at.IsZero() || !s.move(int(at.Sub(t.at)/graph.Step)) {
		s.clear()
	}
	s.fared = slices.DeleteFunc(s.fared, func(m faredMinute) bool { return !m.begin.Add(graph.OutcomeStep).After(learned) })
	t.at = at
}

// Holds reports whether a bucket was seen since Learned.
func (t *Tracker) Holds(bucket time.Time) bool {
	n := t.stretchOf(bucket)
	return n > recent && t.series.begin[n].Equal(bucket)
}

// HoldsMinute reports whether it was seen since Learned how requests fared in a minute.
func (t *Tracker) HoldsMinute(minute time.Time) bool {
	return slices.ContainsFunc(t.series.fared, func(m faredMinute) bool { return m.begin.Equal(minute) })
}

// See takes in what was seen since Learned, for the next Look. at is the end of the latest bucket of all; if it is another one than
// before, what was seen before is forgotten: Move keeps it. All rows of a bucket or minute come at once, in place of those that came for
// an earlier look.
func (t *Tracker) See(at time.Time, rows Rows) {
	s := t.series
	if !at.Equal(t.at) {
		s.clear()
		t.at = at
	}
	for bucket, part := range rows.byBucket {
		n := t.stretchOf(bucket)
		if n > recent && !s.begin[n].IsZero() {
			s.empty(n)
		}
		s.add(part, bucket, n)
	}
	s.fare(rows.Outcomes)
}

// stretchOf is where a bucket belongs that is not learned.
func (t *Tracker) stretchOf(bucket time.Time) int {
	return max(recent, latest-int((t.at.Sub(bucket)-1)/graph.Step))
}

// Look compares what was seen with what was before. outside reports whether a node stands for those who call from
// outside.
func (t *Tracker) Look(at time.Time, outside func(graph.NodeID) bool) {
	s := t.series
	s.sort()
	names := aliases(s.counted)
	members, suspicious := s.symptoms(names)
	var pending []suspect
	for _, nodes := range groups(members, s, names) {
		carried, fresh := t.carried(at, membersOf(members, nodes))
		if len(fresh) > 0 {
			if i, p := t.place(at, carried, fresh, suspicious); i != nil {
				carried[i] = append(carried[i], fresh...)
			} else {
				pending = append(pending, p)
			}
		}
		for _, i := range t.open {
			if of := carried[i]; len(of) > 0 {
				t.grow(i, at, of, names, outside)
			}
		}
	}
	t.pending = pending
	t.end(at)
}

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

// Seconds is how long a time is that Requests are of: what is older counts less.
func (t *Tracker) Seconds() float64 { return t.seconds }

// Calls yields what calls what in usual times, in a fixed order, with how often, which only compares.
func (t *Tracker) Calls(yield func(caller graph.NodeID, operation string, callee graph.NodeID, called string, calls float64)) {
	t.series.sort()
	for _, c := range t.series.callList {
		k := c.call
		if n := c.calls(usual) + c.calls(elder) + c.calls(younger); n > 0 {
			yield(k.caller.node, k.caller.name, k.callee.node, k.callee.name, n)
		}
	}
}

// Requests yields how many requests operations served in Seconds, likewise, and the queue whose messages they take, if there is one.
func (t *Tracker) Requests(yield func(node graph.NodeID, operation string, requests float64, queue graph.NodeID)) {
	t.series.sort()
	for _, o := range t.series.operationList {
		if o.served > 0 {
			yield(o.node, o.name, o.served, o.queue)
		}
	}
}

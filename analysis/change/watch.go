package change

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"faultline/graph"
)

// Signal is what an alarm is about.
type Signal string

// The signals.
const (
	Failing Signal = "errors"  // a larger share than usual fails
	Slow    Signal = "latency" // more than usual take longer than all but a hundredth usually do
	Busy    Signal = "rate"    // more or fewer than usual
	Silent  Signal = "silent"  // none at all, although the operation that makes the calls has requests
)

// Alarm says that a series is not as usual.
type Alarm struct {
	Series
	Signal    Signal
	Reference Reference
	Since     time.Time // start of the first minute of it
	Last      time.Time // start of the latest minute in which it was seen
	Closed    time.Time // zero: it lasts
	Now       float64   // share, or calls in a minute, in the latest minute in which it was seen
	Usual     float64
	Count, Of float64       // what Now was counted from; of Silent: 0, and the calls that were expected
	Threshold time.Duration // of Slow: what is slow
	P         float64       // probability by chance of that minute
	Explained bool          // it is part of an incident
}

// Open reports whether the alarm lasts.
func (a *Alarm) Open() bool { return a.Closed.IsZero() }

// WatchConfig says how wary the watch is.
type WatchConfig struct {
	Series int     `yaml:"series"`  // operations watched, and as many call sites: the busiest
	Share  float64 `yaml:"share"`   // of what is told in one minute, how much may be chance
	PerDay float64 `yaml:"per_day"` // alarms in a day that no incident explains; above it, ever more is asked of the next
}

// DefaultWatchConfig returns the defaults.
func DefaultWatchConfig() WatchConfig { return WatchConfig{Series: 2000, Share: level, PerDay: 1} }

// Validate reports every setting that cannot work.
func (c WatchConfig) Validate() error {
	var errs []error
	if c.Series <= 0 {
		errs = append(errs, errors.New("series must be positive"))
	}
	if c.Share <= 0 || c.Share >= 1 {
		errs = append(errs, errors.New("share must be between 0 and 1"))
	}
	if c.PerDay <= 0 {
		errs = append(errs, errors.New("per_day must be positive"))
	}
	return errors.Join(errs...)
}

const (
	raiseOf, raiseIn = 2, 3 // minutes to raise an alarm
	calmMinutes      = 5    // to close it
	silentMinutes    = 5
	silentLeast      = 10 // calls that must have been expected
	rateFreedom      = 16 // of Student's distribution: minutes vary more wildly than they seem to
	rateGrowth       = 2  // or shrinkage: noise that lasts some minutes looks like a small one
	failingGrowth    = 2
	failingShift     = 0.01
	slowGrowth       = 5
	slowMargin       = 4 // buckets: a fifth longer
	keepAlarms       = 24 * time.Hour
	oneEvent         = 10 * time.Minute // alarms raised within it have one cause
)

// Watch holds what is usual and the alarms of one system. It is not safe for concurrent use.
type Watch struct {
	cfg     WatchConfig
	usual   map[Series]*usual
	watched map[Series]*watched
	alarms  []*Alarm  // by time of the minute that raised them
	minute  time.Time // the latest looked at
}

// watched is what the last minutes of a series said.
type watched struct {
	history map[Signal]uint8 // the lowest bit is of the latest minute
	open    map[Signal]*Alarm
	calm    map[Signal]int
	calls   [silentMinutes]float64
}

// newWatched takes it that the minutes before were as usual: they are not known to be silence.
func newWatched(u *usual) *watched {
	k := &watched{history: map[Signal]uint8{}, open: map[Signal]*Alarm{}, calm: map[Signal]int{}}
	for i := range k.calls {
		k.calls[i] = u.recent.perMinute()
	}
	return k
}

// NewWatch returns a Watch that knows nothing yet.
func NewWatch(cfg WatchConfig) *Watch {
	return &Watch{cfg: cfg, usual: map[Series]*usual{}, watched: map[Series]*watched{}}
}

// Learn replaces what is usual by what the slots of References say. The busiest series are kept.
func (w *Watch) Learn(at time.Time, slots []Slot) {
	by := map[Series][]*Slot{}
	for i := range slots {
		by[slots[i].Series] = append(by[slots[i].Series], &slots[i])
	}
	w.usual = make(map[Series]*usual, len(by))
	for s, of := range by {
		if u, ok := usualOf(of, at); ok {
			w.usual[s] = &u
		}
	}
	for s := range w.watched {
		if w.usual[s] == nil && len(w.watched[s].open) == 0 {
			delete(w.watched, s)
		}
	}
}

// Looked is the start of the latest minute that was looked at.
func (w *Watch) Looked() time.Time { return w.minute }

// Watched is how many series have something to be held against.
func (w *Watch) Watched() int { return len(w.usual) }

// AddCall adds a row, of any bucket in a minute, to the minute, if its series is watched. Calls from outside are
// the requests of operations, and those of a node to itself are no dependency.
func (w *Watch) AddCall(m Minute, row *graph.CallSiteRow) {
	s := Series{Node: row.Caller, Operation: row.CallerOperation, Callee: row.Callee}
	if row.Via == 0 && w.watches(s) {
		m.add(s, &row.Stats, row.Client)
	}
}

// AddOperation adds a row likewise.
func (w *Watch) AddOperation(m Minute, row *graph.OperationRow) {
	if s := (Series{Node: row.Node, Operation: row.Operation}); w.watches(s) {
		m.add(s, &row.Stats, row.Server)
	}
}

func (w *Watch) watches(s Series) bool { return w.usual[s] != nil || w.watched[s] != nil }

// suspicion is what one minute says about one signal of a series.
type suspicion struct {
	Alarm
	material bool
}

// Look takes in a minute, in order. Series that are not in it had no traffic.
// explained reports whether an incident accounts for what happens to a series.
func (w *Watch) Look(minute time.Time, now Minute, explained func(Series) bool) {
	for s, u := range w.usual {
		if w.watched[s] == nil {
			w.watched[s] = newWatched(u)
		}
	}
	var suspicions []suspicion
	for s, k := range w.watched {
		slot := now[s]
		if slot == nil {
			slot = &Slot{Series: s}
		}
		copy(k.calls[1:], k.calls[:])
		k.calls[0] = 0
		for _, c := range slot.Calls {
			k.calls[0] += float64(c)
		}
		if u := w.usual[s]; u != nil {
			suspicions = append(suspicions, u.suspect(slot, k.calls[0])...)
		}
	}
	for s := range w.watched {
		if s.Callee != 0 {
			suspicions = append(suspicions, w.silence(minute, s)...)
		}
	}
	w.raise(minute, suspicions, explained)
	w.minute = minute
	w.alarms = slices.DeleteFunc(w.alarms, func(a *Alarm) bool { return !a.Open() && minute.Sub(a.Closed) > keepAlarms })
}

// suspect tests one minute of a series.
func (u *usual) suspect(slot *Slot, calls float64) (all []suspicion) {
	of := Alarm{Series: slot.Series, Reference: u.reference}
	if calls > 0 {
		a := of
		a.Signal, a.Usual, a.Of = Failing, u.failures.share, calls
		for _, n := range slot.Failed {
			a.Count += float64(max(n, 0))
		}
		a.Now, a.P = a.Count/calls, u.failures.chance(a.Count, calls)
		all = append(all, suspicion{a, a.Now >= failingGrowth*a.Usual && a.Now-a.Usual >= failingShift})
	}
	if n := total(slot.Durations); n > 0 {
		a := of
		a.Signal, a.Usual, a.Of, a.Count = Slow, u.slow.share, n, above(slot.Durations, u.slowIndex)
		a.Threshold = graph.UpperBound(u.slowIndex)
		a.Now, a.P = a.Count/n, u.slow.chance(a.Count, n)
		far := above(slot.Durations, u.slowIndex+slowMargin) / n // else a small shift of many equal durations would do
		all = append(all, suspicion{a, a.Now >= slowGrowth*slowShare && a.Now >= failingGrowth*a.Usual && far >= failingGrowth*slowShare})
	}
	if calls == 0 && slot.Callee != 0 {
		return all // that is silence, or its caller has nothing to do, which is told of the caller
	}
	a := of
	a.Signal, a.Now, a.Count, a.Of = Busy, calls, calls, 1
	a.P = max(u.season.chance(calls), u.recent.chance(calls))
	a.Usual = u.recent.perMinute()
	least, most := min(a.Usual, u.season.perMinute()), max(a.Usual, u.season.perMinute())
	return append(all, suspicion{a, calls >= rateGrowth*most || calls*rateGrowth <= least})
}

// chance is the probability of a count that is at least so far from what is usual.
func (p pace) chance(count float64) float64 {
	return studentTail((math.Sqrt(count)-p.root)/p.spread, rateFreedom)
}

// silence tests whether calls have stopped although what makes them goes on. Calls that come in bursts are
// expected in bursts. What is silent stays so until a call comes, for a day: the hour in which there were none
// becomes usual, and they are still gone.
func (w *Watch) silence(minute time.Time, s Series) []suspicion {
	k, u := w.watched[s], w.usual[s]
	if open := k.open[Silent]; open != nil && k.calls[0] == 0 && minute.Sub(open.Since) < keepAlarms {
		return []suspicion{{*open, true}}
	}
	caller := Series{Node: s.Node, Operation: s.Operation}
	requests, by := w.watched[caller], w.usual[caller]
	if u == nil || requests == nil || by == nil || by.recent.perMinute() < 1 {
		return nil
	}
	a := Alarm{Series: s, Reference: u.reference, Signal: Silent, Usual: u.recent.perMinute()}
	for i := range k.calls {
		if k.calls[i] > 0 {
			return nil
		}
		a.Of += requests.calls[i]
	}
	a.Of *= u.recent.perMinute() / by.recent.perMinute()
	if a.Of < silentLeast {
		return nil
	}
	a.P = math.Exp(-a.Of / u.recent.bursts())
	return []suspicion{{a, a.P < lostChance}}
}

// raise turns suspicions into alarms: those of a minute are one family, and of what is believed two minutes in
// three must agree. Silence is of five minutes already, with a bar of its own.
func (w *Watch) raise(minute time.Time, suspicions []suspicion, explained func(Series) bool) {
	slices.SortFunc(suspicions, func(a, b suspicion) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Callee, b.Callee), cmp.Compare(a.Signal, b.Signal))
	})
	p := make([]float64, len(suspicions))
	for i := range suspicions {
		p[i] = suspicions[i].P
	}
	bar := w.Bar(minute)
	corrected := benjaminiYekutieli(p, len(p))
	believed := map[Series]map[Signal]bool{}
	for i := range suspicions {
		s := &suspicions[i]
		if !s.material || s.Signal != Silent && corrected[i] > bar {
			continue
		}
		if believed[s.Series] == nil {
			believed[s.Series] = map[Signal]bool{}
		}
		believed[s.Series][s.Signal] = true
		w.confirm(minute, &s.Alarm, explained)
	}
	for s, k := range w.watched {
		for signal := range k.history {
			if !believed[s][signal] {
				k.rest(minute, signal)
			}
		}
	}
}

// confirm is a minute in which a signal is believed.
func (w *Watch) confirm(minute time.Time, a *Alarm, explained func(Series) bool) {
	k := w.watched[a.Series]
	before := k.history[a.Signal]
	k.history[a.Signal] = before<<1 | 1
	k.calm[a.Signal] = 0
	if open := k.open[a.Signal]; open != nil {
		since, told := open.Since, open.Explained
		*open = *a
		open.Since, open.Last, open.Explained = since, minute, told || explained(a.Series)
		return
	}
	agree := 0
	for i := range raiseIn {
		agree += int(k.history[a.Signal] >> i & 1)
	}
	if agree < raiseOf && a.Signal != Silent {
		return
	}
	raised := *a
	raised.Since, raised.Last, raised.Explained = minute, minute, explained(a.Series)
	switch {
	case a.Signal == Silent:
		raised.Since = minute.Add(-(silentMinutes - 1) * time.Minute)
	case before&1 != 0:
		raised.Since = minute.Add(-time.Minute)
	default:
		raised.Since = minute.Add(-2 * time.Minute)
	}
	k.open[a.Signal] = &raised
	w.alarms = append(w.alarms, &raised)
}

// rest is a minute in which a signal is not believed.
func (k *watched) rest(minute time.Time, signal Signal) {
	k.history[signal] <<= 1
	k.calm[signal]++
	if open := k.open[signal]; open != nil && k.calm[signal] >= calmMinutes {
		open.Closed = minute
		delete(k.open, signal)
	}
	if k.open[signal] == nil && k.history[signal] == 0 {
		delete(k.history, signal)
		delete(k.calm, signal)
	}
}

// Bar is the share of what is told that may be chance, at a time. It falls by a factor of ten with each alarm of
// the day before that no incident explains, above what the day may have: whatever makes series restless, of
// which the tests know nothing, raises few alarms.
func (w *Watch) Bar(at time.Time) float64 {
	n := 0.0
	var last time.Time
	for _, a := range w.alarms {
		if a.Explained || a.Signal == Silent || at.Sub(a.Since) > keepAlarms {
			continue
		}
		if last.IsZero() || a.Since.Sub(last) > oneEvent {
			n++
		}
		last = a.Since
	}
	return w.cfg.Share * math.Pow(10, -max(0, n-w.cfg.PerDay))
}

// Alarms returns those that last and those of the last day, the latest first.
func (w *Watch) Alarms() []Alarm {
	all := make([]Alarm, 0, len(w.alarms))
	for _, a := range slices.Backward(w.alarms) {
		all = append(all, *a)
	}
	slices.SortStableFunc(all, func(a, b Alarm) int { return b.Since.Compare(a.Since) })
	return all
}

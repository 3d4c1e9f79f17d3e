package dependency

import (
	"math"
	"slices"

	"faultline/graph"
)

const (
	carriedOver = 10.0 // failures that evidence about earlier versions of the caller counts as
	perMinute   = 3.0  // failures of a minute that count towards a change
	changesKept = 4
	changeEvery = 6 * 60 // minutes between two changes of a call site
	likelyFails = 0.8    // hardness of a hard dependency, as a change is looked for
	rarelyFails = 0.2    // of a soft one
	halfFails   = 0.5    // of a partial one
)

// changeSure is how much likelier the other hypothesis must have become for a change, as a logarithm.
var changeSure = math.Log(99)

// failMinute is what a minute said about failures at one call site.
type failMinute struct {
	at              int32 // Unix minutes
	counts                // raw
	clean, cleanBad int64 // requests of the operation in which no callee failed; of these the failed ones
	version         string
	fatal, survived graph.TraceID
}

// counts are raw counts of failures.
type counts struct {
	totalFatal, totalSurvived, partialFatal, partialSurvived, contestedFatal, contestedSurvived, contestedPassed, fatalPassed int64
}

func (c *counts) add(o *counts) {
	c.totalFatal += o.totalFatal
	c.totalSurvived += o.totalSurvived
	c.partialFatal += o.partialFatal
	c.partialSurvived += o.partialSurvived
	c.contestedFatal += o.contestedFatal
	c.contestedSurvived += o.contestedSurvived
	c.contestedPassed += o.contestedPassed
	c.fatalPassed += o.fatalPassed
}

func (c *counts) any() bool { return *c != counts{} }

// isolated says whether there was a failure that is evidence.
func (c *counts) isolated() bool { return c.totalFatal+c.totalSurvived+c.partialFatal > 0 }

// leak is u + v·(leak over all time), the leak in the minute.
func (m *failMinute) leak() (u, v float64) {
	n := float64(m.clean) + leakWeight
	return float64(m.cleanBad) / n, leakWeight / n
}

// tally is the evidence of the minute, of which at most limit failures count.
func (m *failMinute) tally(limit float64) tally {
	u, v := m.leak()
	var t tally
	scale := 1.0
	if all := float64(m.totalFatal + m.totalSurvived); all > 0 {
		scale = min(1, limit/all)
		t.a, t.b, t.w = scale*float64(m.totalFatal), scale*float64(m.totalSurvived), scale*float64(m.fatalPassed)
		t.n = t.a + t.b
		t.u, t.v = u*t.n, v*t.n
	}
	t.c = min(scale*float64(m.contestedPassed), limit)
	if m.partialFatal > 0 || m.partialSurvived > 0 {
		scale := 1.0
		if fatal := float64(m.partialFatal); fatal > limit {
			scale = limit / fatal
		}
		all := scale * float64(m.partialFatal+m.partialSurvived)
		t.p, t.ps, t.pu, t.pv = scale*float64(m.partialFatal), scale*float64(m.partialSurvived), u*all, v*all
	}
	return t
}

// record is evidence with the raw counts behind it.
type record struct {
	tally
	counts
	since int32 // minute of the first failure; 0: none
}

func (r *record) include(m *failMinute, t *tally) {
	r.tally.add(t)
	r.counts.add(&m.counts)
	if r.since == 0 && m.isolated() {
		r.since = m.at
	}
}

// watch is one side of a CUSUM: how much likelier it has become, since it last stood at zero, that the
// coupling is no longer what the verdict says, and the evidence since then.
type watch struct {
	sum float64
	run record
}

func (w *watch) move(by float64, m *failMinute, t *tally) (alarm bool) {
	if w.sum == 0 && by > 0 {
		w.run.include(m, t)
	}
	if w.sum += by; w.sum <= 0 {
		*w = watch{}
	}
	return w.sum >= changeSure
}

// include adds a minute to the evidence since w left zero.
func (w *watch) include(m *failMinute, t *tally) {
	if w.sum > 0 {
		w.run.include(m, t)
	}
}

// oneSided says whether the evidence since w left zero speaks for one side only.
func (w *watch) oneSided() bool {
	if w.sum == 0 {
		return false
	}
	hardness := w.run.a / (w.run.a + w.run.b)
	return hardness < partialAbove || hardness > partialBelow
}

// state is everything that the minutes up to some minute said about failures at one call site. It is a
// value: a copy can go its own way.
type state struct {
	record
	day   int32 // to which evidence has faded
	epoch int32 // minute up to which new versions of the caller were taken into account

	verdict    Verdict // "" and unknown: none
	left       Verdict // the last verdict, while a change has led to none yet
	since      int32   // minute in which verdict was reached
	up, down   watch   // against soft, against hard
	agreed     string  // version of the caller in the last minute in which nothing spoke against the verdict
	changed    int32   // minute of the last change; 0: none
	changes    []Change
	lastFailed int32

	fatal, survived graph.TraceID
}

// setting is what a step needs to know about the world around a call site at a minute.
type setting struct {
	leak       float64 // of the operation, over all time
	prior      Prior   // by structure
	biased     bool
	episodeCap float64
	fade       func(days int32) float64
	epochs     []epoch // versions of the caller by first minute
}

// epoch is a version of a caller.
type epoch struct {
	version     string
	first, last int32 // minutes
}

// reach brings s to minute at: evidence fades, and counts less for each new version of the caller.
func (s *state) reach(at int32, set *setting) {
	for _, e := range set.epochs {
		if e.first > s.epoch && e.first <= at {
			s.age(dayOf(e.first), set)
			s.limit(carriedOver)
			s.epoch = e.first
		}
	}
	s.age(dayOf(at), set)
}

func (s *state) age(day int32, set *setting) {
	if day <= s.day {
		return
	}
	if s.day != 0 {
		by := set.fade(day - s.day)
		s.fade(by)
		s.up.run.fade(by)
		s.down.run.fade(by)
	}
	s.day = day
}

// step takes a minute into account. Minutes must come in order.
func (s *state) step(m *failMinute, set *setting) {
	s.reach(m.at, set)
	t := m.tally(set.episodeCap)
	s.include(m, &t)
	s.up.include(m, &t)
	s.down.include(m, &t)
	if !m.isolated() {
		return
	}
	s.lastFailed = m.at
	if m.fatal != (graph.TraceID{}) {
		s.fatal = m.fatal
	}
	if m.survived != (graph.TraceID{}) {
		s.survived = m.survived
	}

	if s.suspect(m, &t, set.leak) {
		from := s.verdict
		s.up, s.down = watch{}, watch{}
		s.verdict, s.since = s.read(set.leak).verdict(set.prior, set.biased), m.at
		if from != s.verdict {
			s.left = from
		}
	} else {
		s.settle(m.at, set)
	}
	s.announce(m, set.leak)
	if s.left == "" && s.up.sum == 0 && s.down.sum == 0 {
		s.agreed = m.version
	}
}

// settle takes up a verdict for which there is enough evidence now. A verdict is not given up for lack of
// evidence, only for another one, and not while a change to the opposite is suspected: all evidence together
// looks partial then, too.
func (s *state) settle(at int32, set *setting) {
	now := s.read(set.leak)
	if s.decided() && (s.up.oneSided() || s.down.oneSided() || now.holds(s.verdict, set.prior, set.biased)) {
		return
	}
	if v := now.verdict(set.prior, set.biased); v != Unknown && v != s.verdict {
		s.verdict, s.since = v, at
		s.up, s.down = watch{}, watch{}
	}
}

// suspect moves the two sides of the CUSUM and reports whether one of them calls the verdict wrong. The
// evidence since that side stood at zero then replaces all other.
func (s *state) suspect(m *failMinute, t *tally, leak float64) bool {
	if !s.decided() {
		return false
	}
	a, b := float64(m.totalFatal), float64(m.totalSurvived)+float64(m.contestedPassed)*s.stops()
	if a+b == 0 {
		return false
	}
	scale := min(1, perMinute/(a+b))
	a, b = scale*a, scale*b
	u, v := m.leak()
	l := min(u+v*leak, 0.999)
	// ratio is how much likelier the minute is with hardness h1 than with h0, as a logarithm.
	ratio := func(h1, h0 float64) float64 {
		return a*math.Log((h1+(1-h1)*l)/(h0+(1-h0)*l)) + b*math.Log((1-h1)/(1-h0))
	}
	towardsHard, towardsSoft := ratio(likelyFails, rarelyFails), ratio(rarelyFails, likelyFails)
	if s.verdict == Partial {
		towardsHard, towardsSoft = ratio(likelyFails, halfFails), ratio(rarelyFails, halfFails)
	}
	if s.verdict != Hard && s.up.move(towardsHard, m, t) {
		s.record = s.up.run
		return true
	}
	if s.verdict != Soft && s.down.move(towardsSoft, m, t) {
		s.record = s.down.run
		return true
	}
	return false
}

// announce records a change once the verdict after it is known.
func (s *state) announce(m *failMinute, leak float64) {
	if s.left == "" || !s.decided() {
		return
	}
	from := s.left
	s.left = ""
	if from == s.verdict || s.changed != 0 && m.at-s.changed < changeEvery {
		return
	}
	s.changed = m.at
	s.changes = append(slices.Clone(s.changes), Change{
		At: timeOf(m.at), From: from, To: s.verdict, Evidence: s.evidence(s.read(leak)),
		VersionBefore: s.agreed, VersionAfter: m.version,
	})
	if extra := len(s.changes) - changesKept; extra > 0 {
		s.changes = s.changes[extra:]
	}
}

func (s *state) decided() bool { return s.verdict != "" && s.verdict != Unknown }

// evidence is the record in words of the API.
func (r *record) evidence(now sample) Evidence {
	return Evidence{
		TotalFatal: r.totalFatal, TotalSurvived: r.totalSurvived,
		PartialFatal: r.partialFatal, PartialSurvived: r.partialSurvived,
		ContestedFatal: r.contestedFatal, ContestedSurvived: r.contestedSurvived,
		Fatal: now.a, Survived: now.b, Since: timeOf(r.since),
	}
}

// needs is the least number of further failures of one kind, one in a minute, that changes the verdict.
func (s *state) needs(set *setting) Needs {
	if !s.decided() {
		return s.read(set.leak).needs(Unknown, set.prior, set.leak, set.biased)
	}
	best := Needs{}
	for _, fatal := range [...]bool{true, false} {
		if fatal && s.verdict == Hard || !fatal && s.verdict == Soft {
			continue
		}
		future := *s
		future.left = ""
		m := failMinute{at: s.day * minutesPerDay}
		if fatal {
			m.totalFatal = 1
		} else {
			m.totalSurvived = 1
		}
		for k := 1; k <= maxNeeds && (best.Failures == 0 || k < best.Failures); k++ {
			future.step(&m, set)
			if future.verdict != s.verdict {
				best = Needs{k, fatal, future.verdict}
				break
			}
		}
	}
	return best
}

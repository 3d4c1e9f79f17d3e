package dependency

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"faultline/graph"
)

// The means of the priors.
const (
	priorSync   = 0.6
	priorAsync  = 0.05
	priorCache  = 0.35
	priorHealth = 0.8
)

const (
	asyncShare     = 0.5 // of the requests, above which a callee is taken to be asynchronous
	asyncRequests  = 10  // requests to say so
	probeFlips     = 3
	latencySlope   = 0.7
	latencyR2      = 0.3
	latencyCount   = 200
	latencyMargin  = 0.3  // to which the slope must be known where R2 is less
	latencyTop     = 1.5  // above which the slope is then that of something that slows both
	latencyOnPath  = 0.5  // share of requests that must then wait for the callee
	resolutionTime = 1024 // µs², of which sums of squares are multiples
)

// Judgements yields a judgement for every call site with traffic, by caller, operation and callee. How old
// evidence is is reckoned from at, which must not be before the latest minute.
func (j *Judge) Judgements(at time.Time) iter.Seq[Judgement] {
	return func(yield func(Judgement) bool) {
		j.sort()
		j.judge(j.order, minuteOf(at), yield)
	}
}

// Updated yields the judgements of the call sites that are new or whose evidence has changed since the last
// call of Updated, by caller, operation and callee.
func (j *Judge) Updated(at time.Time) iter.Seq[Judgement] {
	return func(yield func(Judgement) bool) {
		updated := j.updated
		j.updated = nil
		for _, number := range updated {
			j.siteTab.at(number).updated = false
		}
		slices.SortFunc(updated, j.compare)
		j.judge(updated, minuteOf(at), yield)
	}
}

// Of returns the judgement of one call site, and false if it had no traffic.
func (j *Judge) Of(of Site, at time.Time) (judgement Judgement, ok bool) {
	op, known := j.ops[opKey{of.Caller, of.Operation}]
	if !known {
		return Judgement{}, false
	}
	number, known := j.sites[siteKey{op, of.Callee}]
	if !known {
		return Judgement{}, false
	}
	j.judge([]uint32{number}, minuteOf(at), func(found Judgement) bool {
		judgement, ok = found, true
		return false
	})
	return judgement, ok
}

// sort brings order up to date.
func (j *Judge) sort() {
	if len(j.fresh) == 0 {
		return
	}
	slices.SortFunc(j.fresh, j.compare)
	merged := make([]uint32, 0, len(j.order)+len(j.fresh))
	a, b := j.order, j.fresh
	for len(a) > 0 && len(b) > 0 {
		if j.compare(a[0], b[0]) < 0 {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	j.order, j.fresh = append(append(merged, a...), b...), j.fresh[:0]
}

func (j *Judge) compare(a, b uint32) int {
	s, t := j.siteTab.at(a), j.siteTab.at(b)
	if s.op == t.op {
		return cmp.Compare(s.callee, t.callee)
	}
	o, p := j.opTab.at(s.op), j.opTab.at(t.op)
	if o.caller == p.caller {
		return strings.Compare(o.name, p.name)
	}
	return cmp.Compare(j.callerTab.at(o.caller).id, j.callerTab.at(p.caller).id)
}

// operationView is an operation as call sites under it see it.
type operationView struct {
	*operation
	number uint32
	id     graph.NodeID // of the caller
	day    int32
	n      [opCounters]float64 // of all minutes, as of day
	leaks  []leakAt            // after each replaceable minute in which the operation had requests
	epochs []epoch
	full   bool // leaks and epochs are known

	versions []Version // epochs that had begun; judgements share them
}

// versionsAt are the versions of epochs that had begun.
func versionsAt(epochs []epoch, at int32) []Version {
	var versions []Version
	for _, e := range epochs {
		if e.first <= at {
			versions = append(versions, Version{e.version, timeOf(e.first), timeOf(e.last)})
		}
	}
	return slices.Clip(versions)
}

type leakAt struct {
	at, day int32
	n       [opCounters]float64 // as of day
}

// judge yields the judgements of call sites in the order given, in which those of one operation should be
// neighbours.
func (j *Judge) judge(sites []uint32, at int32, yield func(Judgement) bool) {
	var view operationView
	var versions []epoch
	var versionsOf graph.NodeID
	for i, number := range sites {
		s := j.siteTab.at(number)
		if i == 0 || view.number != s.op {
			view = j.view(s.op, at)
		}
		if versions == nil || versionsOf != view.id {
			versions, versionsOf = j.epochs(view.caller), view.id
		}
		if view.epochs = versions; view.versions == nil {
			view.versions = versionsAt(versions, at)
		}
		judgement, ok := j.judgement(s, &view, at)
		if ok && !yield(judgement) {
			return
		}
	}
}

func (j *Judge) view(number uint32, at int32) operationView {
	v := operationView{operation: j.opTab.at(number), number: number, day: dayOf(at)}
	v.id = j.callerTab.at(v.caller).id
	by := 1.0
	if v.operation.day != 0 && v.day > v.operation.day {
		by = j.fade(v.day - v.operation.day)
	}
	recent := j.fadeRecent(v.day)
	for i := range v.n {
		v.n[i] = v.old[i]*by + float64(v.recent[i])*recent
	}
	return v
}

// fadeRecent is the weight on a day of what is summed up over the replaceable minutes, which are taken to be
// as old as the latest.
func (j *Judge) fadeRecent(day int32) float64 {
	if n := len(j.minutes); n > 0 && day > dayOf(j.minutes[n-1].at) {
		return j.fade(day - dayOf(j.minutes[n-1].at))
	}
	return 1
}

// epochs are the versions of a caller by all minutes.
func (j *Judge) epochs(caller uint32) []epoch {
	epochs := slices.Clone(j.callerTab.at(caller).epochs)
	for _, m := range j.minutes {
		epochs = withVersions(epochs, m.at, m.versionsOf(caller))
	}
	return append(make([]epoch, 0, len(epochs)), epochs...)
}

// leakUntil is the leak of the operation by all minutes up to at, as it is known when at becomes final.
func (j *Judge) leakUntil(v *operationView, at int32) float64 {
	if !v.full {
		v.full = true
		o := *v.operation
		for _, m := range j.minutes {
			if n, ok := m.of(v.number); ok {
				o.age(dayOf(m.at), j.fade)
				for i := range o.old {
					o.old[i] += float64(n.n[i])
				}
				v.leaks = append(v.leaks, leakAt{m.at, o.day, o.old})
			}
		}
	}
	known := leakAt{day: v.operation.day, n: v.old}
	for _, l := range v.leaks {
		if l.at > at {
			break
		}
		known = l
	}
	return v.leak(known.n, known.day, dayOf(at), j.fade)
}

// setting is what steps at a call site need to know but the leak and the epochs.
func (j *Judge) setting(s *site, op *operation) setting {
	id := j.callerTab.at(op.caller).id
	return setting{
		prior:      j.byType(id, s.callee),
		biased:     j.know.BiasedSampling != nil && j.know.BiasedSampling(id),
		episodeCap: float64(j.cfg.EpisodeCap),
		fade:       j.fade,
	}
}

// byType is the prior as far as the types of the nodes tell it, which never change.
func (j *Judge) byType(caller, callee graph.NodeID) Prior {
	switch {
	case j.know.NodeType == nil:
	case j.know.NodeType(caller) == graph.TypeQueue:
		return Prior{priorAsync, PriorWeight, BecauseAsync}
	case j.know.NodeType(callee) == graph.TypeCache:
		return Prior{priorCache, PriorWeight, BecauseCache}
	}
	return Prior{priorSync, PriorWeight, BecauseSync}
}

// prior is the prior by all that is known but declarations.
func (j *Judge) prior(byType Prior, caller, callee graph.NodeID, a Async) Prior {
	switch {
	case a.Is || byType.Why == BecauseAsync:
		return Prior{priorAsync, PriorWeight, BecauseAsync}
	case j.know.HealthCheck != nil && j.know.HealthCheck(caller, callee):
		return Prior{priorHealth, PriorWeight, BecauseHealth}
	}
	return byType
}

// judgement judges one call site.
func (j *Judge) judgement(s *site, op *operationView, at int32) (Judgement, bool) {
	var n [siteCounters]float64
	by := 1.0
	if day := dayOf(at); s.day != 0 && day > s.day {
		by = j.fade(day - s.day)
	}
	recent := j.fadeRecent(dayOf(at))
	for i := range n {
		n[i] = s.old[i]*by + float64(s.recent[i])*recent
	}
	if n[requests] <= 0 {
		return Judgement{}, false
	}

	set := j.setting(s, op.operation)
	set.epochs = op.epochs
	st := j.stateOf(s, op, &set)
	set.leak = op.leak(op.n, op.day, op.day, j.fade)
	st.reach(at, &set)
	now := st.read(set.leak)

	out := Judgement{
		Site:        Site{op.id, op.name, s.callee},
		Verdict:     Unknown,
		Basis:       Inferred,
		Leak:        now.leak,
		Evidence:    st.evidence(now),
		Facets:      j.facets(&n, op, s.callee, set.biased),
		FirstSeen:   timeOf(s.first),
		LastSeen:    timeOf(s.last),
		LastFailure: timeOf(st.lastFailed),
		FatalTrace:  st.fatal, SurvivedTrace: st.survived,
		Changes:  st.changes,
		Versions: op.versions,
	}
	out.Evidence.Requests, out.Evidence.Failed = n[requests], n[failed]

	out.Prior = j.prior(set.prior, op.id, s.callee, out.Facets.Async)
	stepped := out.Prior == set.prior || st.decided() && out.Prior.Why != BecauseAsync
	switch {
	case stepped && st.decided():
		out.Verdict, out.Since = st.verdict, timeOf(st.since)
	case !stepped:
		out.Verdict = now.verdict(out.Prior, set.biased)
	}
	if out.Verdict == Unknown && out.Prior.Why == BecauseAsync {
		out.Verdict = Soft
	}
	out.Inferred = out.Verdict
	declared := j.declare(&out, now, set.biased)

	post := now.posterior(out.Prior)
	out.Probability = post.mean()
	out.Low, out.High = now.interval(out.Prior)
	out.Assumed = out.Verdict
	if out.Verdict == Unknown {
		out.Assumed = Soft
		if out.Prior.Mean >= 0.5 {
			out.Assumed = Hard
		}
	}
	if stepped && !declared {
		out.Needs = st.needs(&set)
	} else {
		out.Needs = now.needs(out.Verdict, out.Prior, set.leak, set.biased)
	}
	return out, true
}

// declare applies what was declared, if anything: it stands until the evidence overrules it.
func (j *Judge) declare(out *Judgement, now sample, biased bool) bool {
	if j.know.Declared == nil {
		return false
	}
	d, ok := j.know.Declared(out.Site)
	if !ok {
		return false
	}
	mean := map[Verdict]float64{Hard: 0.95, Soft: 0.05, Partial: 0.5}[d.Verdict]
	if mean == 0 {
		return false
	}
	out.Declared = d
	out.Disagrees = now.n >= minFailures && out.Inferred != Unknown && out.Inferred != d.Verdict
	out.Prior = Prior{mean, DeclaredWeight, BecauseDeclared}
	if v := now.verdict(out.Prior, biased); v != Unknown && v != d.Verdict {
		out.Verdict = v
		return true
	}
	out.Verdict, out.Basis = d.Verdict, d.Basis
	return true
}

// stateOf returns the state of a call site after all minutes.
func (j *Judge) stateOf(s *site, op *operationView, set *setting) state {
	f := s.failures
	if f == nil {
		return state{}
	}
	if !f.known {
		f.now, f.known = f.base, true
		for i := range f.recent {
			set.leak = j.leakUntil(op, f.recent[i].at)
			f.now.step(&f.recent[i], set)
		}
	}
	return f.now
}

func (j *Judge) facets(n *[siteCounters]float64, op *operationView, callee graph.NodeID, biased bool) Facets {
	f := Facets{
		RetryMasked: RetryMasked{
			Rescued: n[rescued], Exhausted: n[exhausted], Attempts: n[attempts], FailedAttempts: n[failedAttempts],
			TimedOut: n[timedOut], Hedged: n[hedged], Cancelled: n[cancelled],
		},
		Async: Async{
			Share: n[async] / n[requests], Requests: n[async],
			Is: n[async] > asyncShare*n[requests] && n[requests] >= asyncRequests,
		},
		OnPath: n[onPath] / n[requests],
		Biased: biased,
	}
	if all := n[rescued] + n[exhausted]; all > 0 {
		f.RetryMasked.Share = n[rescued] / all
	}
	if op.n[opRequests] > 0 {
		f.Conditional = min(1, n[requests]/op.n[opRequests])
	}
	f.LatencyHard = latency(n, f.Async.Is)
	if j.know.ProbeFlips != nil {
		f.ProbeFlips = j.know.ProbeFlips(op.id, callee)
		f.HardByProbe = f.ProbeFlips >= probeFlips
	}
	return f
}

// latency fits the duration of requests as a line over the time spent in the callee.
func latency(n *[siteCounters]float64, async bool) LatencyHard {
	l := LatencyHard{Requests: n[requests]}
	if n[requests] < 2 {
		return l
	}
	x, y := n[timeSum]/n[requests], n[durationSum]/n[requests]
	varX := n[timeTime]*resolutionTime/n[requests] - x*x
	varY := n[durationDuration]*resolutionTime/n[requests] - y*y
	cov := n[timeDuration]*resolutionTime/n[requests] - x*y
	if varX <= resolutionTime || varY <= resolutionTime {
		return l // all alike, as far as the sums can tell
	}
	l.Slope = cov / varX
	l.R2 = min(1, cov*cov/(varX*varY))
	// Where several callees take their time none of them explains much. What it does explain it adds all the
	// same, if the slope is known well, and is not that of something else that slows both.
	margin := 1.645 * math.Sqrt(max(0, varY/varX-l.Slope*l.Slope)/(n[requests]-2)) // half of the 90 % interval of the slope
	sure := margin <= latencyMargin && l.Slope <= latencyTop && n[onPath] >= latencyOnPath*n[requests]
	l.Is = !async && n[requests] >= latencyCount && l.Slope >= latencySlope && (l.R2 >= latencyR2 || sure)
	return l
}

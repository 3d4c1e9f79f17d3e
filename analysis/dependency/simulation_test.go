package dependency

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"faultline/graph"
)

// The simulation makes up systems whose couplings are known, plays their requests one by one and folds them
// into outcome rows by the definitions of graph.OutcomeStats. Node 0 is no node.

// simSite is a call site with the truth about it.
type simSite struct {
	callee   int
	h        float64 // a total failure of the group fails the request
	hPartial float64 // a failure in part does
	q        float64 // share of requests that call it
	calls    int     // logical calls in a group
	retries  int
	async    bool
	flips    int // minute from which h is 1-h; 0: never
}

func (s *simSite) hardness(minute int) (h, partial float64) {
	if s.flips > 0 && minute >= s.flips {
		return 1 - s.h, 0
	}
	return s.h, s.hPartial
}

type simOp struct {
	caller   int
	name     string
	rate     float64 // requests a minute
	leak     float64
	poison   float64 // share of requests that a callee and the caller itself both refuse
	sites    []simSite
	parallel bool
}

type simNode struct {
	background float64         // share of attempts that fail on a usual day
	outage     map[int]float64 // share of attempts that fail, by minute
	zoneLeak   map[int]float64 // share of its own requests that fail because its zone is ill
	zone       int
}

type simSystem struct {
	nodes []simNode
	ops   []simOp
}

// simSettings say what a run has besides its couplings.
type simSettings struct {
	minutes    int
	faults     bool
	lost       float64 // share of spans that never arrive
	tailSample float64 // share of the requests kept that did not fail; 0: all are
	anyError   bool    // requests in which a call failed are kept as well
	flips      bool    // at half time a new version of all callers changes some couplings
}

func logUniform(r *rand.Rand, low, high float64) float64 {
	return low * math.Pow(high/low, r.Float64())
}

// newSystem makes up a system of 20 to 60 call sites. Callees come after their callers.
func newSystem(r *rand.Rand, set simSettings) *simSystem {
	want := 20 + r.IntN(41)
	s := &simSystem{nodes: make([]simNode, 10+r.IntN(15))}
	zones := 3
	for i := range s.nodes {
		n := &s.nodes[i]
		n.zone = r.IntN(zones)
		n.outage, n.zoneLeak = map[int]float64{}, map[int]float64{}
		if !set.faults {
			continue
		}
		n.background = logUniform(r, 1e-5, 2e-3)
		for range r.IntN(3) {
			from, share := r.IntN(set.minutes), 0.2+0.8*r.Float64()
			for m := from; m < min(set.minutes, from+2+r.IntN(8)); m++ {
				n.outage[m] = max(n.outage[m], share)
			}
		}
	}
	if set.faults {
		for range 1 + r.IntN(2) {
			zone, from, share := r.IntN(zones), r.IntN(set.minutes), 0.5+0.5*r.Float64()
			own := 0.0
			if r.IntN(2) == 0 {
				own = 0.3 * r.Float64()
			}
			for m := from; m < min(set.minutes, from+3+r.IntN(6)); m++ {
				for i := range s.nodes {
					if s.nodes[i].zone == zone {
						s.nodes[i].outage[m] = max(s.nodes[i].outage[m], share)
						s.nodes[i].zoneLeak[m] = own
					}
				}
			}
		}
	}
	for n := 0; n < want; {
		caller := 1 + r.IntN(len(s.nodes)*2/3)
		op := simOp{caller: caller, name: fmt.Sprint("op", len(s.ops)), rate: logUniform(r, 10, 300), parallel: r.IntN(2) == 0}
		if set.faults {
			op.leak = logUniform(r, 1e-5, 1e-2)
			if r.IntN(20) == 0 {
				op.leak = 0.1 + 0.3*r.Float64()
			}
			if r.IntN(5) == 0 {
				op.poison = logUniform(r, 1e-4, 1e-3)
			}
		}
		callees := r.Perm(len(s.nodes) - 1 - caller)
		for _, c := range callees[:min(len(callees), 1+r.IntN(5))] {
			site := simSite{callee: caller + 1 + c, calls: 1, q: 1, h: 1}
			switch p := r.Float64(); {
			case p < 0.10:
				site.h = 0.3 + 0.4*r.Float64()
			case p < 0.45:
				site.h = 0
			}
			if r.IntN(4) == 0 {
				site.calls = 2 + r.IntN(4)
			}
			if r.IntN(2) == 0 {
				site.hPartial = site.h
			}
			if r.IntN(3) == 0 {
				site.q = 0.05 + 0.95*r.Float64()
			}
			if r.IntN(2) == 0 {
				site.retries = 1 + r.IntN(2)
			}
			if r.IntN(12) == 0 {
				site.async, site.h, site.hPartial = true, 0, 0
			}
			if set.flips && r.IntN(4) == 0 && !site.async && (site.h == 0 || site.h == 1) {
				site.flips = set.minutes / 2
			}
			op.sites = append(op.sites, site)
			n++
		}
		if len(op.sites) > 0 {
			s.ops = append(s.ops, op)
		}
	}
	return s
}

// naive is what simpler rules see of a call site.
type naive struct {
	both, calleeFailed, callerFailed, requests float64   // a call failed: any attempt did
	finallyBoth, finallyFailed                 float64   // a call failed: all of its attempts did
	calleeRate, callerRate                     []float64 // by minute
}

// play plays all requests minute by minute and gives the rows of each minute to add.
func (s *simSystem) play(r *rand.Rand, set simSettings, add func(minute int, bucket time.Time, rows []graph.OutcomeRow)) map[Site]*naive {
	naives := map[Site]*naive{}
	for minute := range set.minutes {
		bucket := noon.Add(time.Duration(minute) * time.Minute)
		var rows []graph.OutcomeRow
		for i := len(s.ops) - 1; i >= 0; i-- {
			op := &s.ops[i]
			of, seen := op.minute(r, s, set, minute, bucket)
			rows = append(rows, of...)
			whole := of[0]
			for i, row := range of[1:] {
				site := Site{row.Caller, row.Operation, row.Callee}
				n := naives[site]
				if n == nil {
					n = &naive{}
					naives[site] = n
				}
				n.both += seen[i].failed
				n.calleeFailed += seen[i].requests
				n.finallyBoth += float64(row.TotalFatal + row.PartialFatal + row.ContestedFatal)
				n.finallyFailed += float64(row.TotalFatal + row.PartialFatal + row.ContestedFatal + row.TotalSurvived + row.PartialSurvived + row.ContestedSurvived)
				n.callerFailed += float64(row.Failed)
				n.requests += float64(row.Requests)
				if row.Requests > 0 {
					n.calleeRate = append(n.calleeRate, seen[i].requests/float64(row.Requests))
					n.callerRate = append(n.callerRate, float64(whole.Failed)/float64(max(1, whole.Requests)))
				}
			}
		}
		add(minute, bucket, rows)
	}
	return naives
}

// simGroup is what became of the calls of one request to one callee.
type simGroup struct {
	cancelled                         bool
	failed                            int // logical calls that failed finally
	seen, seenFailed                  int // logical calls, and those that failed finally, by the spans that arrived
	attempts, failedAttempts, rescued int // likewise
}

// failedAttempt counts requests in which an attempt failed, and those of them that failed.
type failedAttempt struct{ requests, failed float64 }

// minute plays the requests of one operation in one minute: the row about them as a whole, then one for
// each callee, of which the failed attempts are counted besides.
func (op *simOp) minute(r *rand.Rand, s *simSystem, set simSettings, minute int, bucket time.Time) ([]graph.OutcomeRow, []failedAttempt) {
	seen := make([]failedAttempt, len(op.sites))
	rows := make([]graph.OutcomeRow, 1+len(op.sites))
	for i := range rows {
		rows[i].Bucket, rows[i].Caller, rows[i].Operation = bucket, graph.NodeID(op.caller+1), op.name
		if set.flips {
			rows[i].Version = fmt.Sprint(1 + 2*minute/set.minutes)
		}
		if i > 0 {
			rows[i].Callee = graph.NodeID(op.sites[i-1].callee + 1)
		}
	}
	fails := func(node int) bool {
		n := &s.nodes[node]
		p := n.background
		if o := n.outage[minute]; o > p {
			p = o
		}
		return r.Float64() < p
	}
	lost := func() bool { return set.lost > 0 && r.Float64() < set.lost }
	groups := make([]simGroup, len(op.sites))
	for range poisson(r, op.rate) {
		clear(groups)
		poisoned := -1
		if op.poison > 0 && r.Float64() < op.poison {
			poisoned = r.IntN(len(op.sites))
		}
		requestFailed := r.Float64() < op.leak+s.nodes[op.caller].zoneLeak[minute]
		early := requestFailed && r.IntN(2) == 0 // its own failure came before its calls
		dead := early
		for i := range op.sites {
			site, g := &op.sites[i], &groups[i]
			if i != poisoned && r.Float64() >= site.q {
				continue
			}
			if dead {
				if !op.parallel || r.IntN(2) == 0 {
					continue // later callees are not called any more
				}
				g.cancelled = true
				continue
			}
			for range site.calls {
				ok, first := false, true
				finalSeen, finalFailed := false, false
				for range 1 + site.retries {
					bad := i == poisoned || fails(site.callee)
					if !lost() {
						g.attempts++
						finalSeen, finalFailed = true, bad
						if bad {
							g.failedAttempts++
						} else if !first {
							g.rescued++
						}
					}
					first = false
					if !bad {
						ok = true
						break
					}
				}
				if !ok {
					g.failed++
				}
				if finalSeen {
					g.seen++
					if finalFailed {
						g.seenFailed++
					}
				}
			}
			h, partial := site.hardness(minute)
			switch {
			case g.failed == site.calls && r.Float64() < h, g.failed > 0 && g.failed < site.calls && r.Float64() < partial:
				requestFailed = true
				dead = true
			}
		}
		requestFailed = requestFailed || poisoned >= 0
		if lost() && (lost() || r.IntN(2) == 0) {
			continue // neither half of the request arrived, or there was only one
		}
		if set.tailSample > 0 && !requestFailed && r.Float64() >= set.tailSample &&
			!(set.anyError && slices.ContainsFunc(groups, func(g simGroup) bool { return g.failedAttempts > 0 })) {
			continue
		}
		op.fold(rows, groups, requestFailed, seen)
	}
	return rows, seen
}

// fold counts one request by the definitions of graph.OutcomeStats.
func (op *simOp) fold(rows []graph.OutcomeRow, groups []simGroup, requestFailed bool, seen []failedAttempt) {
	one := func(is bool) int64 {
		if is {
			return 1
		}
		return 0
	}
	failedGroups := 0
	for i := range groups {
		if groups[i].seenFailed > 0 {
			failedGroups++
		}
	}
	whole := &rows[0]
	whole.Requests++
	whole.Failed += one(requestFailed)
	if failedGroups == 0 {
		whole.Clean++
		whole.CleanFailed += one(requestFailed)
	}
	for i := range groups {
		g := &groups[i]
		if g.seen == 0 && !g.cancelled {
			continue // not called, or none of its spans arrived
		}
		s := &rows[i+1].OutcomeStats
		s.Requests++
		s.Failed += one(requestFailed)
		s.Calls += int64(g.seen)
		s.Attempts += int64(g.attempts)
		s.FailedAttempts += int64(g.failedAttempts)
		s.Rescued += int64(g.rescued)
		s.Cancelled += one(g.cancelled)
		s.Async += one(op.sites[i].async)
		if g.seenFailed > 0 {
			s.Tries.AddAt(0, int64(g.seenFailed))
		}
		if g.failedAttempts > 0 {
			seen[i].requests++
			seen[i].failed += float64(one(requestFailed))
		}
		total := g.seenFailed == g.seen
		switch {
		case g.seenFailed == 0:
		case failedGroups > 1 && requestFailed:
			s.ContestedFatal++
		case failedGroups > 1:
			s.ContestedSurvived++
		case total && requestFailed:
			s.TotalFatal++
		case total:
			s.TotalSurvived++
		case requestFailed:
			s.PartialFatal++
		default:
			s.PartialSurvived++
		}
	}
}

func poisson(r *rand.Rand, mean float64) int {
	return max(0, int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
}

// score counts how verdicts compare with the truth.
type score struct {
	sites, decided                         int
	saidHard, rightlyHard                  int
	hard, hardSaidSoft                     int
	hardSeen, hardFound                    int // truly hard with at least 3 isolated failures
	soft, softFound                        int // likewise soft
	partial, partialFound, partialSaidHard int // likewise partial, with at least 8
	covered, intervals                     int // with at least 10 isolated failures
}

func (s *score) count(v Verdict, truth simSite, isolated int64, low, high float64) {
	s.sites++
	hard, soft := truth.h > 0.7, truth.h < 0.3
	if v != Unknown {
		s.decided++
	}
	if v == Hard {
		s.saidHard++
		if hard {
			s.rightlyHard++
		}
	}
	switch {
	case hard:
		s.hard++
		if v == Soft {
			s.hardSaidSoft++
		}
		if isolated >= 3 {
			s.hardSeen++
			if v == Hard {
				s.hardFound++
			}
		}
	case soft:
		if isolated >= 3 {
			s.soft++
			if v == Soft {
				s.softFound++
			}
		}
	case isolated >= 8:
		s.partial++
		switch v {
		case Partial:
			s.partialFound++
		case Hard:
			s.partialSaidHard++
		}
	}
	if isolated >= 10 {
		s.intervals++
		if low <= truth.h && truth.h <= high {
			s.covered++
		}
	}
}

func share(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

func (s *score) String() string {
	return fmt.Sprintf("%6d %6d | %6.3f %6.3f | %6.3f %6.3f %6.3f %6.3f | %6.3f (%d)", s.sites, s.decided,
		share(s.rightlyHard, s.saidHard), share(s.hardSaidSoft, s.hard),
		share(s.hardFound, s.hardSeen), share(s.softFound, s.soft), share(s.partialFound, s.partial), share(s.partialSaidHard, s.partial),
		share(s.covered, s.intervals), s.intervals)
}

const scoreHeader = "                                  sites decided | precis  hard→s | recall   soft  partial p→hard | coverage"

// scored plays n systems and scores verdicts of this package and of simpler rules.
func scored(t *testing.T, n int, set simSettings, know Knowledge) map[string]*score {
	t.Helper()
	names := []string{"faultline", "estimate without its amendments", "P(caller fails | callee fails) > .5", "P(… | fails after retries) > .5", "lift > 2", "correlation of error rates > .5"}
	scores := map[string]*score{}
	for _, name := range names {
		scores[name] = &score{}
	}
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 42))
		system := newSystem(r, set)
		j := New(DefaultConfig(), know)
		naives := system.play(r, set, func(_ int, bucket time.Time, rows []graph.OutcomeRow) {
			if err := j.Add(bucket, rows); err != nil {
				t.Fatal(err)
			}
		})
		truths := system.truths()
		for got := range j.Judgements(noon.Add(time.Duration(set.minutes) * time.Minute)) {
			truth, isolated := truths[got.Site], got.Evidence.Isolated()
			scores[names[0]].count(got.Verdict, truth, isolated, got.Low, got.High)

			letter := j.toTheLetter(got.Site)
			prior := got.Prior
			prior.Weight = 1
			v := letter.verdict(prior, got.Facets.Biased)
			if v == Unknown && prior.Why == BecauseAsync {
				v = Soft
			}
			low, high := letter.interval(prior)
			scores[names[1]].count(v, truth, isolated, low, high)

			for i, v := range naives[got.Site].verdicts() {
				scores[names[2+i]].count(v, truth, isolated, 0, 0)
			}
		}
	}
	var out strings.Builder
	for i, name := range names {
		s := *scores[name]
		if i > 1 {
			s.covered, s.intervals = 0, 0
		}
		fmt.Fprintf(&out, "%-36s %v\n", name, &s)
	}
	t.Logf("%d systems, %+v\n%s\n%s", n, set, scoreHeader, out.String())
	return scores
}

func (s *simSystem) truths() map[Site]simSite {
	truths := map[Site]simSite{}
	for _, op := range s.ops {
		for _, site := range op.sites {
			truths[Site{graph.NodeID(op.caller + 1), op.name, graph.NodeID(site.callee + 1)}] = site
		}
	}
	return truths
}

// toTheLetter is the sample of a call site as the analysis specification has it (C.2): fatal failures in part
// count half whatever the leak.
func (j *Judge) toTheLetter(of Site) sample {
	op := j.ops[opKey{of.Caller, of.Operation}]
	s := j.siteTab.at(j.sites[siteKey{op, of.Callee}])
	view := j.view(op, j.minutes[len(j.minutes)-1].at)
	set := j.setting(s, view.operation)
	st := j.stateOf(s, &view, &set)
	t := st.tally
	p := t.p
	t.p, t.pu, t.pv = 0, 0, 0
	leak := view.leak(view.n, view.day, view.day, j.fade)
	letter := t.read(leak)
	letter.a += p / 2
	letter.n = letter.a + letter.b
	return letter
}

// verdicts are those of the simpler rules, in the order of the table.
func (n *naive) verdicts() [4]Verdict {
	if n.calleeFailed < 3 {
		return [4]Verdict{Unknown, Unknown, Unknown, Unknown}
	}
	rule := func(hard bool) Verdict {
		if hard {
			return Hard
		}
		return Soft
	}
	given := n.both / n.calleeFailed
	finally := Unknown
	if n.finallyFailed >= 3 {
		finally = rule(n.finallyBoth/n.finallyFailed > 0.5)
	}
	return [4]Verdict{
		rule(given > 0.5), finally, rule(given > 2*n.callerFailed/n.requests), rule(correlation(n.calleeRate, n.callerRate) > 0.5),
	}
}

func correlation(x, y []float64) float64 {
	var mx, my, xx, yy, xy float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(y))
	}
	for i := range x {
		xx += (x[i] - mx) * (x[i] - mx)
		yy += (y[i] - my) * (y[i] - my)
		xy += (x[i] - mx) * (y[i] - my)
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}

// Verdicts on generated systems are right as often as promised.
func TestGeneratedSystems(t *testing.T) {
	tests := map[string]struct {
		systems int
		set     simSettings
		know    Knowledge
		check   func(t *testing.T, s *score)
	}{
		"all spans": {60, simSettings{minutes: 240, faults: true}, Knowledge{}, func(t *testing.T, s *score) {
			atLeast(t, "precision of hard", share(s.rightlyHard, s.saidHard), 0.95)
			atLeast(t, "hard not called soft", 1-share(s.hardSaidSoft, s.hard), 0.99)
			atLeast(t, "recall of hard", share(s.hardFound, s.hardSeen), 0.95)
			atLeast(t, "coverage", share(s.covered, s.intervals), 0.85)
		}},
		"5 % of spans lost": {25, simSettings{minutes: 240, faults: true, lost: 0.05}, Knowledge{}, func(t *testing.T, s *score) {
			atLeast(t, "precision of hard", share(s.rightlyHard, s.saidHard), 0.95)
			atLeast(t, "hard not called soft", 1-share(s.hardSaidSoft, s.hard), 0.99)
			atLeast(t, "recall of hard", share(s.hardFound, s.hardSeen), 0.8)
		}},
		"traces kept by the outcome of their root": {25, simSettings{minutes: 240, faults: true, tailSample: 0.02},
			Knowledge{BiasedSampling: func(graph.NodeID) bool { return true }}, func(t *testing.T, s *score) {
				atLeast(t, "precision of hard", share(s.rightlyHard, s.saidHard), 0.85)
			}},
		"traces with any error kept": {25, simSettings{minutes: 240, faults: true, tailSample: 0.02, anyError: true}, Knowledge{},
			func(t *testing.T, s *score) {
				atLeast(t, "precision of hard", share(s.rightlyHard, s.saidHard), 0.93)
				atLeast(t, "hard not called soft", 1-share(s.hardSaidSoft, s.hard), 0.99)
			}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.check(t, scored(t, tt.systems, tt.set, tt.know)["faultline"])
		})
	}
}

func atLeast(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(got >= want) {
		t.Errorf("%s is %.3f, want at least %.2f", what, got, want)
	}
}

// A coupling that changes with a version is found, and hardly any other.
func TestGeneratedChanges(t *testing.T) {
	t.Parallel()
	set := simSettings{minutes: 480, faults: true, flips: true}
	var flipped, found, right, named, steady, invented int
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 44))
		system := newSystem(r, set)
		truths := system.truths()
		j := New(DefaultConfig(), Knowledge{})
		before := map[Site]Verdict{}
		agreeing := map[Site]int{} // minutes with a failure that shows the change
		system.play(r, set, func(minute int, bucket time.Time, rows []graph.OutcomeRow) {
			if minute == set.minutes/2 {
				for got := range j.Judgements(bucket) {
					before[got.Site] = got.Verdict
				}
			}
			for _, row := range rows {
				site := Site{row.Caller, row.Operation, row.Callee}
				n := row.TotalFatal
				if truths[site].h == 1 {
					n = row.TotalSurvived
				}
				if minute >= set.minutes/2 && n > 0 {
					agreeing[site] += int(min(n, 3))
				}
			}
			if err := j.Add(bucket, rows); err != nil {
				t.Fatal(err)
			}
		})
		for got := range j.Judgements(noon.Add(time.Duration(set.minutes) * time.Minute)) {
			truth := truths[got.Site]
			was := map[bool]Verdict{true: Hard, false: Soft}[truth.h == 1]
			switch {
			case truth.flips == 0:
				if truth.h == 0 || truth.h == 1 {
					steady++
					if len(got.Changes) > 0 {
						invented++
					}
				}
			case before[got.Site] == was && agreeing[got.Site] >= 6:
				flipped++
				if got.Verdict != was && got.Verdict != Unknown && got.Verdict != Partial {
					right++
				}
				if n := len(got.Changes); n > 0 {
					found++
					if c := got.Changes[n-1]; c.VersionBefore == "1" && c.VersionAfter == "2" {
						named++
					}
				}
			}
		}
	}
	t.Logf("of %d changed couplings with at least 6 failures since, %d have the new verdict, %d an event, %d with both versions right; "+
		"of %d unchanged ones %d have an event", flipped, right, found, named, steady, invented)
	atLeast(t, "new verdicts", share(right, flipped), 0.9)
	atLeast(t, "events", share(found, flipped), 0.9)
	atLeast(t, "no events where nothing changed", 1-share(invented, steady), 0.97)
}

// Without failures nothing is known, but that nobody waits for what is asynchronous.
func TestNothingFails(t *testing.T) {
	set := simSettings{minutes: 30}
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 43))
		system := newSystem(r, set)
		j := New(DefaultConfig(), Knowledge{})
		system.play(r, set, func(_ int, bucket time.Time, rows []graph.OutcomeRow) {
			if err := j.Add(bucket, rows); err != nil {
				t.Fatal(err)
			}
		})
		truths := system.truths()
		for got := range j.Judgements(noon.Add(time.Hour)) {
			want := Unknown
			if truths[got.Site].async {
				want = Soft
			}
			if got.Verdict != want && got.Evidence.Requests >= asyncRequests {
				t.Errorf("seed %d: %v, want %s", seed, &got, want)
			}
		}
	}
}

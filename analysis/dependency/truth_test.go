package dependency

import (
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"faultline/analysis/analysistest"
	"faultline/analysis/analysistest/simulate"
	"faultline/graph"
	"faultline/graph/match"
)

var long = flag.Bool("long", false, "as many systems as docs/accuracy.md has")

// system is a simulated system as the product sees it.
type system struct {
	*simulate.World
	analysistest.Tables
	judge   *Judge
	last    time.Time // minute of the last rows
	naives  map[Site]*naive
	unnamed int // judgements on call sites that the world does not know
}

// observe plays a world, lets its spans go through decoder, matcher and rollup, and judges the rows.
func observe(t testing.TB, seed uint64, set simulate.Settings, know Knowledge, each func(j *Judge, bucket time.Time)) *system {
	t.Helper()
	set.Start = noon
	s := &system{World: simulate.New(seed, set), naives: map[Site]*naive{}}
	cfg := match.DefaultConfig()
	cfg.Evidence.Keep = "none"
	var err error
	if s.Tables, err = analysistest.Fold(cfg, s.Requests()); err != nil {
		t.Fatal(err)
	}
	s.judgeRows(t, know, each)
	return s
}

// judgeRows gives the judge what was seen, minute by minute.
func (s *system) judgeRows(t testing.TB, know Knowledge, each func(j *Judge, bucket time.Time)) {
	t.Helper()
	know.NodeType = func(id graph.NodeID) graph.NodeType { return s.Nodes[id].Type }
	s.judge = New(DefaultConfig(), know)
	aliases := graph.Aliases(s.Nodes, s.CallSites)
	for rows := range analysistest.Minutes(s.Outcomes) {
		for i := range rows {
			if id, ok := aliases[graph.Alias{Caller: rows[i].Caller, Callee: rows[i].Callee}]; ok {
				rows[i].Callee = id
			}
		}
		s.last = rows[0].Bucket
		if each != nil {
			each(s.judge, s.last)
		}
		if err := s.judge.Add(s.last, rows); err != nil {
			t.Fatal(err)
		}
		s.note(rows)
	}
}

// judgements yields what was judged, with the truth about it.
func (s *system) judgements(yield func(Judgement, *simulate.Truth) bool) {
	for j := range s.judge.Judgements(s.last) {
		truth := s.Truths[simulate.Site{Caller: s.Nodes[j.Caller].Name, Operation: j.Operation, Callee: s.name(j.Callee)}]
		if truth == nil {
			s.unnamed++
			if *wrong {
				fmt.Println("unnamed", s.Nodes[j.Caller].Name, j.Operation, s.Nodes[j.Callee].Type, s.Nodes[j.Callee].Name)
			}
			continue
		}
		if !yield(j, truth) {
			return
		}
	}
}

// name is what a world calls a node.
func (s *system) name(id graph.NodeID) string {
	name := s.Nodes[id].Name
	if _, host, ok := strings.Cut(name, " @ "); ok {
		name = host
	}
	name, _, _ = strings.Cut(name, ":")
	return name
}

// naive is what simpler rules see of a call site.
type naive struct {
	fatal, failed, callerFailed, requests float64   // by requests in which a call failed finally
	calleeRate, callerRate                []float64 // by minute
}

func (s *system) note(rows []graph.OutcomeRow) {
	type of struct {
		caller    graph.NodeID
		operation string
	}
	whole := map[of]*graph.OutcomeRow{}
	for i := range rows {
		if r := &rows[i]; r.Callee == 0 {
			whole[of{r.Caller, r.Operation}] = r
		}
	}
	for i := range rows {
		r := &rows[i]
		if r.Callee == 0 || r.Attempts == 0 {
			continue
		}
		site := Site{r.Caller, r.Operation, r.Callee}
		n := s.naives[site]
		if n == nil {
			n = &naive{}
			s.naives[site] = n
		}
		fatal := float64(r.TotalFatal + r.PartialFatal + r.ContestedFatal)
		n.fatal += fatal
		n.failed += fatal + float64(r.TotalSurvived+r.PartialSurvived+r.ContestedSurvived)
		n.callerFailed += float64(r.Failed)
		n.requests += float64(r.Requests)
		if w := whole[of{r.Caller, r.Operation}]; w != nil {
			n.calleeRate = append(n.calleeRate, float64(r.FailedAttempts)/float64(r.Attempts))
			n.callerRate = append(n.callerRate, float64(w.Failed)/float64(w.Requests))
		}
	}
}

// verdicts are those of the simpler rules, in the order of the table.
func (n *naive) verdicts(truth *simulate.Truth) [4]Verdict {
	if truth.Touched < 3 || n == nil {
		return [4]Verdict{Unknown, Unknown, Unknown, Unknown}
	}
	rule := func(hard bool) Verdict {
		if hard {
			return Hard
		}
		return Soft
	}
	given := float64(truth.TouchedFatal) / float64(truth.Touched)
	finally := Unknown
	if n.failed >= 3 {
		finally = rule(n.fatal/n.failed > 0.5)
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

// score counts how verdicts compare with the truth.
type score struct {
	sites, decided                         int
	saidHard, rightlyHard                  int
	hard, hardSaidSoft                     int
	hardSeen, hardFound                    int // truly hard with at least 3 isolated failures
	soft, softFound                        int // likewise soft
	partial, partialFound, partialSaidHard int // likewise partial, with at least 8
	thin, thinDecided, thinWrong           int // fewer than 3 isolated failures
	covered, intervals                     map[string]int
}

func (s *score) count(j *Judgement, v Verdict, truth *simulate.Truth) {
	s.sites++
	kind, hardness := "partial", truth.Effective()
	switch {
	case hardness > hardAbove:
		kind = "hard"
	case hardness < softBelow:
		kind = "soft"
	}
	if v != Unknown {
		s.decided++
	}
	if v == Hard {
		s.saidHard++
		if kind == "hard" {
			s.rightlyHard++
		}
	}
	n := truth.Isolated()
	if n < 3 && !truth.Async {
		s.thin++
		if v != Unknown {
			s.thinDecided++
			if string(v) != kind {
				s.thinWrong++
			}
		}
	}
	switch {
	case kind == "hard":
		s.hard++
		if v == Soft {
			s.hardSaidSoft++
		}
		if n >= 3 && !truth.Blind {
			s.hardSeen++
			if v == Hard {
				s.hardFound++
			}
		}
	case kind == "soft":
		if n >= 3 && !truth.Blind {
			s.soft++
			if v == Soft {
				s.softFound++
			}
		}
	case n >= 8:
		s.partial++
		switch v {
		case Partial:
			s.partialFound++
		case Hard:
			s.partialSaidHard++
		}
	}
	if n >= 10 && !truth.Blind && j != nil {
		s.intervals[kind]++
		if j.Low <= hardness && hardness <= j.High {
			s.covered[kind]++
		}
	}
}

func share(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

func (s *score) coverage() float64 {
	return share(s.covered["hard"]+s.covered["soft"]+s.covered["partial"], s.intervals["hard"]+s.intervals["soft"]+s.intervals["partial"])
}

func (s *score) String() string {
	text := fmt.Sprintf("%6d %6d | %6.3f %6.3f | %6.3f %6.3f %6.3f %6.3f | %4d of %4d wrong", s.sites, s.decided,
		share(s.rightlyHard, s.saidHard), share(s.hardSaidSoft, s.hard),
		share(s.hardFound, s.hardSeen), share(s.softFound, s.soft), share(s.partialFound, s.partial), share(s.partialSaidHard, s.partial), s.thinWrong, s.thin)
	if len(s.intervals) > 0 {
		text += fmt.Sprintf(" | %6.3f", s.coverage())
		for _, kind := range []string{"hard", "soft", "partial"} {
			text += fmt.Sprintf(" %s %d/%d", kind, s.covered[kind], s.intervals[kind])
		}
	}
	return text
}

const scoreHeader = "                                  sites decided | precis  hard→s | recall   soft  partial p→hard | with < 3 failures   | intervals"

// faultline is the row of the table that is about the product.
const faultline = "Faultline"

// scored plays n systems and scores verdicts of this package and of simpler rules.
func scored(t *testing.T, n int, set simulate.Settings, know Knowledge) map[string]*score {
	t.Helper()
	names := []string{faultline, "P(caller fails | callee fails) > .5", "P(… | fails after retries) > .5", "lift > 2", "correlation of error rates > .5"}
	scores := map[string]*score{}
	for _, name := range names {
		scores[name] = &score{covered: map[string]int{}, intervals: map[string]int{}}
	}
	unnamed, services := 0, 0
	for seed := range uint64(n) {
		if set.Services = sizeOf(seed); !*long {
			set.Services = 20 + int(seed)*10
		}
		set.Length, set.Spans = 4*time.Hour, spansOf(set.Services)
		s := observe(t, seed, set, know, nil)
		s.judgements(func(got Judgement, truth *simulate.Truth) bool {
			scores[names[0]].count(&got, got.Verdict, truth)
			for i, v := range s.naives[got.Site].verdicts(truth) {
				scores[names[1+i]].count(nil, v, truth)
			}
			if *wrong && got.Verdict == Hard && truth.Effective() < hardAbove {
				t.Logf("seed %d %s %q -> %s: %v; truth %+v; %+v", seed, s.Nodes[got.Caller].Name, got.Operation, s.name(got.Callee), &got, *truth, got.Evidence)
			}
			return true
		})
		unnamed += s.unnamed
		services += s.Services()
	}
	var out strings.Builder
	for _, name := range names {
		fmt.Fprintf(&out, "%-36s %v\n", name, scores[name])
	}
	t.Logf("%d systems of %d services in all, %v; %d call sites of no system\n%s\n%s", n, services, set.Length, unnamed, scoreHeader, out.String())
	return scores
}

var wrong = flag.Bool("wrong", false, "print what is wrongly called hard")

// sizeOf spreads the sizes of systems over 20 to 200 services.
func sizeOf(seed uint64) int { return int(20 * math.Pow(10, float64(seed*7%10)/9)) }

// spansOf is how many spans a system of so many services is watched for.
func spansOf(services int) int {
	if *long {
		return 50_000 + 1_000*services
	}
	return 30_000
}

func atLeast(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(got >= want) {
		t.Errorf("%s is %.3f, want at least %.2f", what, got, want)
	}
}

// Verdicts on simulated systems are right as often as promised; on the few of the regular suite not by much less.
func TestSimulatedSystems(t *testing.T) {
	biased := Knowledge{BiasedSampling: func(graph.NodeID) bool { return true }}
	type promise struct{ precision, recall, coverage float64 }
	tests := map[string]struct {
		few, many int
		set       simulate.Settings
		know      Knowledge
		promise   promise
	}{
		"all spans":                                {1, 60, simulate.Settings{}, Knowledge{}, promise{0.95, 0.95, 0.85}},
		"5 % of spans lost":                        {0, 20, simulate.Settings{Lost: 0.05}, Knowledge{}, promise{0.95, 0.80, 0}},
		"one trace in four is sampled":             {1, 20, simulate.Settings{Head: 0.25}, Knowledge{}, promise{0.95, 0.95, 0.85}},
		"traces kept by the outcome of their root": {1, 20, simulate.Settings{Tail: 0.02}, biased, promise{0.85, 0, 0}},
		"traces with any error kept":               {0, 20, simulate.Settings{Tail: 0.02, AnyError: true}, Knowledge{}, promise{0.93, 0.90, 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n, slack := tt.few, 0.05
			if *long {
				n, slack = tt.many, 0
			}
			if n == 0 {
				t.Skip("takes many systems: -long")
			}
			s := scored(t, n, tt.set, tt.know)[faultline]
			atLeast(t, "precision of hard", share(s.rightlyHard, s.saidHard), tt.promise.precision-slack)
			atLeast(t, "hard not called soft", 1-share(s.hardSaidSoft, s.hard), 0.99-slack)
			atLeast(t, "right or silent where evidence is thin", 1-share(s.thinWrong, s.thin), 0.98)
			if tt.promise.recall > 0 {
				atLeast(t, "recall of hard", share(s.hardFound, s.hardSeen), tt.promise.recall-slack)
			}
			if tt.promise.coverage > 0 {
				atLeast(t, "coverage", s.coverage(), tt.promise.coverage-slack)
			}
		})
	}
}

// What the world did is what the rows say, request by request: as many requests called a callee, and as many total
// failures were isolated and fatal, or survived.
func TestRowsAreWhatHappened(t *testing.T) {
	s := observe(t, 5, simulate.Settings{Services: 40, Length: time.Hour, Spans: 40_000}, Knowledge{}, nil)
	// Where calls outlive their request, or are cut off, or may be repetitions, who failed is a matter of opinion.
	unclear := map[[2]string]bool{}
	for site, truth := range s.Truths {
		if truth.Blind || truth.InDoubt || truth.Async || truth.Instead || truth.Loops {
			unclear[[2]string{site.Caller, site.Operation}] = true
		}
	}
	compared, failures := 0, 0
	s.judgements(func(j Judgement, truth *simulate.Truth) bool {
		if unclear[[2]string{s.Nodes[j.Caller].Name, j.Operation}] {
			return true
		}
		compared++
		failures += truth.Isolated()
		if e := &j.Evidence; e.TotalFatal != int64(truth.Fatal+truth.Late) || e.TotalSurvived != int64(truth.Survived) {
			t.Errorf("%s %q → %s: %d isolated failures fatal, %d survived; truth %+v", s.Nodes[j.Caller].Name, j.Operation, s.name(j.Callee), e.TotalFatal, e.TotalSurvived, *truth)
		}
		return true
	})
	if compared < 50 || failures < 500 || s.unnamed > 0 {
		t.Errorf("%d call sites with %d failures compared, %d of no system", compared, failures, s.unnamed)
	}
}

// A coupling that changes with a version of the caller is found, with both versions, and hardly any other.
func TestSimulatedChanges(t *testing.T) {
	n := 1
	if *long {
		n = 20
	}
	var flipped, found, right, named, steady, invented int
	for seed := range uint64(n) {
		set := simulate.Settings{Services: 20 + int(seed), Length: 6 * time.Hour, Changes: true, Steady: true}
		set.Spans = 2 * spansOf(set.Services)
		half := noon.Add(set.Length / 2)
		before := map[Site]Verdict{}
		s := observe(t, 100+seed, set, Knowledge{}, func(j *Judge, bucket time.Time) {
			if len(before) == 0 && !bucket.Before(half) {
				for got := range j.Judgements(bucket) {
					before[got.Site] = got.Verdict
				}
			}
		})
		s.judgements(func(got Judgement, truth *simulate.Truth) bool {
			was, since := Soft, truth.SinceFatal
			if truth.Hardness == 1 {
				was, since = Hard, truth.SinceSurvived
			}
			switch {
			case !truth.Changed:
				if truth.Hardness == 0 || truth.Hardness == 1 {
					steady++
					if len(got.Changes) > 0 {
						invented++
					}
				}
			case before[got.Site] == was && since >= 10:
				flipped++
				if got.Verdict != was && got.Verdict != Unknown && got.Verdict != Partial {
					right++
				}
				if n := len(got.Changes); n > 0 {
					found++
					if c := got.Changes[n-1]; c.VersionBefore == "1.0" && c.VersionAfter == "2.0" && !c.At.Before(half) {
						named++
					}
				}
			}
			return true
		})
	}
	t.Logf("of %d changed couplings with at least 10 failures since, %d have the new verdict, %d an event, %d with both versions right; "+
		"of %d unchanged ones %d have an event", flipped, right, found, named, steady, invented)
	if flipped == 0 {
		t.Fatal("nothing changed")
	}
	slack := 0.1
	if *long {
		slack = 0
	}
	atLeast(t, "new verdicts", share(right, flipped), 0.9-slack)
	atLeast(t, "events", share(found, flipped), 0.9-slack)
	atLeast(t, "versions", share(named, found), 0.9-slack)
	atLeast(t, "no events where nothing changed", 1-share(invented, steady), 0.97)
}

// Without failures nothing is known, but that nobody waits for what is asynchronous.
func TestNothingFails(t *testing.T) {
	s := observe(t, 7, simulate.Settings{Services: 40, Length: 20 * time.Minute, Spans: 20_000, Calm: true}, Knowledge{}, nil)
	n := 0
	s.judgements(func(got Judgement, truth *simulate.Truth) bool {
		n++
		if got.Verdict != Unknown && (got.Verdict != Soft || !truth.Async) {
			t.Errorf("%s %q → %s: %v", s.Nodes[got.Caller].Name, got.Operation, s.name(got.Callee), &got)
		}
		return true
	})
	if n < 50 {
		t.Errorf("%d call sites", n)
	}
}

// Time spent in a callee is said to be the request's only where the caller waits for it.
func TestSimulatedLatency(t *testing.T) {
	waits, async, invented := 0, 0, 0
	for seed := range uint64(2) {
		s := observe(t, 200+seed, simulate.Settings{Services: 25, Length: time.Hour, Spans: 30_000}, Knowledge{}, nil)
		s.judgements(func(got Judgement, truth *simulate.Truth) bool {
			is := got.Facets.LatencyHard.Is
			if truth.Async {
				async++
				if is {
					invented++
				}
			} else if is {
				waits++
			}
			return true
		})
	}
	t.Logf("%d callees that are waited for are said to cost time, and %d of %d that nobody waits for", waits, invented, async)
	if waits < 5 || async < 5 || invented > 0 {
		t.Error("that is too few, or too many")
	}
}

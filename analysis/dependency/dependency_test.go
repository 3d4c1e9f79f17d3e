package dependency

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"faultline/graph"
)

var (
	noon   = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	shop   = graph.Node{Type: graph.TypeService, Name: "shop"}.ID()
	cart   = graph.Node{Type: graph.TypeService, Name: "cart"}.ID()
	theOne = Site{shop, "GET /", cart}
)

// seen is what a minute said about theOne.
type seen struct {
	at           int // minutes after noon
	clean, bad   int64
	stats        graph.OutcomeStats
	version      string
	onlyTheWhole bool
}

func (s seen) bucket() time.Time { return noon.Add(time.Duration(s.at) * time.Minute) }

func (s seen) rows() []graph.OutcomeRow {
	o := graph.OutcomeRow{Bucket: s.bucket(), Caller: theOne.Caller, Operation: theOne.Operation, Version: s.version}
	whole, part := o, o
	st := s.stats
	fatal := st.TotalFatal + st.PartialFatal + st.ContestedFatal
	all := fatal + st.TotalSurvived + st.PartialSurvived + st.ContestedSurvived
	whole.OutcomeStats = graph.OutcomeStats{Requests: s.clean + all, Failed: s.bad + fatal, Clean: s.clean, CleanFailed: s.bad}
	if s.onlyTheWhole {
		return []graph.OutcomeRow{whole}
	}
	part.Callee = theOne.Callee
	part.OutcomeStats = st
	part.Requests = max(st.Requests, s.clean+all)
	part.Failed = max(st.Failed, s.bad+fatal)
	return []graph.OutcomeRow{whole, part}
}

func fatal(n int64) graph.OutcomeStats    { return graph.OutcomeStats{TotalFatal: n} }
func survived(n int64) graph.OutcomeStats { return graph.OutcomeStats{TotalSurvived: n} }

// minutes is n minutes from the given one on, each with 1000 clean requests and the same failures.
func minutesOf(from, n int, stats graph.OutcomeStats) []seen {
	var all []seen
	for i := range n {
		all = append(all, seen{at: from + i, clean: 1000, stats: stats})
	}
	return all
}

func judge(t *testing.T, know Knowledge, history ...seen) (*Judge, Judgement) {
	t.Helper()
	j := New(DefaultConfig(), know)
	last := noon
	for _, s := range history {
		if err := j.Add(s.bucket(), s.rows()); err != nil {
			t.Fatal(err)
		}
		if s.bucket().After(last) {
			last = s.bucket()
		}
	}
	got, ok := j.Of(theOne, last)
	if !ok {
		t.Fatal("no judgement")
	}
	return j, got
}

func TestVerdicts(t *testing.T) {
	one := func(clean, bad int64, stats graph.OutcomeStats) []seen {
		return []seen{{clean: clean, bad: bad, stats: stats}}
	}
	many := func(each graph.OutcomeStats, n int, clean, bad int64) (all []seen) {
		for i := range n {
			all = append(all, seen{at: i, clean: clean, bad: bad, stats: each})
		}
		return all
	}
	both := func(f, s int64) graph.OutcomeStats { return graph.OutcomeStats{TotalFatal: f, TotalSurvived: s} }
	tests := map[string]struct {
		history []seen
		want    Verdict
	}{
		"three failures, all fatal":                         {one(1000, 0, fatal(3)), Hard},
		"two failures, all fatal":                           {one(1000, 0, fatal(2)), Unknown},
		"three failures, all survived":                      {one(1000, 0, survived(3)), Soft},
		"two failures, all survived":                        {one(1000, 0, survived(2)), Unknown},
		"three fatal failures on three days":                {[]seen{{clean: 1000, stats: fatal(1)}, {at: 1440, clean: 1000, stats: fatal(1)}, {at: 2880, clean: 1000, stats: fatal(1)}}, Hard},
		"20 fatal failures in a minute":                     {one(1000, 0, fatal(20)), Hard},
		"500 fatal failures in a minute":                    {one(1000, 0, fatal(500)), Hard},
		"20 mixed failures in a minute":                     {one(1000, 0, both(12, 8)), Partial},
		"500 mixed failures in a minute":                    {one(1000, 0, both(300, 200)), Partial},
		"20 survived failures in a minute":                  {one(1000, 0, survived(20)), Soft},
		"500 survived failures in a minute":                 {one(1000, 0, survived(500)), Soft},
		"caller fails 40 % anyway, a few failures":          {one(1000, 400, both(4, 6)), Unknown},
		"caller fails 40 % anyway, many failures":           {many(both(8, 12), 10, 1000, 400), Soft},
		"caller fails 90 % anyway, few failures, all fatal": {one(1000, 900, fatal(3)), Unknown},
		"two retries, then success, a thousand times": {one(1000, 0, graph.OutcomeStats{
			Calls: 1000, Attempts: 3000, FailedAttempts: 2000, Rescued: 1000}), Unknown},
		"children cancelled because the caller died": {one(0, 0, graph.OutcomeStats{
			Requests: 500, Failed: 500, Calls: 500, Attempts: 500, Cancelled: 500}), Unknown},
		"harmless failures in part":                        {one(1000, 0, graph.OutcomeStats{PartialSurvived: 500}), Unknown},
		"harmless failures in part, many minutes":          {many(graph.OutcomeStats{PartialSurvived: 500}, 60, 1000, 0), Unknown},
		"harmless failures in part of a caller that leaks": {many(graph.OutcomeStats{PartialSurvived: 490, PartialFatal: 10}, 60, 1000, 20), Unknown},
		"failures in part are fatal":                       {one(1000, 0, graph.OutcomeStats{PartialFatal: 8}), Hard},
		"few failures in part are fatal":                   {one(1000, 0, graph.OutcomeStats{PartialFatal: 4}), Unknown},
		"failures in part, half of them fatal":             {one(1000, 0, graph.OutcomeStats{PartialFatal: 10, PartialSurvived: 10}), Unknown},
		"failures in part, more than half of them fatal, beside total ones": {
			one(1000, 0, graph.OutcomeStats{TotalFatal: 10, TotalSurvived: 10, PartialFatal: 12, PartialSurvived: 8}), Partial},
		"a caller that stops at what is fatal, in a fault of several callees": {
			one(1000, 0, graph.OutcomeStats{TotalFatal: 10, ContestedFatal: 10, ContestedPassed: 10}), Partial},
		"a caller that goes on whatever happens, in a fault of several callees": {
			one(1000, 0, graph.OutcomeStats{TotalFatal: 10, FatalPassed: 10, ContestedFatal: 10, ContestedPassed: 10}), Hard},
		"failures beside those of others": {one(1000, 0, graph.OutcomeStats{ContestedFatal: 500}), Unknown},
		"no failure":                      {one(1000, 0, graph.OutcomeStats{}), Unknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, got := judge(t, Knowledge{}, tt.history...)
			if got.Verdict != tt.want {
				t.Errorf("verdict %s, want %s: %v, leak %.3f, %+v", got.Verdict, tt.want, &got, got.Leak, got.Evidence)
			}
		})
	}
}

// With a prior of the weight of a whole failure, three harmless failures would not be enough, which is why
// it weighs half.
func TestPriorWeight(t *testing.T) {
	harmless := sample{n: 3, b: 3}
	for weight, want := range map[float64]Verdict{1: Unknown, PriorWeight: Soft} {
		if got := harmless.verdict(Prior{Mean: priorSync, Weight: weight}, false); got != want {
			t.Errorf("weight %v: %s, want %s", weight, got, want)
		}
	}
}

// Requests that fail anyway must not make harmless failures in part look fatal, as they would if each counted.
func TestLeakExplainsFailuresInPart(t *testing.T) {
	var leaky []seen
	for i := range 60 {
		leaky = append(leaky, seen{at: i, clean: 1000, bad: 20, stats: graph.OutcomeStats{PartialSurvived: 490, PartialFatal: 10}})
	}
	if _, got := judge(t, Knowledge{}, leaky...); got.Verdict != Unknown {
		t.Errorf("%v", &got)
	}
}

func TestEstimate(t *testing.T) {
	near := cmpopts.EquateApprox(0, 0.002)
	sync := Prior{priorSync, PriorWeight, BecauseSync}
	tests := map[string]struct {
		sample          sample
		prior           Prior
		mean, low, high float64
	}{
		"nothing seen":              {sample{}, sync, 0.6, 0, 1},
		"nothing seen, leak":        {sample{leak: 0.2}, sync, 0.5, 0, 1},
		"all fatal, closed at 1":    {sample{n: 10, a: 10}, sync, 0.981, 0.901, 1},
		"all survived, closed at 0": {sample{n: 10, b: 10}, sync, 0.029, 0, 0.130},
		"mixed":                     {sample{n: 10, a: 5, b: 5}, sync, 0.505, 0.261, 0.747},
		"fatal as often as anyway":  {sample{n: 10, a: 4, b: 6, leak: 0.4}, sync, 0.016, 0, 0.431},
		"declared soft, then 60 fatal failures": {sample{n: 60, a: 60},
			Prior{0.05, DeclaredWeight, BecauseDeclared}, 0.763, 0.682, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			low, high := tt.sample.interval(tt.prior)
			got := []float64{tt.sample.posterior(tt.prior).mean(), low, high}
			if diff := cmp.Diff([]float64{tt.mean, tt.low, tt.high}, got, near); diff != "" {
				t.Errorf("mean, low, high differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEpisodeCap(t *testing.T) {
	_, few := judge(t, Knowledge{}, seen{clean: 1000, stats: graph.OutcomeStats{TotalFatal: 12, TotalSurvived: 8}})
	_, many := judge(t, Knowledge{}, seen{clean: 1000, stats: graph.OutcomeStats{TotalFatal: 300, TotalSurvived: 200}})
	if few.Verdict != many.Verdict || few.Probability != many.Probability || many.Evidence.Fatal != 12 || many.Evidence.Survived != 8 {
		t.Errorf("20 failures: %v, 500: %v, %+v", &few, &many, many.Evidence)
	}
	if e := many.Evidence; e.TotalFatal != 300 || e.TotalSurvived != 200 {
		t.Errorf("raw counts are capped: %+v", e)
	}
}

func TestPriors(t *testing.T) {
	types := func(id graph.NodeID) graph.NodeType {
		switch id {
		case cart:
			return graph.TypeCache
		default:
			return graph.TypeService
		}
	}
	quiet := seen{clean: 1000}
	asyncCalls := seen{clean: 1000, stats: graph.OutcomeStats{Async: 600}}
	declare := func(v Verdict) func(Site) (Declaration, bool) {
		return func(s Site) (Declaration, bool) {
			return Declaration{Verdict: v, Basis: Declared, Comment: "as agreed"}, s == theOne
		}
	}
	type said struct {
		Verdict, Inferred, Assumed Verdict
		Basis                      Basis
		Disagrees                  bool
		Why                        Why
	}
	tests := map[string]struct {
		know    Knowledge
		history []seen
		want    said
	}{
		"synchronous": {Knowledge{}, []seen{quiet}, said{Unknown, Unknown, Hard, Inferred, false, BecauseSync}},
		"cache":       {Knowledge{NodeType: types}, []seen{quiet}, said{Unknown, Unknown, Soft, Inferred, false, BecauseCache}},
		"calls outlive their requests": {Knowledge{}, []seen{asyncCalls},
			said{Soft, Soft, Soft, Inferred, false, BecauseAsync}},
		"queue": {Knowledge{NodeType: func(graph.NodeID) graph.NodeType { return graph.TypeQueue }}, []seen{quiet},
			said{Soft, Soft, Soft, Inferred, false, BecauseAsync}},
		"calls outlive their requests, which fail with them": {Knowledge{},
			[]seen{{clean: 1000, stats: graph.OutcomeStats{Async: 600, TotalFatal: 10}}},
			said{Hard, Hard, Hard, Inferred, false, BecauseAsync}},
		"health check": {Knowledge{HealthCheck: func(a, b graph.NodeID) bool { return a == shop && b == cart }}, []seen{quiet},
			said{Unknown, Unknown, Hard, Inferred, false, BecauseHealth}},
		"declared, nothing seen": {Knowledge{Declared: declare(Soft)}, []seen{quiet},
			said{Soft, Unknown, Soft, Declared, false, BecauseDeclared}},
		"declared soft, three single fatal failures": {Knowledge{Declared: declare(Soft)}, minutesOf(0, 3, fatal(1)),
			said{Soft, Hard, Soft, Declared, true, BecauseDeclared}},
		"declared soft, three fatal outages": {Knowledge{Declared: declare(Soft)}, minutesOf(0, 3, fatal(500)),
			said{Hard, Hard, Hard, Inferred, true, BecauseDeclared}},
		"declared hard, and it is": {Knowledge{Declared: declare(Hard)}, minutesOf(0, 3, fatal(500)),
			said{Hard, Hard, Hard, Declared, false, BecauseDeclared}},
		"declared hard, many harmless outages": {Knowledge{Declared: declare(Hard)}, minutesOf(0, 6, survived(500)),
			said{Soft, Soft, Soft, Inferred, true, BecauseDeclared}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, got := judge(t, tt.know, tt.history...)
			is := said{got.Verdict, got.Inferred, got.Assumed, got.Basis, got.Disagrees, got.Prior.Why}
			if diff := cmp.Diff(tt.want, is); diff != "" {
				t.Errorf("judgement differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBiasedSampling(t *testing.T) {
	biased := Knowledge{BiasedSampling: func(graph.NodeID) bool { return true }}
	for _, tt := range []struct {
		stats graph.OutcomeStats
		want  Verdict
	}{
		{fatal(9), Unknown},
		{fatal(10), Hard},
		{graph.OutcomeStats{TotalFatal: 19, TotalSurvived: 1}, Unknown},
		{survived(5), Soft},
	} {
		if _, got := judge(t, biased, seen{clean: 1000, stats: tt.stats}); got.Verdict != tt.want || !got.Facets.Biased {
			t.Errorf("%d fatal, %d survived: %s, want %s", tt.stats.TotalFatal, tt.stats.TotalSurvived, got.Verdict, tt.want)
		}
	}
}

// What a judgement needs is what changes it, and one failure less is not.
func TestNeeds(t *testing.T) {
	tests := map[string]struct {
		history []seen
		want    Needs
		words   string
	}{
		"nothing seen": {minutesOf(0, 1, graph.OutcomeStats{}), Needs{3, true, Hard}, "3 more isolated failures that take the caller down"},
		"two fatal":    {minutesOf(0, 1, fatal(2)), Needs{1, true, Hard}, "1 more isolated failure that takes the caller down"},
		"two survived": {minutesOf(0, 1, survived(2)), Needs{1, false, Soft}, "1 more isolated failure that the caller survives"},
		"hard":         {minutesOf(0, 1, fatal(3)), Needs{4, false, Soft}, "4 more isolated failures that the caller survives"},
		"hard for long": {minutesOf(0, 20, fatal(20)), Needs{4, false, Soft},
			"4 more isolated failures that the caller survives"},
		"soft": {minutesOf(0, 5, survived(1)), Needs{4, true, Hard}, "4 more isolated failures that take the caller down"},
		"partial": {minutesOf(0, 2, graph.OutcomeStats{TotalFatal: 10, TotalSurvived: 10}), Needs{10, true, Hard},
			"10 more isolated failures that take the caller down"},
		"fatal in part": {minutesOf(0, 1, graph.OutcomeStats{PartialFatal: 4}), Needs{2, true, Hard},
			"2 more isolated failures that take the caller down"},
		"caller fails 40 % anyway, almost soft": {[]seen{{clean: 1000, bad: 400, stats: graph.OutcomeStats{TotalFatal: 4, TotalSurvived: 6}}},
			Needs{1, false, Soft}, "1 more isolated failure that the caller survives"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			j, before := judge(t, Knowledge{}, tt.history...)
			if diff := cmp.Diff(tt.want, before.Needs); diff != "" {
				t.Errorf("needs differ (-want +got):\n%s", diff)
			}
			if got := before.Needs.String(); got != tt.words {
				t.Errorf("%q, want %q", got, tt.words)
			}
			at := len(tt.history)
			for k := 1; k <= before.Needs.Failures; k++ {
				next := seen{at: at, stats: survived(1)}
				if before.Needs.Fatal {
					next.stats = fatal(1)
				}
				if err := j.Add(next.bucket(), next.rows()); err != nil {
					t.Fatal(err)
				}
				got, _ := j.Of(theOne, next.bucket())
				want := before.Verdict
				if k == before.Needs.Failures {
					want = before.Needs.To
				}
				if got.Verdict != want {
					t.Errorf("after %d more: %s, want %s", k, got.Verdict, want)
				}
				at++
			}
		})
	}
}

func TestWords(t *testing.T) {
	tests := map[string]seen{
		"unknown (assumed hard, no failure seen)":                                {clean: 1000},
		"soft (asynchronous, no failure seen)":                                   {clean: 1000, stats: graph.OutcomeStats{Async: 900}},
		"hard, 98 % (90–100 %; 10 of 10 isolated failures took the caller down)": {clean: 1_000_000, stats: fatal(10)},
	}
	for want, s := range tests {
		if _, got := judge(t, Knowledge{}, s); got.String() != want {
			t.Errorf("%q, want %q", got.String(), want)
		}
	}
}

func TestFading(t *testing.T) {
	j, before := judge(t, Knowledge{}, minutesOf(0, 4, fatal(5))...)
	later, _ := j.Of(theOne, noon.AddDate(0, 0, 14))
	if got, want := later.Evidence.Fatal, before.Evidence.Fatal/2; got != want {
		t.Errorf("after a half-life %v failures count, want %v", got, want)
	}
	much, _ := j.Of(theOne, noon.AddDate(0, 0, 140))
	if much.Verdict != Hard || much.Evidence.TotalFatal != 20 || much.Probability > 0.75 || much.Low > 0.1 {
		t.Errorf("after ten half-lives the verdict should stand on faded evidence: %v, %+v", &much, much.Evidence)
	}
}

// A new version of the caller inherits what was known about the one before, as at most ten failures.
func TestNewVersion(t *testing.T) {
	v1, v2 := minutesOf(0, 5, fatal(20)), minutesOf(5, 1, graph.OutcomeStats{})
	for i := range v1 {
		v1[i].version = "1"
	}
	v2[0].version = "2"
	_, got := judge(t, Knowledge{}, append(v1, v2...)...)
	if got.Verdict != Hard || got.Evidence.Fatal != 10 || got.Evidence.TotalFatal != 100 {
		t.Errorf("%v, %+v", &got, got.Evidence)
	}
	want := []Version{{"1", noon, noon.Add(4 * time.Minute)}, {"2", noon.Add(5 * time.Minute), noon.Add(5 * time.Minute)}}
	if diff := cmp.Diff(want, got.Versions); diff != "" {
		t.Errorf("versions differ (-want +got):\n%s", diff)
	}
}

func TestChange(t *testing.T) {
	versions := func(all []seen, v string) []seen {
		for i := range all {
			all[i].version = v
		}
		return all
	}
	was, is := versions(minutesOf(0, 5, fatal(20)), "1"), versions(minutesOf(60, 2, survived(20)), "2")
	_, first := judge(t, Knowledge{}, append(slices.Clone(was), is[0])...)
	if first.Verdict != Hard || len(first.Changes) != 0 {
		t.Errorf("one outage is one experiment: %v, %+v", &first, first.Changes)
	}
	j, got := judge(t, Knowledge{}, append(slices.Clone(was), is...)...)
	at := noon.Add(61 * time.Minute)
	want := []Change{{At: at, From: Hard, To: Soft, VersionBefore: "1", VersionAfter: "2",
		Evidence: Evidence{TotalSurvived: 40, Survived: 40, Since: at.Add(-time.Minute)}}}
	if diff := cmp.Diff(want, got.Changes); diff != "" {
		t.Errorf("changes differ (-want +got):\n%s", diff)
	}
	if got.Verdict != Soft || !got.Since.Equal(at) || got.Evidence.TotalFatal != 0 {
		t.Errorf("%v since %v, %+v", &got, got.Since, got.Evidence)
	}
	// Back again at once: the verdict follows, but there is no second event within six hours.
	for _, s := range append(minutesOf(70, 2, fatal(20)), minutesOf(500, 2, survived(20))...) {
		if err := j.Add(s.bucket(), s.rows()); err != nil {
			t.Fatal(err)
		}
		got, _ = j.Of(theOne, s.bucket())
		switch s.at {
		case 71:
			if got.Verdict != Hard || len(got.Changes) != 1 {
				t.Errorf("after 71 minutes: %v, %d changes", &got, len(got.Changes))
			}
		case 501:
			if got.Verdict != Soft || len(got.Changes) != 2 {
				t.Errorf("after 501 minutes: %v, %d changes", &got, len(got.Changes))
			}
		}
	}
}

// A single contrary failure does not change a verdict that rests on few.
func TestHysteresis(t *testing.T) {
	history := append(minutesOf(0, 3, fatal(1)), minutesOf(3, 1, survived(1))...)
	if _, got := judge(t, Knowledge{}, history...); got.Verdict != Hard {
		t.Errorf("%v", &got)
	}
	if _, got := judge(t, Knowledge{}, seen{clean: 4000, stats: graph.OutcomeStats{TotalFatal: 3, TotalSurvived: 1}}); got.Verdict != Unknown {
		t.Errorf("never entered: %v", &got)
	}
}

func TestFacets(t *testing.T) {
	s := graph.OutcomeStats{Requests: 1000, Rescued: 95, OnPath: 800, TotalFatal: 5, FailedAttempts: 100, Attempts: 1200}
	s.Tries.AddAt(0, 5)
	_, got := judge(t, Knowledge{ProbeFlips: func(_, _ graph.NodeID) int { return 3 }}, seen{clean: 1995, stats: s})
	if got.Verdict != Hard || got.Facets.RetryMasked.Share != 0.95 {
		t.Errorf("hard and masked by retries: %v, %+v", &got, got.Facets.RetryMasked)
	}
	if f := got.Facets; f.OnPath != 800.0/2000 || f.Conditional != 1 || !f.HardByProbe {
		t.Errorf("%+v", f)
	}
}

func TestLatencyHard(t *testing.T) {
	// stats of n requests whose callee takes x and who take f(x).
	stats := func(n int, f func(x, own float64) float64) (s graph.OutcomeStats) {
		r := rand.New(rand.NewPCG(1, 2))
		for range n {
			x, own := 5000+20000*r.Float64(), 8000*r.Float64()
			y := f(x, own)
			s.Requests++
			s.OnPath++
			s.Time += int64(x)
			s.Duration += int64(y)
			s.TimeTime += int64(x * x / 1024)
			s.TimeDur += int64(x * y / 1024)
			s.DurDur += int64(y * y / 1024)
		}
		return s
	}
	waits := func(x, own float64) float64 { return x + own }
	beside := func(x, own float64) float64 { return x + 8*own } // another callee takes its time, too
	offPath := stats(1000, beside)
	offPath.OnPath = 400
	tests := map[string]struct {
		stats graph.OutcomeStats
		is    bool
		slope float64
	}{
		"waits":                   {stats(1000, waits), true, 1},
		"too few":                 {stats(199, waits), false, 1},
		"does not wait":           {stats(1000, func(_, own float64) float64 { return 30000 + own }), false, 0},
		"beside another":          {stats(1000, beside), true, 1},
		"beside another, too few": {stats(250, beside), false, 0.85},
		"hardly ever waited for":  {offPath, false, 1},
		"something slows both":    {stats(1000, func(x, own float64) float64 { return 3*x + 15*own }), false, 2.8},
		"in parallel":             {stats(1000, func(x, own float64) float64 { return max(x, 20000) + own }), false, 0.14},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, got := judge(t, Knowledge{}, seen{clean: tt.stats.Requests, stats: tt.stats})
			if l := got.Facets.LatencyHard; l.Is != tt.is || l.Slope < tt.slope-0.15 || l.Slope > tt.slope+0.15 {
				t.Errorf("%+v, want %v with slope %v", l, tt.is, tt.slope)
			}
		})
	}
}

func TestEdges(t *testing.T) {
	rows := func(op string, n int64, s graph.OutcomeStats) []graph.OutcomeRow {
		rows := seen{clean: n, stats: s}.rows()
		for i := range rows {
			rows[i].Operation = op
		}
		return rows
	}
	type edge struct {
		Verdict, Assumed Verdict
		Probability      float64
	}
	tests := map[string]struct {
		rows [][]graph.OutcomeRow
		want edge
	}{
		"agree":            {[][]graph.OutcomeRow{rows("a", 990, fatal(10)), rows("b", 990, fatal(10))}, edge{Hard, Hard, 0.98}},
		"disagree":         {[][]graph.OutcomeRow{rows("a", 990, fatal(10)), rows("b", 2990, survived(10))}, edge{Mixed, Mixed, 0.27}},
		"mostly unknown":   {[][]graph.OutcomeRow{rows("a", 990, survived(10)), rows("b", 9000, fatal(0))}, edge{Unknown, Hard, 0.54}},
		"unknown in part":  {[][]graph.OutcomeRow{rows("a", 8990, survived(10)), rows("b", 1000, fatal(0))}, edge{Soft, Soft, 0.09}},
		"no failures ever": {[][]graph.OutcomeRow{rows("a", 1000, fatal(0))}, edge{Unknown, Hard, 0.6}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			j := New(DefaultConfig(), Knowledge{})
			if err := j.Add(noon, slices.Concat(tt.rows...)); err != nil {
				t.Fatal(err)
			}
			all := Edges(slices.Collect(j.Judgements(noon)))
			if len(all) != 1 {
				t.Fatalf("%d edges", len(all))
			}
			got := edge{all[0].Verdict, all[0].Assumed, all[0].Probability}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 0.01)); diff != "" {
				t.Errorf("edge differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddRefuses(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Replaceable = 2
	j := New(cfg, Knowledge{})
	for i := range 4 {
		s := seen{at: i, clean: 10}
		if err := j.Add(s.bucket(), s.rows()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := j.Final(), noon.Add(time.Minute); !got.Equal(want) {
		t.Errorf("final until %v, want %v", got, want)
	}
	if err := j.Add(noon.Add(time.Minute), nil); !errors.Is(err, ErrFinal) {
		t.Errorf("final minute: %v", err)
	}
	if err := j.Add(noon.Add(time.Hour+time.Second), nil); err == nil {
		t.Error("a bucket between minutes was accepted")
	}
	if err := j.Add(noon.Add(time.Hour), seen{at: 61}.rows()); err == nil {
		t.Error("a row of another bucket was accepted")
	}
}

func TestLimits(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Sites, cfg.Rows, cfg.Forget = 2, 4, 24*time.Hour
	j := New(cfg, Knowledge{})
	add := func(at int, callees ...graph.NodeID) {
		t.Helper()
		var rows []graph.OutcomeRow
		for _, c := range callees {
			r := seen{at: at, clean: 10}.rows()[1]
			r.Callee = c
			rows = append(rows, r)
		}
		if err := j.Add(noon.Add(time.Duration(at)*time.Minute), rows); err != nil {
			t.Fatal(err)
		}
	}
	add(0, 1, 2, 3)
	if j.Sites() != 2 || j.Dropped() != 1 {
		t.Errorf("%d sites, %d dropped", j.Sites(), j.Dropped())
	}
	add(1, 1, 2)
	add(2, 1)
	if want := noon; !j.Final().Equal(want) {
		t.Errorf("with too many rows final until %v, want %v", j.Final(), want)
	}
	for i := 1; i < 40; i++ { // two days; 2 is silent
		add(72*i, 1)
	}
	add(72*40, 1, 3)
	var left []graph.NodeID
	for got := range j.Judgements(noon.AddDate(0, 0, 2)) {
		left = append(left, got.Callee)
	}
	if want := []graph.NodeID{1, 3}; !slices.Equal(left, want) {
		t.Errorf("call sites left: %v, want %v", left, want)
	}
}

// generated is a history of several call sites with all that a Judge can meet: outages, changes, new
// versions, operations without failures, and midnight.
func generated(seed uint64, begin time.Time, minutes int) (buckets [][]graph.OutcomeRow) {
	r := rand.New(rand.NewPCG(seed, 7))
	for at := range minutes {
		bucket := begin.Add(time.Duration(at) * time.Minute)
		var rows []graph.OutcomeRow
		for caller := range 3 {
			for op := range 3 {
				if r.IntN(4) == 0 {
					continue
				}
				row := graph.OutcomeRow{Bucket: bucket, Caller: graph.NodeID(caller + 1), Operation: fmt.Sprint(op)}
				row.Version = fmt.Sprint(caller, ".", at/50)
				row.Clean, row.CleanFailed = r.Int64N(100), r.Int64N(2)
				row.Requests = row.Clean + 20
				rows = append(rows, row)
				for callee := range 3 {
					s := graph.OutcomeRow{Bucket: bucket, Caller: row.Caller, Operation: row.Operation, Version: row.Version, Callee: graph.NodeID(callee + 10)}
					s.Requests, s.Attempts = row.Requests, row.Requests
					s.Time, s.Duration = r.Int64N(1e6), r.Int64N(1e6)
					if r.IntN(5) == 0 {
						n := r.Int64N(30)
						if (callee+at/100)%3 == 0 {
							s.TotalFatal, s.TotalSurvived = n, r.Int64N(2)
						} else {
							s.TotalSurvived, s.TotalFatal = n, r.Int64N(2)
						}
						s.PartialFatal, s.PartialSurvived = r.Int64N(3), r.Int64N(3)
						s.FatalTrace[0] = byte(r.IntN(200) + 1)
					}
					rows = append(rows, s)
				}
			}
		}
		buckets = append(buckets, rows)
	}
	return buckets
}

// The judgements do not depend on the order of minutes and rows, on how often a minute was replaced, or on
// when it became final.
func TestOrderDoesNotMatter(t *testing.T) {
	seeds := uint64(2)
	if *long {
		seeds = 6
	}
	for seed := range seeds {
		// What is simply summed up fades at midnight if it is final, else when it becomes so.
		overMidnight := seed%2 == 1
		near, begin := cmpopts.EquateApprox(1e-9, 1e-9), noon
		if overMidnight {
			near, begin = cmpopts.EquateApprox(0.06, 0.001), noon.Add(11*time.Hour)
		}
		history := generated(seed, begin, 200)
		bucketOf := func(at int) time.Time { return begin.Add(time.Duration(at) * time.Minute) }
		judgeAll := func(replaceable int, add func(j *Judge)) []Judgement {
			cfg := DefaultConfig()
			cfg.Replaceable = replaceable
			j := New(cfg, Knowledge{})
			add(j)
			return slices.Collect(j.Judgements(bucketOf(len(history))))
		}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		want := judgeAll(1, func(j *Judge) {
			for at, rows := range history {
				must(j.Add(bucketOf(at), rows))
			}
		})
		verdicts, changes := map[Verdict]int{}, 0
		for _, w := range want {
			verdicts[w.Verdict]++
			changes += len(w.Changes)
		}
		if len(verdicts) < 2 || changes == 0 {
			t.Errorf("seed %d: the history is too simple: %v, %d changes", seed, verdicts, changes)
		}
		r := rand.New(rand.NewPCG(seed, 8))
		shuffled := func(rows []graph.OutcomeRow) []graph.OutcomeRow {
			rows = slices.Clone(rows)
			r.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
			return rows
		}
		for name, got := range map[string][]Judgement{
			"nothing final": judgeAll(1000, func(j *Judge) {
				for at, rows := range history {
					must(j.Add(bucketOf(at), rows))
				}
			}),
			"any order": judgeAll(1000, func(j *Judge) {
				for _, at := range r.Perm(len(history)) {
					must(j.Add(bucketOf(at), shuffled(history[at])))
					if r.IntN(10) == 0 { // looking does not matter either
						for range j.Judgements(bucketOf(len(history))) {
							continue
						}
					}
				}
			}),
			"replaced": judgeAll(20, func(j *Judge) {
				for at, rows := range history {
					must(j.Add(bucketOf(at), shuffled(rows)[:len(rows)/2]))
					for range j.Updated(bucketOf(at)) {
						continue
					}
					if at >= 10 {
						must(j.Add(bucketOf(at-10), shuffled(history[at-10])))
						must(j.Add(bucketOf(at-10), shuffled(history[at-10])))
					}
				}
				for at := len(history) - 10; at < len(history); at++ {
					must(j.Add(bucketOf(at), history[at]))
				}
			}),
		} {
			if diff := cmp.Diff(want, got, near); diff != "" {
				t.Errorf("seed %d, %s: judgements differ (-want +got):\n%s", seed, name, diff)
			}
		}
	}
}

// A restart in the middle of a history makes no difference.
func TestRestore(t *testing.T) {
	history := generated(3, noon, 200)
	cfg := DefaultConfig()
	cfg.Replaceable = 10
	bucketOf := func(at int) time.Time { return noon.Add(time.Duration(at) * time.Minute) }
	add := func(j *Judge, from, to int) {
		for at := from; at < to; at++ {
			if err := j.Add(bucketOf(at), history[at]); err != nil {
				t.Fatal(err)
			}
		}
	}
	j := New(cfg, Knowledge{})
	add(j, 0, 120)
	restored := New(cfg, Knowledge{})
	if err := restored.Restore(j.Memories()); err != nil {
		t.Fatal(err)
	}
	if got, want := restored.Final(), bucketOf(109); !got.Equal(want) {
		t.Errorf("final until %v, want %v", got, want)
	}
	add(j, 120, 200)
	add(restored, 110, 200)
	want, got := slices.Collect(j.Judgements(bucketOf(200))), slices.Collect(restored.Judgements(bucketOf(200)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("judgements differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(slices.Collect(j.Memories()), slices.Collect(restored.Memories()), cmpopts.SortSlices(func(a, b Memory) bool {
		return a.Caller < b.Caller || a.Caller == b.Caller && a.Operation < b.Operation
	})); diff != "" {
		t.Errorf("memories differ (-want +got):\n%s", diff)
	}
	if err := restored.Restore(j.Memories()); err == nil {
		t.Error("a judge that knows something was restored")
	}
	other := func(yield func(Memory) bool) {
		yield(Memory{Site: theOne, Through: noon, Data: []byte(`{"format":99}`)})
	}
	if err := New(cfg, Knowledge{}).Restore(other); err == nil {
		t.Error("a memory of another format was restored")
	}
}

// Updated says every change of a verdict, so that who keeps its answers has what Judgements says.
func TestUpdated(t *testing.T) {
	history := generated(1, noon, 200)
	bucketOf := func(at int) time.Time { return noon.Add(time.Duration(at) * time.Minute) }
	j := New(DefaultConfig(), Knowledge{})
	kept := map[Site]Verdict{}
	for at, rows := range history {
		if err := j.Add(bucketOf(at), rows); err != nil {
			t.Fatal(err)
		}
		for got := range j.Updated(bucketOf(at)) {
			kept[got.Site] = got.Verdict
		}
		all := map[Site]Verdict{}
		for got := range j.Judgements(bucketOf(at)) {
			all[got.Site] = got.Verdict
		}
		if diff := cmp.Diff(all, kept); diff != "" {
			t.Fatalf("minute %d: kept verdicts differ (-want +got):\n%s", at, diff)
		}
	}
	for range j.Updated(bucketOf(200)) {
		t.Fatal("updated without anything new")
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := (Config{}).Validate(); err == nil {
		t.Error("an empty configuration is valid")
	}
}

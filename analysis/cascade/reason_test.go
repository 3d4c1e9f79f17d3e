package cascade

import (
	"slices"
	"testing"
	"time"

	"faultline/graph"
)

func TestReasonText(t *testing.T) {
	for want, r := range map[string]Reason{
		"12 requests of 90 that pay served failed although all their calls succeeded":                                         {Kind: OwnFailures, Units: 12, Of: 90},
		"1 request of 4 of 2 calling operations failed with their calls to pay, and it has no failed request to explain them": {Kind: Unanswered, Units: 1, Of: 4, Callers: 2},
		"pay answered none of 40 calls, and did before":                                                                       {Kind: Silence, Of: 40},
		"30 calls of 40 to pay by 1 caller failed, which it does not pass on from others":                                     {Kind: FailedCalls, Units: 30, Of: 40, Callers: 1},
		"10 requests of pay took longer by themselves, 250ms on average":                                                      {Kind: OwnTime, Units: 2.5, Of: 10},
		"10 calls of or to pay took longer on the way, 30ms on average":                                                       {Kind: WayTime, Units: 0.3, Of: 10},
		"10 calls to pay took longer, 30ms on average":                                                                        {Kind: SlowCalls, Units: 0.3, Of: 10},
		"7 requests of 9 of pay made other calls than before":                                                                 {Kind: OtherCalls, Units: 7, Of: 9},
		"pay was ill before all other candidates":                                                                             {Kind: FirstIll},
		"version 1.42 of pay began to serve shortly before":                                                                   {Kind: NewVersion, Version: "1.42"},
	} {
		if got := r.Text("pay"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestVersions(t *testing.T) {
	var v versions
	v.see("1", t0)
	v.see("2", t0.Add(time.Hour))
	v.see("1", t0.Add(time.Hour))
	for after, want := range map[time.Duration]string{30 * time.Minute: "", time.Hour: "2", 80 * time.Minute: "2", 2 * time.Hour: ""} {
		if got := v.newAt(t0.Add(after)); got != want {
			t.Errorf("%s later: %q, want %q", after, got, want)
		}
	}
}

// Of two candidates with the same blame the one with a new version is named first, then the one that was ill first. Two that have
// nothing to do with each other are two causes.
func TestCandidates(t *testing.T) {
	tr := New(DefaultConfig())
	tr.series.add(Rows{Calls: []graph.CallSiteRow{
		{EdgeKey: graph.EdgeKey{Caller: 1, Callee: 2}, Stats: graph.Stats{Calls: 1}},
		{EdgeKey: graph.EdgeKey{Caller: 1, Callee: 3}, Stats: graph.Stats{Calls: 1}},
		{EdgeKey: graph.EdgeKey{Caller: 3, Callee: 4}, Stats: graph.Stats{Calls: 1}},
	}}, t0, usual)
	ill := func(n graph.NodeID, after time.Duration) Member { return Member{Node: n, Onset: t0.Add(after)} }
	first := func(members []Member, shares ...Share) []Candidate {
		return tr.candidates(&Incident{Started: t0, Members: members}, &Ranking{Shares: shares})
	}
	got := first([]Member{ill(2, time.Minute), ill(3, 0)}, Share{Node: 2, Share: 0.51}, Share{Node: 3, Share: 0.49})
	if got[0].Node != 3 || !slices.ContainsFunc(got[0].Reasons, func(r Reason) bool { return r.Kind == FirstIll }) {
		t.Errorf("not the one that was ill first: %+v", got)
	}
	if !got[0].Likely || !got[1].Likely {
		t.Errorf("not two causes: %+v", got)
	}
	if got := first(nil, Share{Node: 3, Share: 0.6}, Share{Node: 4, Share: 0.4}); !got[0].Likely || got[1].Likely {
		t.Errorf("one calls the other: %+v", got)
	}
	tr.series.versions[2] = versions{{"1", t0.Add(-time.Hour)}, {"2", t0.Add(-time.Minute)}}
	if got := first([]Member{ill(2, time.Minute), ill(3, 0)}, Share{Node: 3, Share: 0.51}, Share{Node: 2, Share: 0.49}); got[0].Node != 2 {
		t.Errorf("not the one with a new version: %+v", got)
	}
}

package analysis

import (
	"slices"
	"testing"
	"time"

	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/graph"
)

// A finding names what it is about; until the name is known there is none.
func TestDependencyClaimsWaitForNames(t *testing.T) {
	r := &Report{Nodes: map[graph.NodeID]graph.Node{1: {Name: "web"}}}
	j := dependency.Judgement{Site: dependency.Site{Caller: 1, Operation: "GET /", Callee: 2}, Verdict: dependency.Hard, Basis: dependency.Inferred}
	if claims := r.dependencyClaims(&j); len(claims) != 0 {
		t.Errorf("nobody knows what is called yet: %+v", claims)
	}
	r.Nodes[2] = graph.Node{Name: "cart"}
	if claims := r.dependencyClaims(&j); len(claims) != 1 || claims[0].Title != "GET / of web fails when cart does" {
		t.Errorf("claims %+v", claims)
	}
}

// A soft dependency that no failure has put to the test for long is one whose fallback nobody knows to work.
func TestFallbacksAreRehearsed(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	ago := func(days int) time.Time { return at.Add(-time.Duration(days) * 24 * time.Hour) }
	r := &Report{At: at, Nodes: map[graph.NodeID]graph.Node{1: {Name: "web"}, 2: {Name: "cart"}}}
	soft := dependency.Judgement{
		Site: dependency.Site{Caller: 1, Operation: "GET /", Callee: 2}, Verdict: dependency.Soft, Basis: dependency.Declared, FirstSeen: ago(120),
	}
	for name, tt := range map[string]struct {
		change func(*dependency.Judgement)
		title  string
	}{
		"never":            {func(*dependency.Judgement) {}, "Nothing has shown for 120 days that GET / of web survives without cart"},
		"long ago":         {func(j *dependency.Judgement) { j.LastFailure = ago(91) }, "Nothing has shown for 91 days that GET / of web survives without cart"},
		"lately":           {func(j *dependency.Judgement) { j.LastFailure = ago(89) }, ""},
		"not known long":   {func(j *dependency.Judgement) { j.FirstSeen = ago(80) }, ""},
		"hard":             {func(j *dependency.Judgement) { j.Verdict = dependency.Hard }, ""},
		"nobody waits":     {func(j *dependency.Judgement) { j.Facets.Async.Is = true }, ""},
		"nothing is known": {func(j *dependency.Judgement) { j.Verdict = dependency.Unknown }, ""},
	} {
		j := soft
		tt.change(&j)
		claims := r.dependencyClaims(&j)
		i := slices.IndexFunc(claims, func(c finding.Claim) bool { return c.Kind == "dependency.unrehearsed" })
		title := ""
		if i >= 0 {
			title = claims[i].Title
		}
		if title != tt.title {
			t.Errorf("%s: %q, want %q", name, title, tt.title)
		}
	}
}

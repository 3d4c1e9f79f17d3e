package dependency

import (
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"faultline/analysis/analysistest"
	"faultline/graph/match"
)

// judged judges recorded export requests.
func judged(t *testing.T, requests iter.Seq[analysistest.Request]) *system {
	t.Helper()
	s := &system{naives: map[Site]*naive{}}
	var err error
	if s.Tables, err = analysistest.Fold(match.DefaultConfig(), requests); err != nil {
		t.Fatal(err)
	}
	s.judgeRows(t, Knowledge{}, nil)
	return s
}

// Every verdict on a demo application whose services were killed and slowed down is what its source says, as far as
// it failed: one service was killed whose error the caller drops, so that its calls went to a dead address.
func TestRecordedDependencies(t *testing.T) {
	dir := analysistest.Data(t, "hotrod-live")
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Cases        []struct{ File string }
		Dependencies []struct{ Caller, Callee, Kind string } `json:"dependency_truth"`
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	s := judged(t, func(yield func(analysistest.Request) bool) {
		for _, c := range truth.Cases {
			for r := range analysistest.Recorded(t, filepath.Join(dir, "..", c.File)) {
				if !yield(r) {
					return
				}
			}
		}
	})
	type edge struct{ caller, callee string }
	edges := map[edge]EdgeJudgement{}
	for _, e := range Edges(slices.Collect(s.judge.Judgements(s.last))) {
		edges[edge{s.Nodes[e.Caller].Name, s.Nodes[e.Callee].Name}] = e
	}
	for _, d := range truth.Dependencies {
		e, ok := edges[edge{d.Caller, d.Callee}]
		if !ok {
			t.Errorf("%s → %s is not known", d.Caller, d.Callee)
			continue
		}
		want := Verdict(d.Kind)
		switch {
		case e.Evidence.Isolated()+e.Evidence.PartialFatal == 0:
			want = Unknown // it never failed
		case d.Kind != string(Soft):
			want = Hard
		}
		if e.Verdict != want || e.Verdict == Unknown && string(e.Assumed) != d.Kind {
			t.Errorf("%s → %s is %s, assumed %s; want %s by %+v", d.Caller, d.Callee, e.Verdict, e.Assumed, d.Kind, e.Evidence)
		}
		delete(edges, edge{d.Caller, d.Callee})
		t.Logf("%s → %s: %s (assumed %s), %d of %d isolated failures fatal, %d of %d in part", d.Caller, d.Callee, e.Verdict, e.Assumed,
			e.Evidence.TotalFatal, e.Evidence.Isolated(), e.Evidence.PartialFatal, e.Evidence.PartialFatal+e.Evidence.PartialSurvived)
	}
	for e, j := range edges {
		t.Errorf("%s → %s is %s, and there is no such dependency", e.caller, e.callee, j.Verdict)
	}
	// The calls to the driver's store fail at every fifth attempt, and retries absorb nearly all of that.
	for j := range s.judge.Judgements(s.last) {
		if s.Nodes[j.Callee].Name == "redis-manual" && j.Facets.RetryMasked.Share < 0.95 {
			t.Errorf("retries absorb %.2f of failures of %s", j.Facets.RetryMasked.Share, s.Nodes[j.Callee].Name)
		}
	}
}

// Recorded faults of two other systems: their spans have neither kinds nor statuses, so that nothing can be known,
// or few statuses; no verdict may be more than the failures that were seen allow.
func TestRecordedFaultsGiveNoAbsurdVerdicts(t *testing.T) {
	for _, folder := range []string{"nezha-ob", "nezha-tt", "nezha-tt-derived-errors"} {
		t.Run(folder, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(analysistest.Data(t, folder), "*.otlp.jsonl.gz"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no files, %v", err)
			}
			if !*long {
				files = files[:1]
			}
			verdicts := map[Verdict]int{}
			for _, file := range files {
				s := judged(t, analysistest.Recorded(t, file))
				for j := range s.judge.Judgements(s.last) {
					verdicts[j.Verdict]++
					seen := j.Evidence.Isolated() + j.Evidence.PartialFatal + j.Evidence.PartialSurvived
					absurd := j.Verdict != Unknown && seen < 3 || j.Verdict == Soft && j.Evidence.TotalSurvived < 3 || j.Verdict == Hard && j.Evidence.TotalFatal+j.Evidence.PartialFatal < 3
					if absurd && (j.Verdict != Soft || j.Prior.Why != BecauseAsync) {
						t.Errorf("%s: %s %q → %s: %v", filepath.Base(file), s.Nodes[j.Caller].Name, j.Operation, s.Nodes[j.Callee].Name, &j)
					}
				}
			}
			t.Logf("%d files: %v", len(files), verdicts)
		})
	}
}

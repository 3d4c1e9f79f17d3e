package clickhouse

import (
	"math"
	"testing"
	"time"

	"faultline/analysis/finding"
	"faultline/graph"
)

func TestFindings(t *testing.T) {
	s := open(t)
	full := finding.Finding{
		Claim: finding.Claim{
			Kind: "hotspot", Subject: finding.Subject{Node: math.MaxUint64, Callee: 7, Operation: hostile}, Key: hostile,
			Severity: finding.Critical, Confidence: 0.9, Title: hostile, Detail: "what to do",
			Facts:  []finding.Fact{{Name: "failures", Value: 12}, {Name: "share", Value: 0.25, Unit: "share", Text: hostile}},
			Traces: []graph.TraceID{{1, 2, 3}, {15: 0xff}}, Since: t0, Sudden: true, Incident: "i1",
		},
		State: finding.Open, First: t0, Opened: t0.Add(time.Second), Last: t0.Add(time.Minute), Changed: t0.Add(1500 * time.Millisecond),
		Openings: 3,
	}
	bare := finding.Finding{Claim: finding.Claim{Kind: "bare"}, State: finding.Resolved, First: t0, Last: t0}
	events := []finding.Event{
		{At: t0, ID: full.ID(), What: finding.EventOpened, Severity: finding.Warning, Title: hostile},
		{At: t0.Add(time.Second), ID: full.ID(), What: finding.EventEscalated, Severity: finding.Critical},
		{At: t0, ID: bare.ID(), What: finding.EventOpened, Severity: finding.Info},
	}
	old := full
	old.Severity = finding.Info
	write := func(at time.Time, findings []finding.Finding, events []finding.Event) {
		t.Helper()
		for range 2 { // writing again changes nothing
			if err := s.WriteFindings(t.Context(), "a", at, findings, events); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(t0, []finding.Finding{old}, events[:1])
	write(t0.Add(time.Second), []finding.Finding{full, bare}, events[1:])
	write(t0, nil, nil)
	got, err := s.Findings(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := []finding.Finding{full, bare}
	if bare.ID() < full.ID() {
		want = []finding.Finding{bare, full}
	}
	mustEqual(t, "findings", want, got)
	history, err := s.FindingEvents(t.Context(), "a", full.ID())
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "events", events[:2], history)
	others, err := s.Findings(t.Context(), "b")
	if err != nil || len(others) != 0 {
		t.Errorf("findings of another tenant: %v, %v", others, err)
	}
}

func TestFindingMarks(t *testing.T) {
	s := open(t)
	marks := []finding.Mark{
		{ID: "x", At: t0, What: finding.Acknowledged, By: "sue", Reason: "first"},
		{ID: "x", At: t0.Add(time.Second), What: finding.Muted, By: hostile, Reason: hostile, Until: t0.Add(time.Hour)},
		{ID: "y", At: t0, What: finding.Acknowledged, By: "joe"},
	}
	for _, i := range []int{1, 0, 2, 2} {
		if err := s.MarkFinding(t.Context(), "a", marks[i]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.FindingMarks(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "the latest marks", marks[1:], got)
	if !got[0].Holds(t0.Add(time.Minute)) || got[0].Holds(t0.Add(time.Hour)) || !got[1].Holds(t0.Add(1000*time.Hour)) {
		t.Error("a mute must end, and an acknowledgement must not")
	}
}

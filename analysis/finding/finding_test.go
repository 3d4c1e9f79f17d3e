package finding

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

var t0 = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Each letter is one look, a quarter of a minute after the one before: i, w and c claim with that severity,
// and . does not; capitals are sudden.
func TestLife(t *testing.T) {
	const resolve = "...................." // 5 minutes
	for name, tt := range map[string]struct {
		looks string
		want  []string // look: event
	}{
		"twice opens":                      {"ww", []string{"1: opened warning"}},
		"once does not":                    {"w.w.w.", nil},
		"what is sudden opens at once":     {"W", []string{"0: opened warning"}},
		"a gap does not resolve":           {"ww" + "..........." + "w", []string{"1: opened warning"}},
		"a long one does":                  {"ww" + resolve + ".", []string{"1: opened warning", "21: resolved warning"}},
		"it may come back":                 {"ww" + resolve + ".ww", []string{"1: opened warning", "21: resolved warning", "24: reopened warning"}},
		"worse at once":                    {"wwcwc", []string{"1: opened warning", "2: escalated critical"}},
		"better only after a while":        {"cc" + "wwwwwwwwww" + "wwwwwwwwww" + "w", []string{"1: opened critical", "22: eased warning"}},
		"better to the worst of meanwhile": {"cc" + "iiwiiiiiii" + "iiiiiiiiii" + "i", []string{"1: opened critical", "22: eased warning"}},
		"ups and downs are no change":      {"cc" + "wwwwwcwwwww" + "wwwwwwc", []string{"1: opened critical"}},
	} {
		b := NewBook(DefaultConfig())
		var got []string
		for i, look := range tt.looks {
			var claims []Claim
			if look != '.' {
				severity := map[rune]Severity{'i': Info, 'w': Warning, 'c': Critical, 'W': Warning}[look]
				claims = []Claim{{Kind: "test", Subject: Subject{Node: 7}, Severity: severity, Sudden: look == 'W'}}
			}
			for _, e := range b.Update(t0.Add(time.Duration(i)*15*time.Second), claims) {
				got = append(got, fmt.Sprintf("%d: %s %s", i, e.What, e.Severity))
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFindingsAreSorted(t *testing.T) {
	b := NewBook(DefaultConfig())
	claim := func(node int, s Severity) Claim {
		return Claim{Kind: "test", Subject: Subject{Node: 1, Operation: fmt.Sprint(node)}, Severity: s, Sudden: true}
	}
	b.Update(t0, []Claim{claim(1, Info), claim(2, Critical), claim(3, Warning), claim(4, Critical)})
	b.Update(t0.Add(time.Minute), []Claim{claim(1, Info), claim(3, Warning), claim(4, Critical), claim(4, Info), claim(5, Critical)})
	b.Update(t0.Add(6*time.Minute), []Claim{claim(1, Info), claim(3, Warning), claim(4, Critical), claim(5, Critical)})
	var got []string
	for f := range b.Findings() {
		got = append(got, fmt.Sprint(f.Subject.Operation, " ", f.State, " ", f.Severity))
	}
	want := []string{"5 open critical", "4 open critical", "3 open warning", "1 open info", "2 resolved critical"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	again := NewBook(DefaultConfig())
	again.Restore(slices.Collect(b.Findings()))
	if diff := cmp.Diff(slices.Collect(b.Findings()), slices.Collect(again.Findings())); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	if events := again.Update(t0.Add(7*time.Minute), []Claim{claim(1, Info), claim(3, Warning), claim(4, Critical), claim(5, Critical)}); len(events) != 0 {
		t.Errorf("events after restoring: %v", events)
	}
}

func TestBookIsBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Most = 2
	b := NewBook(cfg)
	for look := range 3 {
		var claims []Claim
		for node := range 5 {
			claims = append(claims, Claim{Kind: "test", Key: fmt.Sprint(node), Severity: Info})
		}
		b.Update(t0.Add(time.Duration(look)*time.Minute), claims)
	}
	if n := len(slices.Collect(b.Findings())); n != 2 || b.Waiting() != 9 {
		t.Errorf("%d findings, %d claims turned away", n, b.Waiting())
	}
	b.Update(t0.Add(time.Hour), nil)
	b.Update(t0.Add(cfg.Remember+time.Hour), nil)
	if n := len(slices.Collect(b.Findings())); n != 0 {
		t.Errorf("%d findings remembered for longer than they may be", n)
	}
}

func TestIdentity(t *testing.T) {
	id := func(change func(*Claim)) string {
		c := Claim{Kind: "k", Subject: Subject{Node: 1, Callee: 2, Operation: "op"}, Key: "x"}
		change(&c)
		return c.ID()
	}
	same := id(func(*Claim) {})
	for name, tt := range map[string]struct {
		change func(*Claim)
		same   bool
	}{
		"what it says":   {func(c *Claim) { c.Title, c.Severity, c.Confidence = "other", Critical, 1 }, true},
		"its incident":   {func(c *Claim) { c.Incident = "i" }, true},
		"kind":           {func(c *Claim) { c.Kind = "l" }, false},
		"node":           {func(c *Claim) { c.Subject.Node = 3 }, false},
		"callee":         {func(c *Claim) { c.Subject.Callee = 3 }, false},
		"operation":      {func(c *Claim) { c.Subject.Operation = "po" }, false},
		"key":            {func(c *Claim) { c.Key = "y" }, false},
		"between fields": {func(c *Claim) { c.Subject.Operation, c.Key = "opx", "" }, false},
	} {
		if got := id(tt.change) == same; got != tt.same {
			t.Errorf("another %s: same finding %v, want %v", name, got, tt.same)
		}
	}
	incident := func(node graph.NodeID) string {
		c := Claim{Kind: "incident", Key: "i", Incident: "i", Subject: Subject{Node: node}}
		return c.ID()
	}
	if incident(1) != incident(2) {
		t.Error("an incident became another because somebody else is blamed")
	}
}

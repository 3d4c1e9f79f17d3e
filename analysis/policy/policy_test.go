package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var seen = []Dependency{
	{Caller: "web", Callee: "checkout", CalleeType: "service", Calls: 10, Verdict: "hard", Evidence: "7 of 7 failures took it down"},
	{Caller: "checkout", Callee: "payment", CalleeType: "service", Calls: 9, Verdict: "hard", Evidence: "3 of 3"},
	{Caller: "web", Callee: "payment", CalleeType: "service", Calls: 2, Verdict: "unknown", Evidence: "no failure seen"},
	{Caller: "web", Callee: "ads", CalleeType: "service", Calls: 5, Verdict: "soft", Evidence: "0 of 9"},
	{Caller: "ads", Callee: "users-db", CalleeType: "database", Calls: 5, Verdict: "unknown", Evidence: "no failure seen"},
}

func TestCheck(t *testing.T) {
	circle := append([]Dependency{
		{Caller: "payment", Callee: "audit", Calls: 1}, {Caller: "audit", Callee: "checkout", Calls: 1}, {Caller: "ads", Callee: "web", Calls: 1, Async: true},
	}, seen...)
	for name, tt := range map[string]struct {
		rule    string
		seen    []Dependency
		state   State
		because []string
	}{
		"only the right one calls":       {"only_callers: {of: ads, allow: [web]}", seen, Kept, nil},
		"somebody else calls":            {"only_callers: {of: payment, allow: [checkout]}", seen, Violated, []string{"web calls payment (2 calls)"}},
		"patterns":                       {"only_callers: {of: pay*, allow: ['*']}", seen, Kept, nil},
		"nobody calls":                   {"only_callers: {of: gone, allow: [web]}", seen, Unknown, []string{"no such call was seen"}},
		"forbidden calls":                {"forbid: {caller: ads, callee_type: database}", seen, Violated, []string{"ads calls users-db (5 calls)"}},
		"forbidden calls that are not":   {"forbid: {caller: web, callee_type: database}", seen, Kept, nil},
		"forbidden, and misspelt":        {"forbid: {caller: wbe, callee: ads}", seen, Unknown, []string{"nothing called wbe was seen"}},
		"forbidden, in a group":          {"forbid: {caller: ads, callee: misspelt}", seen, Unknown, []string{"nothing called paymnet was seen"}},
		"forbidden, a pattern":           {"forbid: {caller: 'report-*', callee: ads}", seen, Kept, nil},
		"hard where it must not be":      {"not_hard: {caller: web}", seen, Violated, []string{"web depends on checkout: 7 of 7 failures took it down", "web on payment: no failure seen"}},
		"not known to be hard":           {"not_hard: {caller: web, callee: payment}", seen, Unknown, []string{"web on payment: no failure seen"}},
		"soft as it should be":           {"soft: {caller: web, callee: ads}", seen, Kept, nil},
		"not soft":                       {"soft: {callee: checkout}", seen, Violated, []string{"web depends on checkout: 7 of 7 failures took it down"}},
		"a group":                        {"not_hard: {caller: tier-1, callee: tier-3}", seen, Violated, []string{"checkout depends on payment: 3 of 3", "web on payment: no failure seen"}},
		"by way of others":               {"not_hard: {caller: web, callee: tier-3, indirect: true}", seen, Violated, []string{"web → checkout → payment", "web on payment: no failure seen"}},
		"by way of soft ones":            {"not_hard: {caller: web, callee: users-db, indirect: true}", seen, Unknown, []string{"no such call was seen"}},
		"no cycles":                      {"no_cycles: true", seen, Kept, nil},
		"a cycle, and an async one else": {"no_cycles: true", circle, Violated, []string{"audit → checkout → payment → audit"}},
		"by way of unknown ones": {"not_hard: {caller: web, callee: db, indirect: true}", []Dependency{
			{Caller: "web", Callee: "db", Verdict: "soft"}, {Caller: "web", Callee: "cart", Verdict: "hard"}, {Caller: "cart", Callee: "db", Verdict: "unknown"},
		}, Unknown, []string{"web → cart → db: some of it is unknown"}},
		"by way of hard and unknown ones": {"not_hard: {caller: web, callee: db, indirect: true}", []Dependency{
			{Caller: "web", Callee: "cart", Verdict: "hard"}, {Caller: "cart", Callee: "pay", Verdict: "hard"}, {Caller: "pay", Callee: "db", Verdict: "hard"},
			{Caller: "cart", Callee: "db", Verdict: "unknown"},
		}, Violated, []string{"web → cart → pay → db"}},
		"a name with a slash": {"forbid: {caller: '*', callee: 'vault/*'}", []Dependency{{Caller: "legacy/billing", Callee: "vault/eu/1", Calls: 1}}, Violated, []string{
			"legacy/billing calls vault/eu/1 (1 calls)",
		}},
	} {
		p, err := Parse([]byte("version: 1\ngroups: {tier-1: [web, check*], tier-3: [payment], misspelt: [payment, paymnet]}\nrules:\n- name: r\n  " + tt.rule + "\n"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if tt.because == nil {
			tt.because = []string{}
		}
		if diff := cmp.Diff([]Result{{"r", tt.state, tt.because}}, Check(p, tt.seen)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string][]string{
		"":                      {"empty"},
		"version: 2\nrules: []": {"version is 2", "no rules"},
		"version: 1\nrule: []":  {"line 2", "rule"},
		"version: 1\ngroups: {a: [], b: ['[']}\nrules:\n- {name: r, soft: {caller: a, indirect: true}}": {"group a is empty", "group b", "indirect belongs to not_hard"},
		"version: 1\nrules: [{}]": {"no name", "exactly one of"},
		"version: 1\nrules:\n- {name: a, no_cycles: true, soft: {caller: x}}": {"rule 1 (a)", "exactly one of"},
		"version: 1\nrules:\n- {name: a, forbid: {}}":                         {"selects every call"},
		"version: 1\nrules:\n- {name: a, forbid: {caller: '[a'}}":             {`"[a" is no pattern`},
		"version: 1\nrules:\n- {name: a, only_callers: {allow: [x]}}":         {"of is missing"},
		"version: one": {"line 1"},
		"version: 1\nrules:\n- {name: a, not_hrd: {caller: x}}": {"line 3: unknown key not_hrd"},
	} {
		_, err := Parse([]byte(text))
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v, want %q", text, err, w)
			}
		}
		if err != nil && strings.Contains(err.Error(), "type policy.") {
			t.Errorf("%q: the error names a type of the program: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\nrules:\n- {name: a, no_cycles: true}"))
	f.Add([]byte("version: 1\nrules:\n- {name: a, soft: {caller: 'a*', callee: b}}"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := Parse(text); err == nil {
			if got := Check(p, seen); len(got) != len(p.Rules) {
				t.Errorf("%d results of %d rules", len(got), len(p.Rules))
			}
		}
	})
}

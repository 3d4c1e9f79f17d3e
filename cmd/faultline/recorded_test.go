package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"faultline/analysis/analysistest"
)

func run(t *testing.T, cmd *cobra.Command, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard) // how far it is
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// A recorded file is analyzed without a server or a database, with the same result every time.
func TestAnalyzeRecorded(t *testing.T) {
	file := filepath.Join(analysistest.Data(t, "hotrod-live"), "hr-route-down.otlp.jsonl.gz")
	first, err := run(t, newAnalyzeCommand(), "--format", "json", file)
	if err != nil {
		t.Fatalf("%v\n%s", err, first)
	}
	if again, err := run(t, newAnalyzeCommand(), "--format", "json", file); err != nil || again != first {
		t.Errorf("not the same the second time: %v", err)
	}
	var r review
	if err := json.Unmarshal([]byte(first), &r); err != nil {
		t.Fatal(err)
	}
	if i := r.Incidents.Incidents; len(i) != 1 || len(i[0].Candidates) == 0 || i[0].Candidates[0].NodeName != "route" {
		t.Errorf("incidents %+v", i)
	}
	verdicts := map[string]string{}
	for _, e := range r.Dependencies.Edges {
		verdicts[e.CallerName+">"+e.CalleeName] = string(e.Verdict)
	}
	if verdicts["frontend>driver"] != "hard" || verdicts["frontend>customer"] != "unknown" {
		t.Errorf("verdicts %v", verdicts)
	}
	for name, args := range map[string][]string{
		"--from":   {"--from", "yesterday", file},
		"no calls": {filepath.Join(filepath.Dir(file), "hr-route-down.health.jsonl.gz")},
		"before":   {"--from", "2027-01-01T00:00:00Z", file},
		"--format": {"--format", "pdf", file},
	} {
		if _, err := run(t, newAnalyzeCommand(), args...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, err := run(t, newAnalyzeCommand()); err == nil || !strings.Contains(err.Error(), "say which window") {
		t.Errorf("without a window: %v", err)
	}
}

func TestCheckRecorded(t *testing.T) {
	file := filepath.Join(analysistest.Data(t, "hotrod-live"), "hr-route-down.otlp.jsonl.gz")
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	const rules = `
version: 1
groups: {tier-3: ["redis*"]}
rules:
- {name: tier 3, not_hard: {caller: frontend, callee: tier-3, indirect: true}}
- {name: who, only_callers: {of: redis-manual, allow: [driver]}}
- {name: circles, no_cycles: true}
- {name: soft, soft: {caller: frontend, callee: driver}}
`
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, newCheckCommand(), "--policy", policy, file)
	if !errors.Is(err, errViolated) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{
		"violated  tier 3\n          - frontend → driver → redis-manual\n", "kept      who\n", "kept      circles\n", "violated  soft\n          - frontend depends on driver: hard, 21 of 21 failures took the caller down\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("without %q:\n%s", want, out)
		}
	}
}

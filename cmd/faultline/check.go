package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"faultline/analysis/dependency"
	"faultline/analysis/policy"
	"faultline/cmd/internal/proc"
	"faultline/cmd/internal/tier"
	"faultline/graph"
	"faultline/ingest/fold"
	"faultline/web/api/gen"
)

// errViolated ends the command with its exit code; what is violated was printed.
const errViolated proc.AnswerError = "the policy is violated"

func newCheckCommand() *cobra.Command {
	from, file, window, format := runningURL(), "", "now-24h", "text"
	var strict bool
	cmd := &cobra.Command{
		Use:   "check --policy FILE [TRACES…]",
		Short: "Hold what was seen against a policy; for CI",
		Long: `Hold what a running Faultline has seen against a policy, or what files of recorded traces show, and exit with 1 if a rule is
violated, and with 2 if that could not be found out. A policy is YAML:

  version: 1
  groups:                      # names that rules may use in place of a service
    tier-1: [checkout, payment]
    tier-3: ["report-*", recommendation]
  rules:
  - name: tier 1 must not depend hard on tier 3
    not_hard: {caller: tier-1, callee: tier-3, indirect: true}   # also by way of others
  - name: only checkout pays
    only_callers: {of: payment, allow: [checkout]}
  - name: the web tier has no business with databases
    forbid: {caller: "web*", callee_type: database}
  - name: pages survive without recommendations
    soft: {caller: gateway, callee: recommendation}
  - name: nothing critical hangs on a legacy service
    not_hard: {callee: "legacy-*"}
  - name: no circles
    no_cycles: true

Services are named by name or by a pattern with * and ?. A rule about which too little was seen is unknown, which
is no violation unless --strict says so.`,
		Example: `  faultline check --policy policy.yaml --from https://faultline.example.com
  faultline check --policy policy.yaml traces-of-the-load-test.otlp.jsonl.gz`,
		Annotations: map[string]string{proc.Answers: "whether all rules are kept"},
	}
	cmd.Flags().StringVar(&from, "from", from, "base URL of the running Faultline (variable: FAULTLINE_URL)")
	cmd.Flags().StringVar(&file, "policy", file, "file with the policy")
	cmd.Flags().StringVar(&window, "since", window, "calls seen since then count: RFC 3339, or now-24h, now-7d")
	cmd.Flags().StringVar(&format, "format", format, "text or json")
	cmd.Flags().BoolVar(&strict, "strict", strict, "what is not known is a violation")
	_ = cmd.MarkFlagRequired("policy") // only for a flag that is not there
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		write, known := checkFormats[format]
		if !known {
			return fmt.Errorf("--format is %q and must be text or json", format)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read the policy: %w", err)
		}
		p, err := policy.Parse(text)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		var seen []policy.Dependency
		if len(files) > 0 {
			seen, err = recordedDependencies(cmd.Context(), files)
		} else {
			seen, err = fetchDependencies(cmd.Context(), strings.TrimSuffix(from, "/"), window)
		}
		if err != nil {
			return err
		}
		results := policy.Check(p, seen)
		if err := write(cmd.OutOrStdout(), results); err != nil {
			return err
		}
		for _, r := range results {
			if r.State == policy.Violated || strict && r.State == policy.Unknown {
				return errViolated
			}
		}
		return nil
	}
	return cmd
}

var checkFormats = map[string]func(io.Writer, []policy.Result) error{
	"text": func(w io.Writer, results []policy.Result) error {
		for _, r := range results {
			if _, err := fmt.Fprintf(w, "%-8s  %s\n", r.State, r.Rule); err != nil {
				return err
			}
			for _, b := range r.Because {
				fmt.Fprintf(w, "          - %s\n", b)
			}
		}
		return nil
	},
	"json": func(w io.Writer, results []policy.Result) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(results)
	},
}

// fetchDependencies asks for what was seen between nodes, and whether callers survive it.
func fetchDependencies(ctx context.Context, base, since string) ([]policy.Dependency, error) {
	var g gen.Graph
	var judged gen.Dependencies
	err := fetch(ctx, base+"/api/v1/graph?from="+url.QueryEscape(since), &g)
	if err == nil {
		err = fetch(ctx, base+"/api/v1/dependencies", &judged)
	}
	if err != nil {
		return nil, unanswered(base, "--from", err)
	}
	if g.Stale || g.TruncatedBy != "" {
		return nil, fmt.Errorf("ask %s: the graph is not whole, so nothing can be said about it; try again", base)
	}
	nodes := map[string]*gen.Node{}
	for i := range g.Nodes {
		nodes[g.Nodes[i].Id] = &g.Nodes[i]
	}
	verdicts := map[[2]string]*gen.DependencyEdge{}
	for i := range judged.Edges {
		verdicts[[2]string{judged.Edges[i].Caller, judged.Edges[i].Callee}] = &judged.Edges[i]
	}
	var seen []policy.Dependency
	for i := range g.Edges {
		e := &g.Edges[i]
		caller, callee := nodes[e.Caller], nodes[e.Callee]
		if caller == nil || callee == nil || e.Via != nil {
			continue
		}
		d := policy.Dependency{
			Caller: caller.Name, Callee: callee.Name, CalleeType: string(callee.Type), Calls: e.Calls, Async: e.Mode == gen.Async,
			Verdict: "unknown", Evidence: noFailure,
		}
		if v := verdicts[[2]string{e.Caller, e.Callee}]; v != nil {
			d.Verdict = string(v.Verdict)
			d.Evidence = failures(string(v.Verdict), v.Evidence.TotalFatal, v.Evidence.TotalSurvived)
		}
		seen = append(seen, d)
	}
	return seen, nil
}

const noFailure = "no failure was seen"

// failures is the evidence for a verdict in words.
func failures(verdict string, fatal, survived int64) string {
	if fatal+survived == 0 {
		return noFailure
	}
	if verdict == "unknown" {
		return fmt.Sprintf("too few failures to say, %d of %d took the caller down", fatal, fatal+survived)
	}
	return fmt.Sprintf("%s, %d of %d failures took the caller down", verdict, fatal, fatal+survived)
}

// recordedDependencies finds the same in files of recorded traces.
func recordedDependencies(ctx context.Context, files []string) ([]policy.Dependency, error) {
	rows, err := readRecorded(files)
	if err != nil {
		return nil, err
	}
	r, w, err := rows.analyze(ctx, "", "", &tier.ExpectConfig{})
	if err != nil {
		return nil, err
	}
	g, err := rows.Graph(ctx, fold.Tenant, w)
	if err != nil {
		return nil, err
	}
	verdicts := map[[2]graph.NodeID]*dependency.EdgeJudgement{}
	for i := range r.Edges {
		verdicts[[2]graph.NodeID{r.Edges[i].Caller, r.Edges[i].Callee}] = &r.Edges[i]
	}
	var seen []policy.Dependency
	for i := range g.Edges {
		e := &g.Edges[i]
		caller, callee := rows.Nodes[e.Caller], rows.Nodes[e.Callee]
		if e.Via != 0 || caller.Name == "" || callee.Name == "" {
			continue
		}
		d := policy.Dependency{
			Caller: caller.Name, Callee: callee.Name, CalleeType: string(callee.Type), Calls: e.Calls, Async: e.Mode == graph.Async,
			Verdict: "unknown", Evidence: noFailure,
		}
		if v := verdicts[[2]graph.NodeID{e.Caller, e.Callee}]; v != nil {
			d.Verdict = string(v.Verdict)
			d.Evidence = failures(d.Verdict, v.Evidence.TotalFatal, v.Evidence.TotalSurvived)
		}
		seen = append(seen, d)
	}
	return seen, nil
}

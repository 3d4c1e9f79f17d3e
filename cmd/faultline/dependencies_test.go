package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"faultline/analysis/analysistest"
	"faultline/analysis/analysistest/simulate"
	"faultline/analysis/dependency"
	"faultline/graph"
	"faultline/graph/match"
)

// told is what is said about a call site, by the API or by the packages behind it.
type told struct {
	Verdict                 string
	Says, Needs             string
	LatencyHard             bool
	Fatal, Survived         int64
	PartFatal, PartSurvived int64
	Contested               int64
}

// TestDependenciesOfSimulatedSystems sends the spans of hours of simulated systems to the built product and reads its
// verdicts from the API. They are right, and the same as the packages give without socket and database; so are the
// rows behind them. A coupling that changed with a version is a finding. How often verdicts are right is measured on
// many more systems by the tests of analysis/dependency.
func TestDependenciesOfSimulatedSystems(t *testing.T) {
	// The spans of hours come within seconds, so nothing needs to be waited for as long as in life.
	t.Setenv("FAULTLINE_INGEST__MATCH__SETTLE", "1s")
	t.Setenv("FAULTLINE_INGEST__MATCH__WAIT", "2s")
	t.Setenv("FAULTLINE_INGEST__JOURNAL__FSYNC", "interval")
	const length = 3 * time.Hour
	start := time.Now().Add(-length - 10*time.Minute).Truncate(time.Minute)
	settings := []simulate.Settings{
		{Services: 20, Spans: 25_000, Environment: "one"},
		{Services: 30, Spans: 25_000, Environment: "two"},
		{Services: 20, Spans: 30_000, Environment: "changing", Changes: true, Steady: true},
	}
	truths := map[string]*simulate.World{}
	var requests []analysistest.Request
	for i, set := range settings {
		set.Start, set.Length = start, length
		w := simulate.New(uint64(300+i), set)
		truths[set.Environment] = w
		requests = slices.AppendSeq(requests, w.Requests())
	}
	slices.SortStableFunc(requests, func(a, b analysistest.Request) int { return a.At.Compare(b.At) })

	p := up(t)
	var senders errgroup.Group
	senders.SetLimit(4)
	for _, r := range requests {
		senders.Go(func() error {
			resp, err := http.Post(p.http+"/v1/traces", "application/x-protobuf", bytes.NewReader(r.Body))
			if err != nil {
				return err
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("spans are not taken in: %s", resp.Status)
			}
			return nil
		})
	}
	if err := senders.Wait(); err != nil {
		t.Fatal(err)
	}
	tables, err := analysistest.Fold(match.DefaultConfig(), slices.Values(requests))
	if err != nil {
		t.Fatal(err)
	}
	window := fmt.Sprintf("from=%s&to=%s", start.UTC().Format(time.RFC3339), start.Add(length+10*time.Minute).UTC().Format(time.RFC3339))
	eventually(t, 60*time.Second, func() error { return sameOutcomes(p, &tables, window) })

	// A start reads the past.
	p.stop()
	p = upIn(t, p.dataDir)
	eventually(t, 60*time.Second, func() error {
		var answer struct{ At *time.Time }
		if err := p.get("/api/v1/dependencies", &answer); err != nil {
			return err
		}
		if answer.At == nil {
			return fmt.Errorf("nothing is judged yet")
		}
		return nil
	})
	want, changes := judged(t, &tables, time.Now())
	got := map[string]told{}
	for id, n := range tables.Nodes {
		if n.Type != graph.TypeService {
			continue
		}
		maps.Copy(got, p.dependencies(id, tables.Nodes))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the API says differs from what its packages do (-want +got):\n%s", diff)
	}
	right, wrong, missed, seen := 0, 0, 0, 0
	for env, w := range truths {
		for site, truth := range w.Truths {
			j, ok := got[key(env, site.Caller, site.Operation, site.Callee)]
			hard := truth.Effective() > 0.7 && !truth.Changed
			if ok && j.Verdict == "hard" && !truth.Changed {
				if hard {
					right++
				} else {
					wrong++
				}
			}
			if hard && truth.Isolated() >= 3 && !truth.Blind {
				if seen++; !ok || j.Verdict != "hard" {
					missed++
				}
			}
		}
	}
	t.Logf("%d requests, %d call sites; called hard: %d rightly, %d wrongly; of %d hard ones with three failures %d missed; %d changed couplings",
		len(requests), len(got), right, wrong, seen, missed, len(changes))
	if seen < 20 || float64(right) < 0.9*float64(right+wrong) || float64(missed) > 0.1*float64(seen) {
		t.Error("verdicts are not right")
	}

	var findings struct {
		Findings []struct{ Kind, Title string }
	}
	if err := p.get("/api/v1/findings?state=open&limit=1000", &findings); err != nil {
		t.Fatal(err)
	}
	titles := map[string]bool{}
	for _, f := range findings.Findings {
		if f.Kind == "dependency.changed" {
			titles[f.Title] = true
		}
	}
	if len(changes) == 0 {
		t.Error("no coupling has changed")
	}
	for _, c := range changes {
		if !titles[c] {
			t.Errorf("no finding %q among %q", c, slices.Collect(maps.Keys(titles)))
		}
	}
}

func key(env, caller, operation, callee string) string {
	if _, host, ok := strings.Cut(callee, " @ "); ok {
		callee = host
	}
	callee, _, _ = strings.Cut(callee, ":")
	return strings.Join([]string{env, caller, operation, callee}, " | ")
}

// judged is what the packages say about rows, and the titles of findings on changes that a version brought.
func judged(t *testing.T, tables *analysistest.Tables, at time.Time) (sites map[string]told, changes []string) {
	t.Helper()
	j := dependency.New(dependency.DefaultConfig(), dependency.Knowledge{
		NodeType: func(id graph.NodeID) graph.NodeType { return tables.Nodes[id].Type },
	})
	aliases := graph.Aliases(tables.Nodes, tables.CallSites)
	for rows := range analysistest.Minutes(tables.Outcomes) {
		rows = slices.Clone(rows)
		for i := range rows {
			if id, ok := aliases[graph.Alias{Caller: rows[i].Caller, Callee: rows[i].Callee}]; ok {
				rows[i].Callee = id
			}
		}
		if err := j.Add(rows[0].Bucket, rows); err != nil {
			t.Fatal(err)
		}
	}
	sites = map[string]told{}
	for s := range j.Judgements(at.Truncate(time.Minute).Add(time.Minute)) {
		caller, callee := tables.Nodes[s.Caller], tables.Nodes[s.Callee]
		e := &s.Evidence
		sites[key(caller.Environment, caller.Name, s.Operation, callee.Name)] = told{
			string(s.Verdict), s.String(), s.Needs.String(), s.Facets.LatencyHard.Is,
			e.TotalFatal, e.TotalSurvived, e.PartialFatal, e.PartialSurvived, e.ContestedFatal + e.ContestedSurvived,
		}
		for _, c := range s.Changes {
			if c.VersionBefore != c.VersionAfter {
				changes = append(changes, fmt.Sprintf("%s became a %s dependency of %s in %s since version %s", callee.Name, c.To, caller.Name, s.Operation, c.VersionAfter))
			}
		}
	}
	return sites, changes
}

// dependencies are the call sites of a caller by the API.
func (p *product) dependencies(caller graph.NodeID, nodes map[graph.NodeID]graph.Node) map[string]told {
	p.t.Helper()
	var answer struct {
		CallSites []struct {
			Caller, Operation, Callee, Verdict, Says, Needs string
			LatencyHard                                     bool `json:"latency_hard"`
			Evidence                                        map[string]float64
		} `json:"call_sites"`
	}
	if err := p.get("/api/v1/dependencies?node="+caller.String(), &answer); err != nil {
		p.t.Fatal(err)
	}
	sites := map[string]told{}
	for _, s := range answer.CallSites {
		if s.Caller != caller.String() {
			continue
		}
		callee, err := graph.ParseNodeID(s.Callee)
		if err != nil {
			p.t.Fatal(err)
		}
		n := func(name string) int64 { return int64(s.Evidence[name]) }
		sites[key(nodes[caller].Environment, nodes[caller].Name, s.Operation, nodes[callee].Name)] = told{
			s.Verdict, s.Says, s.Needs, s.LatencyHard, n("total_fatal"), n("total_survived"), n("partial_fatal"), n("partial_survived"),
			n("contested_fatal") + n("contested_survived"),
		}
	}
	return sites
}

// sameOutcomes reports where the outcomes of a window that the API gives differ from those in tables.
func sameOutcomes(p *product, tables *analysistest.Tables, window string) error {
	type of struct{ operation, callee string }
	want := map[graph.NodeID]map[of]graph.OutcomeStats{}
	for i := range tables.Outcomes {
		r := &tables.Outcomes[i]
		if want[r.Caller] == nil {
			want[r.Caller] = map[of]graph.OutcomeStats{}
		}
		k := of{r.Operation, ""}
		if r.Callee != 0 {
			k.callee = r.Callee.String()
		}
		sum := want[r.Caller][k]
		sum.Add(&r.OutcomeStats)
		want[r.Caller][k] = sum
	}
	for caller, rows := range want {
		if tables.Nodes[caller].Type != graph.TypeService {
			continue
		}
		var answer struct {
			Requests []json.RawMessage
			AsCaller []json.RawMessage `json:"as_caller"`
		}
		if err := p.get("/api/v1/nodes/"+caller.String()+"/outcomes?"+window, &answer); err != nil {
			return err
		}
		got := slices.Concat(answer.Requests, answer.AsCaller)
		if len(got) != len(rows) {
			return fmt.Errorf("%s: %d rows of outcomes, want %d", tables.Nodes[caller].Name, len(got), len(rows))
		}
		for _, text := range got {
			var named struct{ Operation, Callee string }
			var counts map[string]any
			if err := json.Unmarshal(text, &named); err != nil {
				return err
			}
			if err := json.Unmarshal(text, &counts); err != nil {
				return err
			}
			stats, ok := rows[of{named.Operation, named.Callee}]
			if !ok {
				return fmt.Errorf("%s: outcomes of %v, which has none", tables.Nodes[caller].Name, named)
			}
			for i, n := range stats.Counters() {
				if name := graph.OutcomeCounterNames[i]; counts[name] != float64(*n) {
					return fmt.Errorf("%s, %v: %s is %v, want %d", tables.Nodes[caller].Name, named, name, counts[name], *n)
				}
			}
		}
	}
	return nil
}

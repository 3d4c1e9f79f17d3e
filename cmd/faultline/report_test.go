package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"faultline/web/api/gen"
)

// answers are those of an API with one of everything; names are as hostile as senders can make them.
var answers = map[string]string{
	"/api/v1/findings": `{"at":"2026-11-21T12:00:00Z","counts":{"critical":1,"warning":0,"info":0},"truncated":0,"findings":[{"id":"1","kind":"dependency.hard",
		"state":"open","severity":"critical","confidence":0.9,"title":"a|b <script> fails","detail":"Repair it.","node":null,"node_name":"","callee":null,"callee_name":"",
		"operation":"","facts":[{"name":"share","value":0.25,"unit":"share","text":""},{"name":"failures","value":12,"unit":"","text":"of 12"}],"traces":[],"since":null,
		"first":"2026-11-21T11:00:00Z","opened":"2026-11-21T11:00:00Z","last":"2026-11-21T12:00:00Z","changed":"2026-11-21T11:00:00Z","openings":1,"incident":null,"mark":null}]}`,
	"/api/v1/incidents": `{"at":"2026-11-21T12:00:00Z","incidents":[{"id":"i","started":"2026-11-21T11:00:00Z","opened":"2026-11-21T11:00:30Z","last_ill":"2026-11-21T11:10:00Z",
		"closed":null,"suspected":true,"sign":"slow","candidates":[{"node":"1","node_name":"db","share":0.7,"units":3,"likely":true,"reasons":[{"kind":"own_time","text":"10 requests of <db> took longer by themselves, 300ms on average","units":3,"of":10,"callers":0,"version":""}],"onset":null,"traces":[]}],
		"members":[],"path":[],"entries":[{"node":"2","node_name":"web","operation":"GET /","requests":100,"bad":40}]},
		{"id":"j","started":"2026-11-21T10:00:00Z","opened":"2026-11-21T10:00:30Z","last_ill":"2026-11-21T10:10:00Z","closed":"2026-11-21T10:10:00Z","sign":"","candidates":[],"members":[],"path":[],"entries":[]}]}`,
	"/api/v1/dependencies": `{"at":null,"since":null,"call_sites":[],"edges":[{"caller":"1","callee":"2","caller_name":"web","callee_name":"db","verdict":"hard","assumed":"hard",
		"basis":"inferred","probability":0.97,"low":0.8,"high":1,"evidence":{"total_fatal":7,"total_survived":0,"partial_fatal":0,"partial_survived":0,"contested_fatal":0,"contested_survived":0,"requests":100}},
		{"caller":"1","callee":"4","caller_name":"web","callee_name":"mail","verdict":"unknown","assumed":"hard","basis":"inferred","probability":0.6,"low":0,"high":1,"evidence":{"requests":12345}},
		{"caller":"1","callee":"3","caller_name":"web","callee_name":"cache","verdict":"soft","assumed":"soft","basis":"inferred","probability":0,"low":0,"high":0.1,"evidence":{}}]}`,
	"/api/v1/objectives": `{"at":null,"objectives":[{"service":"web","namespace":"","environment":"","operation":"GET /","target":99.9,"latency_ms":0,"node":"1","requests":100000,
		"achieved":0.98765,"own":0.0001,"own_alone":false,"measured":{"low":0.012,"high":0.012},"outlook":{"verdict":"infeasible","lost":{"low":0.012,"high":0.013},"best":0.9879},
		"dependencies":[{"callee":"2","callee_name":"db","coupling":"hard","used":1,"hardness":1,"failing":0.012,"promised":false,"takes":0.012,"breaks":true,"required":0.99955,"nine_more":false,
		"softened":{"verdict":"feasible","lost":{"low":0,"high":0.0001},"best":0.9998}}]}]}`,
	"/api/v1/audit": `{"at":null,"truncated":0,"services":[{"node":"1","node_name":"web","level":1,"ceiling":3,"known":0.25,"missing":["backoff","timeout"],"checks":[
		{"practice":"cycles","state":"risk","says":"It calls itself: web → web.","sites":null},{"practice":"backoff","state":"risk","says":"Missing at 1 of 1 call site.","sites":{"pass":0,"risk":1,"unknown":0}}]}],
		"sites":[{"caller":"1","caller_name":"web","operation":"GET /|","callee":"2","callee_name":"<db>","waits":true,"checks":[
		{"practice":"backoff","state":"risk","says":"No pause at all before 40 retries.","sites":null},{"practice":"jitter","state":"unknown","says":"","sites":null}]}]}`,
	"/api/v1/hotspots": `{"at":null,"truncated":0,"hotspots":[{"node":"2","node_name":"db","type":"database","fragility":41.5,"impact":0.9,"hazard":0.46,"single_point_of_failure":false,"fan_in":1,"fan_out":0,"parts":[{"part":"burn","raw":1,"known":true,"hazard":0.5,"weight":1,"points":41.5},{"part":"tail","raw":0,"known":false,"hazard":0,"weight":1,"points":0}]}]}`,
	"/api/v1/changes": `{"window":{"from":"2026-11-20T12:00:00Z","to":"2026-11-21T12:00:00Z"},"base_window":{"from":"2026-11-19T12:00:00Z","to":"2026-11-20T12:00:00Z"},
		"requests":1000,"base_requests":1000,"compared":9,"versions":[],"truncated":1,"uncertain":[],"uncertain_truncated":0,"items":[{"kind":"errors","rating":"worse",
		"node":"1","node_name":"web","callee":"2","callee_name":"d|b","operation":"","edge":null,"before":{"value":0,"count":0,"of":500},"after":{"value":0.1,"count":50,"of":500},
		"chance":0.001,"from":"","to":"","at":null,"versions":[{"node":"1","node_name":"web","from":"1.41","to":"1.42"}],"entries":[],"cycle":[],"crosses_to":"","trace":null}]}`,
}

func report(t *testing.T, format string, answers map[string]string) (string, error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(body))
	}))
	defer srv.Close()
	cmd := newReportCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage = true
	cmd.SetArgs([]string{"--from", srv.URL + "/", "--format", format})
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestReport(t *testing.T) {
	for format, want := range map[string][]string{
		"md": {
			"# Reliability review", `### a\|b &lt;script&gt; fails`, "- share: 25 %", "- failures: 12 (of 12)", "| lasts | suspected: requests are slow | db | 70 % | 10 requests of &lt;db&gt; took longer by themselves, 300ms on average | web GET / (40 of 100) |",
			"| 2026-11-21 10:10 UTC |  | not found |  |", "| web | db | 97 % (80 % to 100 %) | 7 fatal, 0 survived |", "| db | 41.5 | 90 % | 46 % | burn 41.5 |", "| web | 1 | 3 | 25 % | Retries wait; Calls are bounded by a timeout |",
			`- web GET /\| to &lt;db&gt;: No pause at all before 40 retries.`, "- AWS REL05-BP03: Control and limit retry calls", "- web: It calls itself: web → web.", "| web | mail | 12345 |", "| 1 | 0 | 1 | 1 | 2 | 2 | 1 |",
			`| worse | errors: web → d\|b | 0 % of 500 | 10 % of 500 | web 1.41 to 1.42 |`, "1 more are not listed.",
			"| web GET / | 99.9 % | 98.765 % | cannot be kept | 0.01 % | 1.2 % to 1.3 % | db (needs 99.955 %; if survived: can be kept) |",
		},
		"html": {"<h3 class=\"critical\">a|b &lt;script&gt; fails</h3>", "<td>db<td>41.5<td>", "burn 41.5", "●○○</span> 1<td>3<td>25 %", "<li>web GET /| to &lt;db&gt;: No pause at all before 40 retries.</li>", "<td>web<td>mail<td>12345", `<li class="critical"><b>1</b>`, "<td>web<td>db<td>97 %", "<td>cannot be kept<td>0.01 %<td>1.2 % to 1.3 %<td>db (needs 99.955 %"},
	} {
		text, err := report(t, format, answers)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: without %q:\n%s", format, w, text)
			}
		}
		if strings.Contains(text, "cache") || strings.Contains(text, "<script>") {
			t.Errorf("%s: a soft dependency is called hard, or a name became markup:\n%s", format, text)
		}
	}
	text, err := report(t, "json", answers)
	var r review
	if err != nil || json.Unmarshal([]byte(text), &r) != nil || len(r.Findings.Findings) != 1 || len(r.Dependencies.Edges) != 3 || len(r.Audit.Sites) != 1 {
		t.Errorf("json: %v\n%s", err, text)
	}
	nothing := map[string]string{
		"/api/v1/findings": `{}`, "/api/v1/incidents": `{}`, "/api/v1/dependencies": `{}`, "/api/v1/hotspots": `{}`, "/api/v1/audit": `{}`, "/api/v1/objectives": `{}`,
		"/api/v1/changes": `{}`,
	}
	if text, err := report(t, "md", nothing); err != nil || !strings.Contains(text, "None is known.") || !strings.Contains(text, "Nothing yet.") ||
		!strings.Contains(text, "Nothing that is not chance: there was no traffic") {
		t.Errorf("of nothing: %v\n%s", err, text)
	}
	if _, err := report(t, "pdf", answers); err == nil || !strings.Contains(err.Error(), "md, html or json") {
		t.Errorf("an unknown format: %v", err)
	}
	if _, err := report(t, "md", nil); err == nil || !strings.Contains(err.Error(), "--from") {
		t.Errorf("no API there: %v", err)
	}
}

// A window of the past has no changes and no audit, and what is not known is no zero.
func TestReportOfAWindow(t *testing.T) {
	for format, unknown := range map[string][]string{
		"md":   {"What changed", "services", "Services", "practices", "Practices"},
		"html": {"What changed", "</b>services", "Services", "</b>practices", "Practices"},
		"json": {"changes", "audit"},
	} {
		var out strings.Builder
		if err := reportFormats[format](&out, &review{Incidents: gen.Incidents{Incidents: []gen.Incident{{}}}}); err != nil {
			t.Fatal(err)
		}
		for _, u := range unknown {
			if strings.Contains(out.String(), u) {
				t.Errorf("%s says something of %q:\n%s", format, u, out.String())
			}
		}
		if format == "md" && !strings.Contains(out.String(), "\n| 0 | 0 | 0 | 1 | 0 |\n") {
			t.Errorf("the sums:\n%s", out.String())
		}
	}
}

// A question that is refused is answered with why, and not with the doubt whether anybody is there.
func TestRefusalIsSaid(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"detail":"the window is too long","instance":"/","status":400,"title":"Bad Request","type":"about:blank"}`))
	}))
	defer srv.Close()
	for _, args := range [][]string{{"analyze", "--from", "now-9h", "--server"}, {"report", "--from"}, {"export", "dependencies", "--from"}} {
		want := "ask " + srv.URL + ": the window is too long"
		if _, err := run(t, newRootCommand(), append(args, srv.URL)...); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", args[0], err, want)
		}
	}
}

// What is to be done about several things is said once, and services that have come equally far share a line.
func TestReportSaysThingsOnce(t *testing.T) {
	finding := func(title, detail string) gen.Finding {
		return gen.Finding{Kind: "dependency.hard", Severity: "info", Title: title, Detail: detail, Facts: []gen.Fact{{Name: "requests", Value: 3, Text: "of 5"}, {Name: "fatal", Value: 0.5, Unit: "share"}}}
	}
	r := &review{
		Findings: gen.Findings{Findings: []gen.Finding{finding("a fails with b", "Survive it."), finding("x fails with y", "Leave it."), finding("c fails with d", "Survive it.")}},
		Audit: &gen.Audit{Services: []gen.AuditService{
			{NodeName: "web", Level: 1, Ceiling: 2, Known: 0.2, Missing: []gen.AuditPractice{"timeout"}}, {NodeName: "cart", Level: 1, Ceiling: 3, Known: 0.2},
			{NodeName: "app", Level: 1, Ceiling: 2, Known: 0.4, Missing: []gen.AuditPractice{"timeout"}},
		}},
		Hotspots: gen.Hotspots{Hotspots: []gen.Hotspot{{NodeName: "hot", Fragility: 1}, {NodeName: "cold", Fragility: 0.9}}},
	}
	for format, want := range map[string][]string{
		"md": {
			"### a fails with b, and 1 like it\n\nSurvive it.\n\n- **a fails with b** (info, dependency.hard, since 0001-01-01 00:00 UTC): requests: 3 (of 5); fatal: 50 %\n- **c fails with d**",
			"### x fails with y\n", "| web, app | 1 | 2 | 20 to 40 % | Calls are bounded by a timeout |", "| cart | 1 | 3 | 20 % |  |",
		},
		"html": {"<h3 class=\"info\">a fails with b, and 1 like it</h3>", "<b>c fails with d</b>", "<td>web, app<td"},
	} {
		var out strings.Builder
		if err := reportFormats[format](&out, r); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s: without %q:\n%s", format, w, out.String())
			}
		}
		if strings.Count(out.String(), "Survive it.") != 1 || strings.Contains(out.String(), "cold") {
			t.Errorf("%s: the same is said twice, or what is not worth it:\n%s", format, out.String())
		}
	}
}

// The commands that ask a running Faultline find it by a variable, and a flag says otherwise.
func TestRunningURL(t *testing.T) {
	for variable, want := range map[string]string{"": "http://127.0.0.1:8080", "http://f:1": "http://f:1"} {
		t.Setenv("FAULTLINE_URL", variable)
		for _, cmd := range []*cobra.Command{newReportCommand(), newCheckCommand(), newExportDependenciesCommand()} {
			if got := cmd.Flag("from").DefValue; got != want {
				t.Errorf("%s: %s with %q, want %s", cmd.Name(), got, variable, want)
			}
		}
		if got := newAnalyzeCommand().Flag("server").DefValue; got != want {
			t.Errorf("analyze: %s with %q, want %s", got, variable, want)
		}
	}
}

func TestDigits(t *testing.T) {
	for _, tt := range []struct {
		x    float64
		n    int
		want string
	}{
		{0, 3, "0"}, {12345, 4, "12345"}, {1234.5, 3, "1234"}, {99.95, 3, "100"}, {0.01234, 2, "0.012"}, {99.98765, 6, "99.9877"}, {1.5, 3, "1.5"}, {-2500.4, 3, "-2500"},
	} {
		if got := digits(tt.x, tt.n); got != tt.want {
			t.Errorf("digits(%v, %d) is %q, want %q", tt.x, tt.n, got, tt.want)
		}
	}
}

package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"faultline/analysis/audit"
	"faultline/web/api/gen"
)

func newReportCommand() *cobra.Command {
	from, format := runningURL(), "md"
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write a reliability review of what a running Faultline knows",
		Long: `Write a reliability review of what a running Faultline knows, to standard output: what is worth acting on, what
went wrong, what changed in the last day, which dependencies take their callers down, and where the system is fragile. It is a document for the
meeting in which a team decides what to repair first.`,
		Example: `  faultline report > review.md
  faultline report --format html --from https://faultline.example.com > review.html`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&from, "from", from, "base URL of the running Faultline (variable: FAULTLINE_URL)")
	cmd.Flags().StringVar(&format, "format", format, "md, html or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		write, known := reportFormats[format]
		if !known {
			return fmt.Errorf("--format is %q and must be md, html or json", format)
		}
		r, err := fetchReport(cmd.Context(), strings.TrimSuffix(from, "/"))
		if err != nil {
			return err
		}
		return write(cmd.OutOrStdout(), r)
	}
	return cmd
}

// review is what a report is made of: answers of the API.
type review struct {
	At           time.Time        `json:"at"`
	Source       string           `json:"source"`
	Findings     gen.Findings     `json:"findings"`
	Incidents    gen.Incidents    `json:"incidents"`
	Changes      gen.Changes      `json:"changes"` // of the last day, from the day before
	Dependencies gen.Dependencies `json:"dependencies"`
	Hotspots     gen.Hotspots     `json:"hotspots"`
	Objectives   gen.Objectives   `json:"objectives"`
	Audit        gen.Audit        `json:"audit"`
}

// reportTimeout is how long one answer may take.
const reportTimeout = 30 * time.Second

func fetchReport(ctx context.Context, base string) (*review, error) {
	r := &review{At: time.Now().UTC().Truncate(time.Second), Source: base}
	for path, to := range map[string]any{
		"findings": &r.Findings, "incidents": &r.Incidents, "dependencies": &r.Dependencies, "hotspots?limit=20": &r.Hotspots,
		"objectives": &r.Objectives, "audit": &r.Audit, "changes?from=now-1d&limit=50": &r.Changes,
	} {
		if err := fetch(ctx, base+"/api/v1/"+path, to); err != nil {
			return nil, fmt.Errorf("ask %s: %w (is Faultline running there? --from says where)", base, err)
		}
	}
	return r, nil
}

func fetch(ctx context.Context, url string, to any) error {
	return fetchWithin(ctx, reportTimeout, url, to)
}

func fetchWithin(ctx context.Context, limit time.Duration, url string, to any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(to)
}

// ToActOn are the findings but those about practices, which have a chapter of their own.
func (r *review) ToActOn() (findings []gen.Finding) {
	for _, f := range r.Findings.Findings {
		if !strings.HasPrefix(f.Kind, "audit.") {
			findings = append(findings, f)
		}
	}
	return findings
}

// missingPractice is a practice with the places at which it was seen to be missing.
type missingPractice struct {
	Practice gen.AuditPractice
	Places   []missingPlace
}

type missingPlace struct{ Where, Says string }

// Missing are the practices seen to be missing, those at most places first.
func (r *review) Missing() []missingPractice {
	at := map[gen.AuditPractice]*missingPractice{}
	note := func(c *gen.AuditCheck, where string) {
		if at[c.Practice] == nil {
			at[c.Practice] = &missingPractice{Practice: c.Practice}
		}
		at[c.Practice].Places = append(at[c.Practice].Places, missingPlace{where, c.Says})
	}
	for i := range r.Audit.Services {
		for j, s := 0, &r.Audit.Services[i]; j < len(s.Checks); j++ {
			if c := &s.Checks[j]; c.State == gen.AuditStateRisk && c.Sites == nil {
				note(c, s.NodeName)
			}
		}
	}
	for i := range r.Audit.Sites {
		for j, s := 0, &r.Audit.Sites[i]; j < len(s.Checks); j++ {
			if c := &s.Checks[j]; c.State == gen.AuditStateRisk {
				note(c, s.CallerName+" "+s.Operation+" to "+s.CalleeName)
			}
		}
	}
	var missing []missingPractice
	for _, m := range at {
		missing = append(missing, *m)
	}
	slices.SortFunc(missing, func(a, b missingPractice) int {
		return cmp.Or(cmp.Compare(len(b.Places), len(a.Places)), cmp.Compare(a.Practice, b.Practice))
	})
	return missing
}

// mostTests is how many dependencies are proposed for a test.
const mostTests = 10

// WorthATest are dependencies that would take their callers down as far as anybody knows, the busiest first.
func (r *review) WorthATest() (edges []gen.DependencyEdge) {
	for _, e := range r.Dependencies.Edges {
		if e.Verdict == gen.CriticalityUnknown && e.Assumed == gen.AssumptionHard {
			edges = append(edges, e)
		}
	}
	slices.SortStableFunc(edges, func(a, b gen.DependencyEdge) int { return cmp.Compare(b.Evidence.Requests, a.Evidence.Requests) })
	return edges[:min(len(edges), mostTests)]
}

// Hard are the dependencies that take their callers down.
func (r *review) Hard() (hard []gen.DependencyEdge) {
	for _, e := range r.Dependencies.Edges {
		if e.Verdict == gen.CriticalityHard {
			hard = append(hard, e)
		}
	}
	return hard
}

// What says what a change is about.
func what(c gen.ChangeItem) string {
	s := strings.ReplaceAll(string(c.Kind), "_", " ") + ": " + c.NodeName
	if c.Callee != nil {
		s += " → " + c.CalleeName
	}
	if c.Operation != "" {
		s += ", " + c.Operation
	}
	if c.To != "" {
		s += ", " + c.From + " to " + c.To
	}
	return s
}

// measure is the number of a change before or after it, in its unit.
func measure(kind gen.ChangeKind, m gen.ChangeMeasure) string {
	switch kind {
	case gen.ChangeKindErrors, gen.ChangeKindRetries:
		return fmt.Sprintf("%.3g %% of %.0f", 100*m.Value, m.Of)
	case gen.ChangeKindLatency:
		return fmt.Sprintf("p95 %.3g ms", m.Value)
	case gen.ChangeKindRate:
		return fmt.Sprintf("%.2g a request", m.Value)
	case gen.ChangeKindAmplification:
		return fmt.Sprintf("%.2f attempts", m.Value)
	case gen.ChangeKindCriticality:
		return ""
	default:
		return fmt.Sprintf("%.0f calls", m.Value)
	}
}

var (
	//go:embed report.md.tmpl
	reportMarkdown string
	//go:embed report.html.tmpl
	reportHTML string

	reportWords = map[string]any{
		"percent": func(x float64) string { return fmt.Sprintf("%.3g %%", 100*x) },
		// Of an availability what is lacking counts, so that is what is rounded.
		"available": func(x float64) string { return fmt.Sprintf("%.6g %%", 100*x) },
		"time":      func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
		"cell":      cell,
		"hundred":   func(x float64) float64 { return 100 * x },
		"stars": func(level, ceiling int) string { // a full one for each level proved, an empty one for each possible
			return strings.Repeat("●", level) + strings.Repeat("○", ceiling-level)
		},
		"practice": func(p gen.AuditPractice) audit.Entry { return audit.Catalogue[audit.Practice(p)] },
		"aws":      func(id string) string { return audit.BestPractices[id] },
		"what":     what,
		"measure":  measure,
	}
	markdownReport = template.Must(template.New("md").Funcs(reportWords).Parse(reportMarkdown))
	htmlReport     = htmltemplate.Must(htmltemplate.New("html").Funcs(reportWords).Parse(reportHTML))

	reportFormats = map[string]func(io.Writer, *review) error{
		"md":   func(w io.Writer, r *review) error { return markdownReport.Execute(w, r) },
		"html": func(w io.Writer, r *review) error { return htmlReport.Execute(w, r) },
		"json": func(w io.Writer, r *review) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(r)
		},
	}
)

// cell keeps names, which senders choose, from breaking a table or becoming markup.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "`", "'", "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`).Replace(s)
}

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"net/http"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"faultline/web/api/gen"
)

func newReportCommand() *cobra.Command {
	from, format := "http://127.0.0.1:8080", "md"
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write a reliability review of what a running Faultline knows",
		Long: `Write a reliability review of what a running Faultline knows, to standard output: what is worth acting on, what
went wrong, which dependencies take their callers down, and where the system is fragile. It is a document for the
meeting in which a team decides what to repair first.`,
		Example: `  faultline report > review.md
  faultline report --format html --from https://faultline.example.com > review.html`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&from, "from", from, "base URL of the running Faultline")
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
	Dependencies gen.Dependencies `json:"dependencies"`
	Hotspots     gen.Hotspots     `json:"hotspots"`
	Objectives   gen.Objectives   `json:"objectives"`
}

// reportTimeout is how long one answer may take.
const reportTimeout = 30 * time.Second

func fetchReport(ctx context.Context, base string) (*review, error) {
	r := &review{At: time.Now().UTC().Truncate(time.Second), Source: base}
	for path, to := range map[string]any{
		"findings": &r.Findings, "incidents": &r.Incidents, "dependencies": &r.Dependencies, "hotspots?limit=20": &r.Hotspots,
		"objectives": &r.Objectives,
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

// Hard are the dependencies that take their callers down.
func (r *review) Hard() (hard []gen.DependencyEdge) {
	for _, e := range r.Dependencies.Edges {
		if e.Verdict == gen.CriticalityHard {
			hard = append(hard, e)
		}
	}
	return hard
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

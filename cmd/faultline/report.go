package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"io"
	"math"
	"slices"
	"strconv"
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
	Changes      *gen.Changes     `json:"changes,omitempty"` // of the last day, from the day before; nil in that of a window
	Dependencies gen.Dependencies `json:"dependencies"`
	Hotspots     gen.Hotspots     `json:"hotspots"`
	Objectives   gen.Objectives   `json:"objectives"`
	Audit        *gen.Audit       `json:"audit,omitempty"` // nil in that of a window
}

// reportTimeout is how long one answer may take.
const reportTimeout = 30 * time.Second

func fetchReport(ctx context.Context, base string) (*review, error) {
	r := &review{At: time.Now().UTC().Truncate(time.Second), Source: base, Changes: &gen.Changes{}, Audit: &gen.Audit{}}
	for path, to := range map[string]any{
		"findings": &r.Findings, "incidents": &r.Incidents, "dependencies": &r.Dependencies, "hotspots?limit=20": &r.Hotspots,
		"objectives": &r.Objectives, "audit": r.Audit, "changes?from=now-1d&limit=50": r.Changes,
	} {
		if err := fetch(ctx, base+"/api/v1/"+path, to); err != nil {
			return nil, unanswered(base, "--from", err)
		}
	}
	return r, nil
}

// ToActOn are the findings but those about practices, which have a chapter of their own. Those with the same to do stand together.
func (r *review) ToActOn() (groups [][]gen.Finding) {
	type todo struct {
		kind, detail string
		severity     gen.FindingSeverity
	}
	at := map[todo]int{}
	for _, f := range r.Findings.Findings {
		if strings.HasPrefix(f.Kind, "audit.") {
			continue
		}
		k := todo{f.Kind, f.Detail, f.Severity}
		n, known := at[k]
		if !known {
			n = len(groups)
			at[k] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], f)
	}
	return groups
}

// more is how many findings there are beside the first.
func more(findings []gen.Finding) int { return len(findings) - 1 }

// fact is a fact with its unit, and what is to be said to it.
func fact(f gen.Fact) string {
	s := fmt.Sprintf("%s: %s %s", f.Name, digits(f.Value, 4), f.Unit)
	if f.Unit == "share" {
		s = fmt.Sprintf("%s: %s %%", f.Name, digits(100*f.Value, 3))
	}
	s = strings.TrimSpace(s)
	if f.Text != "" {
		s += " (" + f.Text + ")"
	}
	return s
}

// Fragile are the nodes that score at least a point.
func (r *review) Fragile() (spots []gen.Hotspot) {
	for _, h := range r.Hotspots.Hotspots {
		if h.Fragility >= 1 {
			spots = append(spots, h)
		}
	}
	return spots
}

// parts are those parts of a score that have points.
func parts(all []gen.HotspotPart) string {
	var with []string
	for _, p := range all {
		if p.Points >= 0.05 {
			with = append(with, fmt.Sprintf("%s %.1f", p.Part, p.Points))
		}
	}
	return strings.Join(with, ", ")
}

// maturity is services that have come equally far and miss the same.
type maturity struct {
	names          []string
	Level, Ceiling int
	least, most    float64
	Missing        []gen.AuditPractice
}

func (m maturity) Names() string { return strings.Join(m.names, ", ") }

// Known is the share of practices on which something is known.
func (m maturity) Known() string {
	if least, most := 100*m.least, 100*m.most; most-least >= 1 {
		return fmt.Sprintf("%.0f to %.0f %%", least, most)
	}
	return fmt.Sprintf("%.0f %%", 100*m.most)
}

// Mature are the services by how far they have come.
func (r *review) Mature() (rows []maturity) {
	if r.Audit == nil {
		return nil
	}
	for i := range r.Audit.Services {
		s := &r.Audit.Services[i]
		n := slices.IndexFunc(rows, func(m maturity) bool {
			return m.Level == s.Level && m.Ceiling == s.Ceiling && slices.Equal(m.Missing, s.Missing)
		})
		if n < 0 {
			n = len(rows)
			rows = append(rows, maturity{Level: s.Level, Ceiling: s.Ceiling, Missing: s.Missing, least: s.Known, most: s.Known})
		}
		m := &rows[n]
		m.names = append(m.names, s.NodeName)
		m.least, m.most = min(m.least, s.Known), max(m.most, s.Known)
	}
	return rows
}

// ailment is what is wrong in an incident, in words.
func ailment(s gen.Sign) string {
	switch s {
	case gen.SignFailing:
		return "requests fail"
	case gen.SignTolerated:
		return "calls fail that requests survive"
	case gen.SignSlow:
		return "requests are slow"
	case gen.SignDifferent:
		return "requests make other calls than before"
	}
	return ""
}

// verdict is whether an objective can be kept, in words.
func verdict(f gen.Feasibility) string {
	switch f {
	case gen.Feasible:
		return "can be kept"
	case gen.Infeasible:
		return "cannot be kept"
	case gen.Depends:
		return "depends on how failures coincide"
	}
	return "too little seen"
}

// between is the range that a share is in, or the share.
func between(r gen.ShareRange) string {
	low, high := digits(100*r.Low, 3)+" %", digits(100*r.High, 3)+" %"
	if low == high {
		return low
	}
	return low + " to " + high
}

// missingPractice is a practice with the places at which it was seen to be missing.
type missingPractice struct {
	Practice gen.AuditPractice
	Places   []missingPlace
}

type missingPlace struct{ Where, Says string }

// Missing are the practices seen to be missing, those at most places first.
func (r *review) Missing() []missingPractice {
	if r.Audit == nil {
		return nil
	}
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
		return fmt.Sprintf("%s %% of %.0f", digits(100*m.Value, 3), m.Of)
	case gen.ChangeKindLatency:
		return "p95 " + digits(m.Value, 3) + " ms"
	case gen.ChangeKindRate:
		return digits(m.Value, 2) + " a request"
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
		"percent": func(x float64) string { return digits(100*x, 3) + " %" },
		// Of an availability what is lacking counts, so that is what is rounded.
		"available": func(x float64) string { return digits(100*x, 6) + " %" },
		"time":      func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
		"cell":      cell,
		"stars": func(level, ceiling int) string { // a full one for each level proved, an empty one for each possible
			return strings.Repeat("●", level) + strings.Repeat("○", ceiling-level)
		},
		"practice": func(p gen.AuditPractice) audit.Entry { return audit.Catalogue[audit.Practice(p)] },
		"aws":      func(id string) string { return audit.BestPractices[id] },
		"what":     what,
		"measure":  measure,
		"more":     more,
		"fact":     fact,
		"parts":    parts,
		"sign":     ailment,
		"verdict":  verdict,
		"between":  between,
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

// digits writes a number with so many significant digits, as people do: without a power of ten, and with all digits of a
// whole number.
func digits(x float64, n int) string {
	if math.Abs(x) >= math.Pow10(n) {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	short, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', n, 64), 64) // it was written just now
	return strconv.FormatFloat(short, 'f', -1, 64)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"faultline/analysis"
	"faultline/cmd/internal/tier"
	"faultline/graph"
	"faultline/ingest/fold"
	"faultline/web/api"
	"faultline/web/api/gen"
)

func newAnalyzeCommand() *cobra.Command {
	server, from, to, format := runningURL(), "", "", "md"
	var expect tier.ExpectConfig
	cmd := &cobra.Command{
		Use:   "analyze [--from TIME --to TIME] [FILE…]",
		Short: "Run the analyses again over a window of the past, and print what they find",
		Long: `Run the analyses again over a window of the past, and print verdicts on dependencies, incidents and findings as they would
have been at its end. The findings of now are left alone, and the same window gives the same report every time.

Without a file, a running Faultline does it from what it has stored; a window is at most six hours long. With files of recorded traces, as replay
takes them, it is done here and without a database; the window is then all of what they hold unless --from and --to say less.`,
		Example: `  faultline analyze --from 2026-05-04T10:00:00Z --to 2026-05-04T11:00:00Z > what-happened.md
  faultline analyze --format json traces.otlp.jsonl.gz`,
	}
	cmd.Flags().StringVar(&server, "server", server, "base URL of the running Faultline (variable: FAULTLINE_URL)")
	cmd.Flags().StringVar(&from, "from", from, "begin of the window: RFC 3339, or now-2h for a running Faultline")
	cmd.Flags().StringVar(&to, "to", to, "end of the window, likewise")
	cmd.Flags().StringVar(&format, "format", format, "md, html or json")
	cmd.Flags().StringVar(&expect.Objectives, "objectives", "", "with files: `file` with objectives of services")
	cmd.Flags().StringVar(&expect.Declarations, "declarations", "", "with files: `file` with what is said about dependencies")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		write, known := reportFormats[format]
		if !known {
			return fmt.Errorf("--format is %q and must be md, html or json", format)
		}
		var got gen.Analysis
		source := strings.TrimSuffix(server, "/")
		say := func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...) } // it may take a while
		if len(files) > 0 {
			say("reading %s", strings.Join(files, ", "))
			rows, err := readRecorded(files)
			if err != nil {
				return err
			}
			say("judging what was recorded, as if at the time")
			r, w, err := rows.analyze(cmd.Context(), from, to, &expect)
			if err != nil {
				return err
			}
			got, source = api.Analysis(r, w), strings.Join(files, ", ")
		} else {
			if from == "" {
				return errors.New("say which window: --from and --to, or give files of recorded traces")
			}
			if to == "" {
				to = "now"
			}
			say("asking %s to judge the window again; for hours of a large system it takes minutes", source)
			question := source + "/api/v1/analysis?" + url.Values{"from": {from}, "to": {to}}.Encode()
			if err := fetchWithin(cmd.Context(), analyzeTimeout, question, &got); err != nil {
				return unanswered(source, "--server", err)
			}
		}
		return write(cmd.OutOrStdout(), &review{
			At: got.To, Source: fmt.Sprintf("%s, %s to %s", source, got.From.Format(time.RFC3339), got.To.Format(time.RFC3339)),
			Findings: got.Findings, Incidents: got.Incidents, Dependencies: got.Dependencies, Hotspots: got.Hotspots, Objectives: got.Objectives,
		})
	}
	return cmd
}

// analyzeTimeout is how long a running Faultline may take.
const analyzeTimeout = 10 * time.Minute

// analyze judges what was recorded in a window, or all of it.
func (r *recorded) analyze(ctx context.Context, from, to string, expect *tier.ExpectConfig) (*analysis.Report, graph.Window, error) {
	w := r.window()
	var errs []error
	for _, end := range []struct {
		flag, text string
		at         *time.Time
	}{{"--from", from, &w.From}, {"--to", to, &w.To}} {
		if end.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, end.text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s is %q and must be RFC 3339, such as 2026-05-04T10:00:00Z", end.flag, end.text))
		}
		*end.at = t
	}
	x, err := expect.Read()
	if err = errors.Join(append(errs, err)...); err == nil {
		err = w.Validate()
	}
	if err != nil {
		return nil, w, err
	}
	report, err := analysis.Rerun(ctx, analysis.DefaultConfig(), fold.Tenant, r, x, w)
	return report, w, err
}

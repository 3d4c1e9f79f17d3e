package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"faultline/ingest/replay"
)

func newReplayCommand() *cobra.Command {
	cfg := replay.Config{Endpoint: "http://127.0.0.1:4318", Concurrency: 2 * runtime.NumCPU()}
	cmd := &cobra.Command{
		Use:   "replay [flags] FILE…",
		Short: "Send recorded traces to an OTLP/HTTP endpoint, as if they happened now",
		Long: `Send recorded traces to an OTLP/HTTP endpoint, as if they happened now.

A file holds OTLP trace requests as JSON, usually one on each line, or one request in protobuf, plain or
gzipped; "-" is standard input. All time stamps of all files are moved by one constant, so that the newest
is now. What is wrong with a file or refused by the server is told with the file and line; the rest is sent
all the same, and the exit code is 1.`,
		Example: `  faultline replay traces.otlp.jsonl.gz
  faultline replay --endpoint http://collector:4318 --speed 1 monday.jsonl tuesday.jsonl`,
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return errors.New("which file? faultline replay FILE, or - for standard input")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&cfg.Endpoint, "endpoint", cfg.Endpoint, "base URL of the OTLP/HTTP endpoint")
	cmd.Flags().BoolVar(&cfg.KeepTime, "keep-time", false, "leave time stamps as they are")
	cmd.Flags().Float64Var(&cfg.Speed, "speed", 0, "replay at this multiple of the original pace; 0 is as fast as the endpoint takes it")
	cmd.Flags().IntVar(&cfg.Concurrency, "concurrency", cfg.Concurrency, "requests under way at once")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		if cfg.Speed < 0 || cfg.Concurrency < 1 {
			return errors.New("--speed must not be negative, and --concurrency must be at least 1")
		}
		s, err := replay.Run(cmd.Context(), cfg, files, progress())
		printSummary(cmd.OutOrStdout(), cfg.Endpoint, s)
		if err != nil {
			return err
		}
		if len(s.Problems) > 0 || s.Rejected > 0 {
			return notAll(s)
		}
		return nil
	}
	return cmd
}

// notAll says how much of what was to be sent did not arrive.
func notAll(s replay.Summary) error {
	var parts []string
	if s.Rejected > 0 {
		parts = append(parts, fmt.Sprintf("spans rejected: %d", s.Rejected))
	}
	if n := len(s.Problems); n > 0 {
		parts = append(parts, fmt.Sprintf("problems met: %d", n))
	}
	return errors.New("not everything was sent; " + strings.Join(parts, ", "))
}

// progress draws a bar when somebody watches.
func progress() replay.Progress {
	if !term.IsTerminal(int(os.Stderr.Fd())) { //nolint:gosec // a file descriptor fits
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, total int64) {
		if bar == nil {
			bar = progressbar.DefaultBytes(total, "sending")
		}
		bar.Set64(done) //nolint:errcheck // a bar that cannot be drawn changes nothing
	}
}

func printSummary(w io.Writer, endpoint string, s replay.Summary) {
	rate := float64(s.Sent) / max(s.Took.Seconds(), 1e-3)
	fmt.Fprintf(w, "files     %d\nrequests  %d\nspans     %d sent, %d accepted, %d rejected\nbytes     %d\ntook      %s (%.0f spans/s)\n",
		s.Files, s.Requests, s.Sent, s.Sent-s.Rejected, s.Rejected, s.Bytes, s.Took.Round(time.Millisecond), rate)
	if s.Shift != 0 {
		fmt.Fprintf(w, "moved by  %s\n", s.Shift.Round(time.Second))
	}
	const most = 20
	messages := slices.SortedFunc(maps.Keys(s.Messages), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Messages[b], s.Messages[a]), cmp.Compare(a, b))
	})
	for _, m := range messages[:min(len(messages), most)] {
		fmt.Fprintf(w, "%s said, %d times: %s\n", endpoint, s.Messages[m], m)
	}
	for _, p := range s.Problems[:min(len(s.Problems), most)] {
		fmt.Fprintf(w, "problem   %v\n", p)
	}
	if n := len(s.Problems) - most; n > 0 {
		fmt.Fprintf(w, "problem   and %d more\n", n)
	}
}

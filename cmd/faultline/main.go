// The faultline command is the all-in-one (`faultline up`) and the command line tool around it.
package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"faultline/cmd/internal/proc"
	"faultline/storage/clickhouse/embedded"
)

func main() {
	embedded.MaybeRunChild() // the engine is a child of this same program; it never returns then
	os.Exit(proc.Execute(newRootCommand()))
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "faultline",
		Short: "A live map of service dependencies, made from OpenTelemetry traces",
		Args:  cobra.NoArgs,
	}
	root.AddCommand(newUpCommand(), newDemoCommand(), newReplayCommand(), newReportCommand(), newCheckCommand(), newAnalyzeCommand(), newExportCommand(), newEngineCommand(), newConfigCommand(), newVersionCommand())
	return root
}

// runningURL is where commands that ask a running Faultline find it, unless a flag says otherwise.
func runningURL() string { return cmp.Or(os.Getenv("FAULTLINE_URL"), "http://127.0.0.1:8080") }

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "faultline", proc.Version)
			return err
		},
	}
}

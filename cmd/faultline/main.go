// The faultline command is the all-in-one (`faultline up`) and the command line tool around it.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"faultline/cmd/internal/proc"
	"faultline/storage/clickhouse/embedded"
)

func main() {
	embedded.MaybeRunChild() // the engine is a child of this same program; it never returns then
	os.Exit(proc.Execute(newRootCommand()))
}

func newRootCommand() *cobra.Command {
	root := group("faultline", "A live map of service dependencies, made from OpenTelemetry traces",
		newUpCommand(), newDemoCommand(), newReplayCommand(), newReportCommand(), newCheckCommand(), newAnalyzeCommand(), newExportCommand(), newEngineCommand(), newConfigCommand(), newVersionCommand())
	root.Version = proc.Version
	return root
}

// group is a command that only has others. Without one of them it says which there are; what is none of them is a mistake.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:                   name,
		Short:                 short,
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
			if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
				err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(meant, " or "))
			}
			return err
		},
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(commands...)
	return cmd
}

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

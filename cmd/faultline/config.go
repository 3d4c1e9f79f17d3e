package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"faultline/cmd/internal/config"
	"faultline/cmd/internal/tier"
)

func newConfigCommand() *cobra.Command {
	return group("config", "Show or check the settings", newConfigPrintCommand(), newConfigCheckCommand())
}

func newConfigPrintCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the settings that the file, the environment and the flags make together, as a file",
		Args:  cobra.NoArgs,
	}
	options := tier.AddFlags(cmd.Flags(), upFlags...)
	redact := cmd.Flags().Bool("redact", true, "replace secrets")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := options.Load()
		if err != nil {
			return err
		}
		return config.Print(cmd.OutOrStdout(), &cfg, *redact)
	}
	return cmd
}

func newConfigCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say every mistake in a file of settings, and in the environment",
		Args:  cobra.MaximumNArgs(1),
	}
	options := tier.AddFlags(cmd.Flags(), upFlags...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			if err := cmd.Flags().Set("config", args[0]); err != nil {
				return err
			}
		}
		if _, err := options.Load(); err != nil {
			return err
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "ok")
		return err
	}
	return cmd
}

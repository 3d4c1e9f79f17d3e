// The api command is the API tier: it answers what the UI and others ask about the dependency graph in
// ClickHouse, and serves the UI. Run as many as the readers need.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"faultline/cmd/internal/proc"
	"faultline/cmd/internal/tier"
)

func main() { os.Exit(proc.Execute(newCommand())) }

func newCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "api",
		Short:   "Serve the API and the UI of the dependency graph in ClickHouse",
		Version: proc.Version,
		Args:    cobra.NoArgs,
	}
	options := tier.AddFlags(cmd.Flags(), "listen", "admin", "clickhouse-addr", "clickhouse-user",
		"clickhouse-password-file", "clickhouse-database", "clickhouse-tls", "memory-limit", "objectives", "declarations", "self-traces", "log-level")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := options.Load()
		if err != nil {
			return err
		}
		return tier.Run(cmd.Context(), "api", cfg, cmd.OutOrStdout(), start)
	}
	return cmd
}

func start(ctx context.Context, p *tier.Process) error {
	store, err := p.OpenStore(ctx)
	if err != nil {
		return err
	}
	if err := p.StartSelfTraces(ctx); err != nil {
		return err
	}
	return p.StartAPI(ctx, store)
}

// The ingest command is the ingest tier: it receives OTLP, makes the dependency graph of it and writes that
// to ClickHouse. Run as many as the traffic needs.
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
		Use:     "ingest",
		Short:   "Receive OTLP and keep the dependency graph in ClickHouse",
		Version: proc.Version,
		Args:    cobra.NoArgs,
	}
	options := tier.AddFlags(cmd.Flags(), "otlp-grpc", "otlp-http", "admin", "data-dir", "replicas", "fsync", "store-spans", "clickhouse-addr", "clickhouse-user",
		"clickhouse-password-file", "clickhouse-database", "clickhouse-tls", "memory-limit", "self-traces", "log-level")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := options.Load()
		if err != nil {
			return err
		}
		return tier.Run(cmd.Context(), "ingest", cfg, cmd.OutOrStdout(), start)
	}
	return cmd
}

func start(ctx context.Context, p *tier.Process) error {
	store, err := p.OpenStore(ctx)
	if err != nil {
		return err
	}
	if err := p.StartIngest(ctx, store, false); err != nil {
		return err
	}
	return p.StartSelfTraces(ctx)
}

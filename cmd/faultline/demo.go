package main

import (
	"github.com/spf13/cobra"

	"log/slog"
	"os"

	"faultline/cmd/internal/proc"
	"faultline/ingest/demo"
)

func newDemoCommand() *cobra.Command {
	cfg := demo.DefaultConfig()
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Send the traffic of a made-up shop to an OTLP endpoint",
		Long: `Send the traffic of a made-up shop to an OTLP endpoint: seventeen services with HTTP and gRPC calls,
databases, caches, queues and services of others. Every twelve minutes things go wrong in the same order,
the first after one minute. Ctrl-C stops it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), cfg, proc.NewLogger(os.Stderr, slog.LevelInfo))
		},
	}
	cmd.Flags().StringVar(&cfg.Endpoint, "endpoint", cfg.Endpoint, "host:port of OTLP over gRPC")
	cmd.Flags().BoolVar(&cfg.TLS, "tls", false, "the endpoint expects TLS")
	cmd.Flags().Float64Var(&cfg.Rate, "rate", cfg.Rate, "requests of users per second, on average")
	cmd.Flags().Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of the simulation")
	return cmd
}

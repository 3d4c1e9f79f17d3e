package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"faultline/cmd/internal/tier"
	"faultline/ingest/demo"
	"faultline/storage/clickhouse"
	"faultline/storage/clickhouse/embedded"
)

// upFlags are all flags: the all-in-one has every part.
var upFlags = tier.FlagNames()

func newUpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything in one process: OTLP doors, graph, embedded ClickHouse, API and UI",
		Long: `Run everything in one process: OTLP doors, graph, embedded ClickHouse, API and UI.

Once it is ready it prints one line with its addresses. Logs are JSON on standard error. Ctrl-C or SIGTERM
stops it in order: requests finish, what they brought is stored, and then the engine stops.`,
		Args: cobra.NoArgs,
	}
	options := tier.AddFlags(cmd.Flags(), upFlags...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := options.Load()
		if err != nil {
			return err
		}
		return tier.Run(cmd.Context(), "faultline", cfg, cmd.OutOrStdout(), startAll)
	}
	return cmd
}

// startAll starts both tiers, each part after those it relies on.
func startAll(ctx context.Context, p *tier.Process) error {
	if _, err := p.Config.Expect.Read(); err != nil {
		return err // before the engine is started for nothing
	}
	if len(p.Config.ClickHouse.Addr) == 0 {
		if err := startEngine(ctx, p); err != nil {
			return err
		}
	}
	store, err := p.OpenStore(ctx)
	if err != nil {
		return err
	}
	if err := p.StartIngest(ctx, store, true); err != nil {
		return err
	}
	if err := p.StartSelfTraces(ctx); err != nil {
		return err
	}
	if err := p.StartAPI(ctx, store); err != nil {
		return err
	}
	return startDemo(ctx, p)
}

// startEngine starts the embedded engine and points the store at it.
func startEngine(ctx context.Context, p *tier.Process) error {
	dir, err := p.Config.Data()
	if err != nil {
		return err
	}
	settings := p.Config.Engine
	engine, err := embedded.Start(ctx, embedded.Config{
		DataDir: filepath.Join(dir, "engine"), Library: settings.Library,
		MemoryLimit: settings.MemoryLimit, StartTimeout: settings.StartTimeout,
	}, p.Log, p.Registry)
	if err != nil {
		return advise(err)
	}
	p.Parts.Close(ctx, "engine", engine.Close)
	access := engine.Access()
	store := &p.Config.ClickHouse
	store.Addr, store.User, store.Password, store.Database = []string{access.Addr}, access.User, access.Password, access.Database
	store.TLS = clickhouse.TLS{}
	return nil
}

// advise adds the flag that gets around a failed start of the engine.
func advise(err error) error {
	switch {
	case errors.Is(err, embedded.ErrLocked), errors.Is(err, embedded.ErrPermission), errors.Is(err, embedded.ErrDiskFull):
		return fmt.Errorf("%w (--data-dir)", err)
	case errors.Is(err, embedded.ErrPlatform):
		return fmt.Errorf("%w (--clickhouse-addr host:port)", err)
	case errors.Is(err, embedded.ErrNotInstalled):
		return fmt.Errorf("%w, or use a ClickHouse server: --clickhouse-addr host:port", err)
	}
	return err
}

// startDemo makes demo traffic, sent to the process's own door, if the settings ask for it.
func startDemo(ctx context.Context, p *tier.Process) error {
	if !p.Config.Demo.Enabled {
		return nil
	}
	p.Parts.Go(ctx, "demo", func(ctx context.Context) error {
		cfg := demo.DefaultConfig()
		cfg.Endpoint, cfg.TLS = p.OTLPEndpoint()
		return demo.Run(ctx, cfg, p.Log)
	})
	return nil
}

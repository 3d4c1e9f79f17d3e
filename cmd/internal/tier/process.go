package tier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/cmd/internal/proc"
	"faultline/ingest/otlp"
)

// adminDrain is short: nothing on the admin listener is worth waiting for.
const adminDrain = time.Second

// Process is one running process: its settings, and what its parts share.
type Process struct {
	Config   Config
	Log      *slog.Logger
	Registry *prometheus.Registry
	graph    *proc.Exposition // the metrics that Grafana's service graph reads
	Health   *proc.Health
	Parts    *proc.Parts

	name  string
	ready []string
	doors *otlp.Server // nil until StartIngest
}

// Run sets a process up, starts its tiers with start, says on out in one line that it is ready and where,
// and serves until ctx ends. Then, and also when something goes wrong, it stops all parts, the last started
// first.
func Run(ctx context.Context, name string, cfg Config, out io.Writer, start func(context.Context, *Process) error) error {
	log := proc.NewLogger(os.Stderr, cfg.Log.Level)
	slog.SetDefault(log)
	cfg.fitMemory(proc.LimitMemory(cfg.MemoryLimit))
	p := &Process{
		Config: cfg, Log: log, Registry: proc.NewRegistry(), graph: new(proc.Exposition), Health: new(proc.Health), Parts: proc.NewParts(log), name: name,
	}
	defer context.AfterFunc(ctx, p.Health.Drain)()

	err := p.startAdmin(ctx)
	if err == nil {
		err = start(ctx, p)
	}
	if err != nil {
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		return errors.Join(err, p.Parts.Wait(stopped, cfg.StopTimeout))
	}
	log.Info("ready", "component", "proc", "version", proc.Version)
	slices.Reverse(p.ready) // what was started last is what most people look for
	if _, err := fmt.Fprintf(out, "%s ready %s\n", name, strings.Join(p.ready, " ")); err != nil {
		log.Warn("nobody reads the line that says where the process listens", "component", "proc", "err", err)
	}
	return p.Parts.Wait(ctx, cfg.StopTimeout)
}

// Announce adds an address to the line that says that the process is ready.
func (p *Process) Announce(what, address string) { p.ready = append(p.ready, what+"="+address) }

func (p *Process) startAdmin(ctx context.Context) error {
	l, err := proc.Listen(ctx, "metrics and health checks", p.Config.Admin.Listen, "--admin")
	if err != nil {
		return err
	}
	p.Parts.Go(ctx, "admin", func(ctx context.Context) error {
		return proc.Serve(ctx, l, proc.Admin(p.Registry, p.graph, p.Health), adminDrain)
	})
	p.Announce("admin", proc.URL(l.Addr()))
	return nil
}

package tier

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"

	"faultline/analysis"
	"faultline/cmd/internal/proc"
	"faultline/storage/clickhouse"
	"faultline/web"
	"faultline/web/ui"
)

// apiDrain is how long requests under way may take when the process stops; event streams end at once.
const apiDrain = 10 * time.Second

// StartAPI starts the API tier: the analysis, the HTTP API and the user interface, which read from store.
func (p *Process) StartAPI(ctx context.Context, r *clickhouse.Store) error {
	expect, err := p.Config.Expect.Read()
	if err != nil {
		return err
	}
	l, err := proc.Listen(ctx, "API and user interface", p.Config.API.Listen, "--listen")
	if err != nil {
		return err
	}
	p.Health.Add("clickhouse", r.Ping)
	engine := analysis.New(p.Config.Analysis, "default", r, p.Log, p.Registry)
	engine.Expect(expect)
	p.Parts.Go(ctx, "analysis", engine.Run)
	p.Parts.Go(ctx, "api", func(ctx context.Context) error {
		handler := web.New(ctx, p.Config.API.Limits, web.Dependencies{
			Reader: r, Analyst: engine, UI: ui.Dist, Metrics: proc.Metrics(p.Registry, p.graph),
			Tracer: otel.Tracer("faultline/web"), Log: p.Log, Registry: p.Registry,
		})
		return proc.Serve(ctx, l, handler, apiDrain)
	})
	p.Announce("ui", proc.URL(l.Addr()))
	return nil
}

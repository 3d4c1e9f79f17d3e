package tier

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"

	"faultline/cmd/internal/proc"
	"faultline/web"
	"faultline/web/api"
	"faultline/web/ui"
)

// apiDrain is how long requests under way may take when the process stops; event streams end at once.
const apiDrain = 10 * time.Second

// StartAPI starts the API tier: the HTTP API and the user interface, which read from r.
func (p *Process) StartAPI(ctx context.Context, r api.Reader) error {
	l, err := proc.Listen(ctx, "API and user interface", p.Config.API.Listen, "--listen")
	if err != nil {
		return err
	}
	p.Health.Add("clickhouse", r.Ping)
	p.Parts.Go(ctx, "api", func(ctx context.Context) error {
		handler := web.New(ctx, p.Config.API.Limits, web.Dependencies{
			Reader: r, UI: ui.Dist, Metrics: promhttp.HandlerFor(p.Registry, promhttp.HandlerOpts{Registry: p.Registry}),
			Tracer: otel.Tracer("faultline/web"), Log: p.Log, Registry: p.Registry,
		})
		return proc.Serve(ctx, l, handler, apiDrain)
	})
	p.Announce("ui", proc.URL(l.Addr()))
	return nil
}

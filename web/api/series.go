package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/graph"
	"faultline/web/api/gen"
)

// GetSeries answers GET /api/v1/series.
func (a *API) GetSeries(c *gin.Context, p gen.GetSeriesParams) {
	if err := known(c, p); err != nil {
		a.fail(c, err)
		return
	}
	w, err := a.window(p.From, p.To)
	if err != nil {
		a.fail(c, err)
		return
	}
	step := stepFor(w)
	if p.Step != nil {
		if step, err = time.ParseDuration(*p.Step); err != nil || step < graph.Step {
			a.fail(c, badRequestError("step must be a duration of at least "+graph.Step.String()+", such as 30s or 5m"))
			return
		}
	}
	ask, err := a.seriesOf(p, w, step)
	if err != nil {
		a.fail(c, err)
		return
	}
	var points []graph.Point
	err = a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
		points, err = ask(ctx)
		return err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	out := gen.Series{Window: wireWindow(w, step), Points: make([]gen.Point, len(points))}
	if n := len(points); n > 0 { // storage may have had to take longer steps
		if n > 1 {
			step = points[1].Time.Sub(points[0].Time)
		}
		out.Window = wireWindow(graph.Window{From: points[0].Time, To: points[n-1].Time.Add(step)}, step)
	}
	for i := range points {
		s := &points[i]
		out.Points[i] = gen.Point{
			Red: red(&s.Stats, s.Duration()), Time: s.Time.UTC(),
			ServerP50Ms: ms(s.Server, 0.50), ServerP95Ms: ms(s.Server, 0.95), ServerP99Ms: ms(s.Server, 0.99),
		}
	}
	c.JSON(http.StatusOK, out)
}

// seriesOf returns the question to storage for what p names.
func (a *API) seriesOf(p gen.GetSeriesParams, w graph.Window, step time.Duration) (func(context.Context) ([]graph.Point, error), error) {
	switch {
	case (p.Node == nil) == (p.Edge == nil):
		return nil, badRequestError("give exactly one of node and edge")
	case p.Edge != nil && p.Operation != nil:
		return nil, badRequestError("operation goes with node, not with edge")
	case p.Edge != nil:
		key, err := edgeKey(*p.Edge)
		return func(ctx context.Context) ([]graph.Point, error) {
			return a.reader.EdgeSeries(ctx, tenant, w, step, key)
		}, err
	}
	id, err := nodeID(*p.Node)
	if p.Operation != nil {
		return func(ctx context.Context) ([]graph.Point, error) {
			return a.reader.OperationSeries(ctx, tenant, w, step, id, *p.Operation)
		}, err
	}
	return func(ctx context.Context) ([]graph.Point, error) { return a.reader.NodeSeries(ctx, tenant, w, step, id) }, err
}

// stepFor is a round step that gives about 120 points.
func stepFor(w graph.Window) time.Duration {
	for _, step := range []time.Duration{
		graph.Step, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour,
	} {
		if w.Duration() <= 120*step {
			return step
		}
	}
	return 7 * 24 * time.Hour
}

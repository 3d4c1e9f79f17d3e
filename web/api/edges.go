package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/graph"
	"faultline/web/api/gen"
)

// GetEdge answers GET /api/v1/edges/{id}.
func (a *API) GetEdge(c *gin.Context, id gen.Id, p gen.GetEdgeParams) {
	key, err := edgeKey(id)
	if err = errors.Join(known(c, p), err); err != nil {
		a.fail(c, err)
		return
	}
	w, err := a.window(p.From, p.To)
	if err != nil {
		a.fail(c, err)
		return
	}
	g, _, err := a.read(c.Request.Context(), question(p.From, p.To), w)
	if err != nil {
		a.fail(c, err)
		return
	}
	var edge *graph.Edge
	for i := range g.Edges {
		if g.Edges[i].EdgeKey == key {
			edge = &g.Edges[i]
		}
	}
	if edge == nil {
		a.fail(c, fmt.Errorf("edge %s: %w", id, graph.ErrNotFound))
		return
	}
	var sites []graph.CallSite
	err = a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
		sites, _, err = a.reader.CallSites(ctx, tenant, w, key)
		return err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	out := gen.EdgeDetail{
		Window: graphWindow(&g), Edge: wireEdge(edge),
		Caller: wireNode(&g.Nodes[find(g, key.Caller)]), Callee: wireNode(&g.Nodes[find(g, key.Callee)]),
		CallSites: make([]gen.CallSite, len(sites)),
	}
	for i := range sites {
		s := &sites[i]
		out.CallSites[i] = gen.CallSite{
			Red: red(&s.Stats, s.Duration()), CallerOperation: s.CallerOperation, CalleeOperation: s.CalleeOperation,
		}
	}
	c.JSON(http.StatusOK, out)
}

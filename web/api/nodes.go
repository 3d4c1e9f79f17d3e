package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"faultline/graph"
	"faultline/web/api/gen"
)

// ListNodes answers GET /api/v1/nodes.
func (a *API) ListNodes(c *gin.Context, p gen.ListNodesParams) {
	sel, err := selection(gen.GetGraphParams{Environment: p.Environment, Namespace: p.Namespace, Type: p.Type})
	limit, start := 100, 0
	if p.Limit != nil {
		if limit = *p.Limit; limit < 1 || limit > 1000 {
			err = errors.Join(err, badRequestError("limit must be 1 to 1000"))
		}
	}
	if p.Cursor != nil {
		var bad error
		if start, bad = strconv.Atoi(*p.Cursor); bad != nil || start < 0 {
			err = errors.Join(err, badRequestError("cursor is not the next_cursor of a page"))
		}
	}
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
	part, err := g.Select(sel)
	if err != nil {
		a.fail(c, err)
		return
	}
	start = min(start, len(part.Nodes))
	end := min(start+limit, len(part.Nodes))
	page := gen.NodePage{Window: graphWindow(&g), Nodes: wireNodes(part.Nodes[start:end])}
	if end < len(part.Nodes) {
		page.NextCursor = strconv.Itoa(end)
	}
	c.JSON(http.StatusOK, page)
}

// GetNode answers GET /api/v1/nodes/{id}.
func (a *API) GetNode(c *gin.Context, id gen.Id, p gen.GetNodeParams) {
	node, g, err := a.around(c, id, p, p.From, p.To)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := gen.NodeDetail{
		Window: graphWindow(&g), Node: wireNode(&g.Nodes[find(g, node)]),
		Callers: []gen.Edge{}, Callees: []gen.Edge{}, Neighbours: []gen.Node{},
	}
	beside := map[graph.NodeID]bool{}
	for i := range g.Edges {
		e := &g.Edges[i]
		switch {
		case e.Via != 0 || e.Caller == e.Callee:
		case e.Callee == node:
			out.Callers = append(out.Callers, wireEdge(e))
			beside[e.Caller] = true
		case e.Caller == node:
			out.Callees = append(out.Callees, wireEdge(e))
			beside[e.Callee] = true
		}
	}
	for i := range g.Nodes {
		if beside[g.Nodes[i].ID()] {
			out.Neighbours = append(out.Neighbours, wireNode(&g.Nodes[i]))
		}
	}
	c.JSON(http.StatusOK, out)
}

// around reads a request about one node: its id and the graph it is in.
func (a *API) around(c *gin.Context, id string, params any, from, to *string) (graph.NodeID, graph.Graph, error) {
	if err := known(c, params); err != nil {
		return 0, graph.Graph{}, err
	}
	node, err := nodeID(id)
	if err != nil {
		return 0, graph.Graph{}, err
	}
	w, err := a.window(from, to)
	if err != nil {
		return 0, graph.Graph{}, err
	}
	g, _, err := a.read(c.Request.Context(), question(from, to), w)
	if err == nil && find(g, node) < 0 {
		err = fmt.Errorf("node %s: %w", id, graph.ErrNotFound)
	}
	return node, g, err
}

// find returns the place of a node in g, or -1.
func find(g graph.Graph, id graph.NodeID) int {
	for i := range g.Nodes {
		if g.Nodes[i].ID() == id {
			return i
		}
	}
	return -1
}

// ListOperations answers GET /api/v1/nodes/{id}/operations.
func (a *API) ListOperations(c *gin.Context, id gen.Id, p gen.ListOperationsParams) {
	node, err := nodeID(id)
	if err = errors.Join(known(c, p), err); err != nil {
		a.fail(c, err)
		return
	}
	w, err := a.window(p.From, p.To)
	if err != nil {
		a.fail(c, err)
		return
	}
	var ops []graph.OperationStats
	var of graph.Window
	err = a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
		ops, of, err = a.reader.Operations(ctx, tenant, w, node)
		return err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	out := gen.Operations{Window: wireWindow(of, graph.Step), Operations: make([]gen.Operation, len(ops))}
	for i := range ops {
		o := &ops[i]
		out.Operations[i] = gen.Operation{Red: red(&o.Stats, o.Duration()), Operation: o.Operation, Version: o.Version}
	}
	c.JSON(http.StatusOK, out)
}

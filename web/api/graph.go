package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/graph"
	"faultline/web/api/gen"
)

// read returns the graph of a window, or the last good one for the same question with stale set when
// storage fails. question names the window as it was asked for: "now-15m" asked again is the same question.
func (a *API) read(ctx context.Context, question string, w graph.Window) (g graph.Graph, stale bool, err error) {
	exact := fmt.Sprintf("%d %d", w.From.Unix()/10, w.To.Unix()/10)
	result := a.flight.DoChan(exact, func() (any, error) {
		var g graph.Graph
		// Not the context of the first who asks: others wait for the same answer.
		err := a.ask(context.WithoutCancel(ctx), func(ctx context.Context) (err error) {
			g, err = a.reader.Graph(ctx, tenant, w)
			return err
		})
		return g, err
	})
	select {
	case r := <-result:
		if r.Err == nil {
			g = r.Val.(graph.Graph)
			a.last.Add(question, g)
			return g, false, nil
		}
		if g, ok := a.last.Get(question); ok && !errors.Is(r.Err, graph.ErrNotFound) {
			a.log.WarnContext(ctx, "storage did not answer; the last good graph is served", "err", r.Err)
			return g, true, nil
		}
		return g, false, r.Err
	case <-ctx.Done():
		return g, false, ctx.Err()
	}
}

func question(from, to *string) string {
	or := func(s *string) string {
		if s == nil {
			return "default"
		}
		return *s
	}
	return or(from) + " " + or(to)
}

// GetGraph answers GET /api/v1/graph.
func (a *API) GetGraph(c *gin.Context, p gen.GetGraphParams) {
	sel, err := selection(p)
	if err = errors.Join(known(c, p), err); err != nil {
		a.fail(c, err)
		return
	}
	w, err := a.window(p.From, p.To)
	if err != nil {
		a.fail(c, err)
		return
	}
	g, stale, err := a.read(c.Request.Context(), question(p.From, p.To), w)
	if err != nil {
		a.fail(c, err)
		return
	}
	part, err := g.Select(sel)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.tagged(c, gen.Graph{
		Window: graphWindow(&g), Stale: stale,
		TotalNodes: part.TotalNodes, TotalEdges: part.TotalEdges, TruncatedBy: part.TruncatedBy,
		Nodes: wireNodes(part.Nodes), Edges: wireEdges(part.Edges),
	})
}

func selection(p gen.GetGraphParams) (graph.Selection, error) {
	s := graph.Selection{Environments: list(p.Environment), Namespaces: list(p.Namespace)}
	for _, t := range list(p.Type) {
		if !t.Valid() {
			return s, badRequestError(fmt.Sprintf("type %q is not one of %v", t, graph.NodeTypes))
		}
		s.Types = append(s.Types, graph.NodeType(t))
	}
	if p.Focus != nil {
		id, err := nodeID(*p.Focus)
		if err != nil {
			return s, err
		}
		s.Focus = id
	}
	if p.Depth != nil {
		if s.Depth = *p.Depth; s.Depth < 1 || s.Depth > 20 {
			return s, badRequestError("depth must be 1 to 20")
		}
		if p.Focus == nil {
			return s, badRequestError("depth needs focus, the id of the node to start from")
		}
	}
	if p.Queues != nil {
		if !p.Queues.Valid() {
			return s, badRequestError(fmt.Sprintf("queues is %q; it can be show or collapse", *p.Queues))
		}
		s.CollapseQueues = *p.Queues == gen.Collapse
	}
	s.Self = p.Self != nil && *p.Self
	if p.Limit != nil {
		if s.Limit = *p.Limit; s.Limit < 1 || s.Limit > 100_000 {
			return s, badRequestError("limit must be 1 to 100000")
		}
	}
	return s, nil
}

func list[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}

// tagged answers with v as JSON under an ETag, or with 304 when the client has just that.
func (a *API) tagged(c *gin.Context, v any) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(v); err != nil {
		a.fail(c, fmt.Errorf("encode the answer: %w", err))
		return
	}
	h := fnv.New64a()
	h.Write(body.Bytes())
	// Weak: the same graph may travel compressed or not.
	tag := fmt.Sprintf(`W/"%016x"`, h.Sum64())
	c.Header("ETag", tag)
	c.Header("Cache-Control", "private, no-cache")
	if c.GetHeader("If-None-Match") == tag {
		c.Status(http.StatusNotModified)
		return
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", body.Bytes())
}

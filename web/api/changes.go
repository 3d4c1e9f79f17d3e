package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/change"
	"faultline/graph"
	"faultline/web/api/gen"
)

const usualChanges, mostChanges = 500, 10_000

// ListChanges answers GET /api/v1/changes.
func (a *API) ListChanges(c *gin.Context, p gen.ListChangesParams) {
	ask, err := a.comparison(p)
	if err = errors.Join(known(c, p), err); err != nil {
		a.fail(c, err)
		return
	}
	if !a.thinking.TryAcquire(1) {
		a.fail(c, errBusy)
		return
	}
	defer a.thinking.Release(1)
	r := a.analyst.Report()
	names := map[graph.NodeID]string{}
	for id, n := range r.Nodes {
		names[id] = n.Name
	}
	read := func(w graph.Window, version string) (s *change.Snapshot, err error) {
		err = a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
			s, err = ask.read(ctx, r, a.reader, w, version, names)
			return err
		})
		return s, err
	}
	before, err := read(ask.base, ask.baseVersion)
	if err != nil {
		a.fail(c, err)
		return
	}
	after, err := read(ask.window, ask.version)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, wireChanges(before, after, change.Compare(before, after, r.ChangeKnowledge(ask.node)), names, ask.limit))
}

// comparison is what is to be compared: two windows, or two versions of a node.
type comparison struct {
	window, base         graph.Window
	node                 graph.NodeID // 0: windows
	version, baseVersion string
	limit                int
}

func (a *API) comparison(p gen.ListChangesParams) (ask comparison, err error) {
	anHourAgo := "now-1h"
	if p.From == nil {
		p.From = &anHourAgo
	}
	if ask.window, err = a.window(p.From, p.To); err != nil {
		return ask, err
	}
	ask.limit, err = limitParam(p.Limit, usualChanges, mostChanges)
	versions := 0
	for _, part := range []*string{p.Node, p.Version, p.BaseVersion} {
		if part != nil {
			versions++
		}
	}
	switch {
	case versions == 3:
		var bad error
		ask.node, bad = nodeID(*p.Node)
		err = errors.Join(err, bad)
		ask.version, ask.baseVersion, ask.base = *p.Version, *p.BaseVersion, ask.window
	case versions > 0:
		err = errors.Join(err, badRequestError("node, version and base_version are given together or not at all"))
	default:
		ask.base = graph.Window{From: ask.window.From.Add(-ask.window.Duration()), To: ask.window.From}
	}
	switch {
	case p.BaseFrom != nil && p.BaseTo != nil:
		var bad error
		ask.base, bad = a.window(p.BaseFrom, p.BaseTo)
		err = errors.Join(err, bad)
	case p.BaseFrom != nil || p.BaseTo != nil:
		err = errors.Join(err, badRequestError("base_from and base_to are given together or not at all"))
	}
	return ask, err
}

// read returns one side of the comparison, and adds the names of its nodes.
func (ask *comparison) read(ctx context.Context, r *analysis.Report, from Reader, w graph.Window, version string, names map[graph.NodeID]string) (*change.Snapshot, error) {
	if ask.node != 0 {
		return r.ReadVersion(ctx, from, tenant, w, ask.node, version)
	}
	s, nodes, err := r.ReadWindow(ctx, from, tenant, w)
	for i := range nodes {
		names[nodes[i].ID()] = nodes[i].Name
	}
	return s, err
}

func wireChanges(before, after *change.Snapshot, r change.Report, names map[graph.NodeID]string, limit int) gen.Changes {
	out := gen.Changes{
		Window: wireTimeRange(after.Window()), BaseWindow: wireTimeRange(before.Window()),
		BaseRequests: r.Requests[0], Requests: r.Requests[1], Compared: r.Compared, Versions: wireVersions(r.Versions, names),
	}
	out.Items, out.Truncated = wireChangeItems(r.Items, names, limit)
	out.Uncertain, out.UncertainTruncated = wireChangeItems(r.Uncertain, names, limit)
	return out
}

func wireTimeRange(w graph.Window) gen.TimeRange {
	return gen.TimeRange{From: w.From.UTC(), To: w.To.UTC()}
}

// wireChangeItems returns as many items as may be told, and how many there are beyond.
func wireChangeItems(items []change.Item, names map[graph.NodeID]string, limit int) (out []gen.ChangeItem, beyond int) {
	out = []gen.ChangeItem{}
	for i := range items[:min(limit, len(items))] {
		out = append(out, wireChangeItem(&items[i], names))
	}
	return out, len(items) - len(out)
}

func wireChangeItem(i *change.Item, names map[graph.NodeID]string) gen.ChangeItem {
	out := gen.ChangeItem{
		Kind: gen.ChangeKind(i.Kind), Rating: gen.ChangeRating(i.Rating), Node: i.Node.String(), NodeName: names[i.Node],
		Callee: someNode(i.Callee), CalleeName: names[i.Callee], Operation: i.Operation,
		Before: wireMeasure(i.Before), After: wireMeasure(i.After), From: i.From, To: i.To, At: someTime(i.At),
		Versions: wireVersions(i.Versions, names), Entries: nodeRefs(i.Entries, names), Cycle: nodeRefs(i.Cycle, names),
		CrossesTo: i.CrossesTo, Trace: traceRef(i.Trace),
	}
	if i.Edge != (graph.EdgeKey{}) {
		id := i.Edge.String()
		out.Edge = &id
	}
	if i.P > 0 {
		out.Chance = &i.P
	}
	return out
}

func wireMeasure(m change.Measure) gen.ChangeMeasure {
	return gen.ChangeMeasure{Value: m.Value, Count: m.Count, Of: m.Of}
}

func wireVersions(versions []change.VersionChange, names map[graph.NodeID]string) []gen.VersionChange {
	out := []gen.VersionChange{}
	for _, v := range versions {
		out = append(out, gen.VersionChange{Node: v.Node.String(), NodeName: names[v.Node], From: v.From, To: v.To})
	}
	return out
}

func nodeRefs(ids []graph.NodeID, names map[graph.NodeID]string) []gen.NodeRef {
	out := []gen.NodeRef{}
	for _, id := range ids {
		out = append(out, gen.NodeRef{Node: id.String(), NodeName: names[id]})
	}
	return out
}

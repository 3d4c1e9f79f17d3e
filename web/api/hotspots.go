package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/hotspot"
	"faultline/graph"
	"faultline/web/api/gen"
)

const usualHotspots, mostHotspots = 100, 10_000

// ListHotspots answers GET /api/v1/hotspots.
func (a *API) ListHotspots(c *gin.Context, p gen.ListHotspotsParams) {
	limit := usualHotspots
	if p.Limit != nil {
		limit = *p.Limit
	}
	err := known(c, p)
	var node graph.NodeID
	if p.Node != nil {
		var bad error
		node, bad = nodeID(*p.Node)
		err = errors.Join(err, bad)
	}
	if err == nil && (limit < 1 || limit > mostHotspots) {
		err = badRequestError(fmt.Sprintf("limit must be 1 to %d", mostHotspots))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, wireHotspots(a.analyst.Report(), node, limit))
}

// wireHotspots are the most fragile nodes, or one.
func wireHotspots(r *analysis.Report, node graph.NodeID, limit int) gen.Hotspots {
	out := gen.Hotspots{At: someTime(r.At), Hotspots: []gen.Hotspot{}}
	for i := range r.Hotspots {
		switch s := &r.Hotspots[i]; {
		case node != 0 && s.ID != node:
		case len(out.Hotspots) >= limit:
			out.Truncated++
		default:
			out.Hotspots = append(out.Hotspots, wireHotspot(r, s))
		}
	}
	return out
}

func wireHotspot(r *analysis.Report, s *hotspot.Score) gen.Hotspot {
	n := r.Nodes[s.ID]
	out := gen.Hotspot{
		Node: s.ID.String(), NodeName: n.Name, Type: gen.NodeType(cmp.Or(n.Type, graph.TypeUnknown)), Fragility: s.Fragility, Impact: s.Impact, Hazard: s.Hazard,
		SinglePointOfFailure: s.Single, FanIn: s.FanIn, FanOut: s.FanOut, Parts: []gen.HotspotPart{},
	}
	for _, p := range s.Parts {
		out.Parts = append(out.Parts, gen.HotspotPart{
			Part: gen.HotspotPartPart(p.Part), Raw: p.Raw, Known: p.Known, Hazard: p.Hazard, Weight: p.Weight, Points: p.Points,
		})
	}
	return out
}

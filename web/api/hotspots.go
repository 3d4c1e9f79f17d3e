package api

import (
	"cmp"
	"errors"
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
	node, err := nodeParam(p.Node)
	limit, bad := limitParam(p.Limit, usualHotspots, mostHotspots)
	if err := errors.Join(known(c, p), err, bad); err != nil {
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

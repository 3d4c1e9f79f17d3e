package api

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/audit"
	"faultline/graph"
	"faultline/web/api/gen"
)

const usualAuditSites, mostAuditSites = 1000, 10_000

// ListAudit answers GET /api/v1/audit.
func (a *API) ListAudit(c *gin.Context, p gen.ListAuditParams) {
	node, err := nodeParam(p.Node)
	limit, bad := limitParam(p.Limit, usualAuditSites, mostAuditSites)
	if err := errors.Join(known(c, p), err, bad); err != nil {
		a.fail(c, err)
		return
	}
	r := a.analyst.Report()
	out := gen.Audit{At: someTime(r.At), Services: []gen.AuditService{}, Sites: []gen.AuditSite{}}
	for i := range r.Audit.Services {
		if s := &r.Audit.Services[i]; node == 0 || s.Node == node {
			out.Services = append(out.Services, wireAuditService(r, s))
		}
	}
	slices.SortStableFunc(out.Services, func(x, y gen.AuditService) int {
		return cmp.Or(cmp.Compare(x.Level, y.Level), cmp.Compare(x.Ceiling, y.Ceiling), cmp.Compare(x.NodeName, y.NodeName))
	})
	for i := range r.Audit.Sites {
		s := &r.Audit.Sites[i]
		missing := slices.ContainsFunc(s.Checks, func(c audit.Check) bool { return c.State == audit.Risk })
		switch {
		case node == 0 && !missing, node != 0 && s.Caller != node && s.Callee != node:
		case len(out.Sites) >= limit:
			out.Truncated++
		default:
			out.Sites = append(out.Sites, gen.AuditSite{
				Caller: s.Caller.String(), CallerName: r.Nodes[s.Caller].Name, Operation: s.Operation,
				Callee: s.Callee.String(), CalleeName: r.Nodes[s.Callee].Name, Waits: s.Waits,
				Checks: wireChecks(r, s.Checks, func(p audit.Practice) *string { return traceRef(s.Trace(p)) }),
			})
		}
	}
	c.JSON(http.StatusOK, out)
}

func wireAuditService(r *analysis.Report, s *audit.ServiceReport) gen.AuditService {
	out := gen.AuditService{
		Node: s.Node.String(), NodeName: r.Nodes[s.Node].Name, Level: s.Level, Ceiling: s.Ceiling, Known: s.Known, Missing: []gen.AuditPractice{},
		Checks: wireChecks(r, s.Checks, func(audit.Practice) *string { return nil }),
	}
	for _, p := range s.Missing {
		out.Missing = append(out.Missing, gen.AuditPractice(p))
	}
	for i := range out.Checks {
		if n, ok := s.Counts[s.Checks[i].Practice]; ok {
			out.Checks[i].Sites = &struct {
				Pass    int `json:"pass"`
				Risk    int `json:"risk"`
				Unknown int `json:"unknown"`
			}{n.Pass, n.Risk, n.Unknown}
			out.Checks[i].Says = n.Says()
		}
	}
	return out
}

func wireChecks(r *analysis.Report, checks []audit.Check, example func(audit.Practice) *string) []gen.AuditCheck {
	name := func(id graph.NodeID) string { return r.Nodes[id].Name }
	out := []gen.AuditCheck{}
	for i := range checks {
		x := &checks[i]
		e := audit.Catalogue[x.Practice]
		w := gen.AuditCheck{
			Practice: gen.AuditPractice(x.Practice), Title: e.Title, State: gen.AuditState(x.State), Value: x.Value, Evidence: x.Evidence,
			Says: x.Says(name), Means: e.Means, Repair: e.Repair, Aws: e.AWS, Level: audit.LevelOf(x.Practice), Nodes: []gen.AuditNode{}, Trace: example(x.Practice),
		}
		if x.Bound != 0 {
			w.Bound = &x.Bound
		}
		for _, n := range x.Nodes {
			w.Nodes = append(w.Nodes, gen.AuditNode{Id: n.String(), Name: name(n)})
		}
		out = append(out, w)
	}
	return out
}

package api

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/analysis/audit"
	"faultline/web/api/gen"
)

// ListAudit answers GET /api/v1/audit.
func (a *API) ListAudit(c *gin.Context, p gen.ListAuditParams) {
	node, bad := nodeID(p.Node)
	if err := errors.Join(known(c, p), bad); err != nil {
		a.fail(c, err)
		return
	}
	r := a.analyst.Report()
	out := gen.Audit{At: someTime(r.At), Sites: []gen.AuditSite{}}
	for i := range r.Audit {
		s := &r.Audit[i]
		if s.Caller != node && s.Callee != node {
			continue
		}
		out.Sites = append(out.Sites, gen.AuditSite{
			Caller: s.Caller.String(), CallerName: r.Nodes[s.Caller].Name, Operation: s.Operation,
			Callee: s.Callee.String(), CalleeName: r.Nodes[s.Callee].Name, Checks: wireChecks(s.Checks), Trace: traceRef(s.Trace),
		})
	}
	c.JSON(http.StatusOK, out)
}

func wireChecks(checks []audit.Check) []gen.AuditCheck {
	out := []gen.AuditCheck{}
	for _, x := range checks {
		e := audit.Catalogue[x.Practice]
		out = append(out, gen.AuditCheck{
			Practice: gen.AuditCheckPractice(x.Practice), Title: e.Title, State: gen.AuditCheckState(x.State), Value: x.Value, Evidence: x.Evidence,
			Means: e.Means, Repair: e.Repair, Aws: e.AWS,
		})
	}
	return out
}

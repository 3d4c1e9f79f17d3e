package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/slo"
	"faultline/web/api/gen"
)

// ListObjectives answers GET /api/v1/objectives.
func (a *API) ListObjectives(c *gin.Context) {
	if err := known(c, nil); err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, wireObjectives(a.analyst.Report()))
}

func wireObjectives(r *analysis.Report) gen.Objectives {
	out := gen.Objectives{At: someTime(r.At), Objectives: []gen.Objective{}}
	for i := range r.Objectives {
		out.Objectives = append(out.Objectives, wireObjective(r, &r.Objectives[i]))
	}
	return out
}

func wireObjective(r *analysis.Report, o *slo.Assessment) gen.Objective {
	out := gen.Objective{
		Service: o.Service, Namespace: o.Namespace, Environment: o.Environment, Operation: o.Operation, Target: o.Target, LatencyMs: o.LatencyMS,
		Requests: o.Requests, Own: o.Own, OwnAlone: o.OwnAlone, Measured: wireRange(o.Measured), Outlook: wireOutlook(&o.Outlook),
		Dependencies: []gen.ObjectiveDependency{},
	}
	if o.Node != 0 {
		id := o.Node.String()
		out.Node = &id
	}
	if o.Requests > 0 {
		out.Achieved = &o.Achieved
	}
	for i := range o.Dependencies {
		d := &o.Dependencies[i]
		out.Dependencies = append(out.Dependencies, gen.ObjectiveDependency{
			Callee: d.Callee.String(), CalleeName: r.Nodes[d.Callee].Name, Coupling: gen.ObjectiveDependencyCoupling(d.Coupling),
			Used: d.Used, Hardness: d.Hardness, Failing: d.Failing, Promised: d.Promised, Takes: d.Takes, Breaks: d.Breaks,
			Required: d.Required, NineMore: d.NineMore, Softened: wireOutlook(&d.Softened),
		})
	}
	return out
}

func wireOutlook(o *slo.Outlook) gen.Outlook {
	return gen.Outlook{Verdict: gen.Feasibility(o.Verdict), Lost: wireRange(o.Lost), Best: o.Best}
}

func wireRange(r slo.Range) gen.ShareRange { return gen.ShareRange{Low: r.Low, High: r.High} }

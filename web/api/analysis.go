package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/finding"
	"faultline/graph"
	"faultline/web/api/gen"
)

// What a window of the past may take, and how long it may be.
const (
	pastDeadline = 10 * time.Minute
	longestPast  = 6 * time.Hour
)

// GetAnalysis answers GET /api/v1/analysis.
func (a *API) GetAnalysis(c *gin.Context, p gen.GetAnalysisParams) {
	w, err := a.window(p.From, p.To)
	if bad := known(c, p); bad != nil {
		err = bad
	}
	if err == nil && w.Duration() > longestPast {
		err = badRequestError(fmt.Sprintf("the window is longer than %s; ask for less", longestPast))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	if !a.thinking.TryAcquire(1) {
		a.fail(c, errBusy)
		return
	}
	defer a.thinking.Release(1)
	ctx, cancel := context.WithTimeout(c.Request.Context(), pastDeadline)
	defer cancel()
	r, err := a.analyst.Rerun(ctx, w)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, Analysis(r, w))
}

// Analysis is a report on a window, in the words of the API.
func Analysis(r *analysis.Report, w graph.Window) gen.Analysis {
	out := gen.Analysis{
		From: w.From.UTC(), To: w.To.UTC(), Incidents: wireIncidents(r), Hotspots: wireHotspots(r, 0, usualHotspots), Objectives: wireObjectives(r),
		Findings:     gen.Findings{At: someTime(r.At), Findings: []gen.Finding{}},
		Dependencies: gen.Dependencies{At: someTime(r.At), Since: someTime(r.Since), Edges: []gen.DependencyEdge{}, CallSites: []gen.DependencySite{}},
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		*countOf(&out.Findings, f.Severity)++
		out.Findings.Findings = append(out.Findings.Findings, wireFinding(r, f, finding.Mark{}, false))
	}
	for i := range r.Edges {
		out.Dependencies.Edges = append(out.Dependencies.Edges, wireDependency(r, &r.Edges[i]))
	}
	for i := range r.Sites {
		out.Dependencies.CallSites = append(out.Dependencies.CallSites, wireSite(&r.Sites[i]))
	}
	return out
}

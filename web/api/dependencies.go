package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/graph"
	"faultline/web/api/gen"
)

// Analyst is where findings come from.
type Analyst interface {
	// Report returns what was found last; its At is zero before the first look.
	Report() *analysis.Report
	// Rerun returns what would have been found in a window of the past, as of its end.
	Rerun(ctx context.Context, w graph.Window) (*analysis.Report, error)
	// Events returns how a finding changed, oldest first.
	Events(ctx context.Context, finding string) ([]finding.Event, error)
	// Marks returns what people said last about findings, by id, and Mark adds to it.
	Marks(ctx context.Context) (map[string]finding.Mark, error)
	Mark(ctx context.Context, m finding.Mark) error
}

// ListDependencies answers GET /api/v1/dependencies.
func (a *API) ListDependencies(c *gin.Context, p gen.ListDependenciesParams) {
	node, err := nodeParam(p.Node)
	err = errors.Join(known(c, p), err)
	if p.Verdict != nil && !p.Verdict.Valid() {
		err = errors.Join(err, badRequestError("verdict must be hard, soft, partial, unknown or mixed"))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	r := a.analyst.Report()
	out := gen.Dependencies{At: someTime(r.At), Since: someTime(r.Since), Edges: []gen.DependencyEdge{}, CallSites: []gen.DependencySite{}}
	for i := range r.Edges {
		e := &r.Edges[i]
		if node != 0 && e.Caller != node && e.Callee != node || p.Verdict != nil && string(*p.Verdict) != string(e.Verdict) {
			continue
		}
		out.Edges = append(out.Edges, wireDependency(r, e))
	}
	for i := range r.Sites {
		if s := &r.Sites[i]; node != 0 && (s.Caller == node || s.Callee == node) {
			out.CallSites = append(out.CallSites, wireSite(s))
		}
	}
	c.JSON(http.StatusOK, out)
}

func wireDependency(r *analysis.Report, e *dependency.EdgeJudgement) gen.DependencyEdge {
	return gen.DependencyEdge{
		Caller: e.Caller.String(), Callee: e.Callee.String(), CallerName: r.Nodes[e.Caller].Name, CalleeName: r.Nodes[e.Callee].Name,
		Verdict: gen.Criticality(e.Verdict), Assumed: gen.Assumption(e.Assumed), Basis: gen.DependencyEdgeBasis(e.Basis),
		Probability: e.Probability, Low: e.Low, High: e.High, Evidence: wireEvidence(&e.Evidence),
	}
}

func wireSite(s *dependency.Judgement) gen.DependencySite {
	return gen.DependencySite{
		Caller: s.Caller.String(), Operation: s.Operation, Callee: s.Callee.String(),
		Verdict: gen.Criticality(s.Verdict), Assumed: gen.Assumption(s.Assumed), Basis: gen.DependencySiteBasis(s.Basis),
		Probability: s.Probability, Low: s.Low, High: s.High, Leak: s.Leak, Evidence: wireEvidence(&s.Evidence),
		Needs: s.Needs.String(), Says: s.String(), Prior: gen.DependencySitePrior(s.Prior.Why), Comment: s.Declared.Comment,
		Declared: gen.DependencySiteDeclared(s.Declared.Verdict), DeclaredBy: s.Declared.By, Inferred: gen.Criticality(s.Inferred), Disagrees: s.Disagrees,
		RetryMasked: s.Facets.RetryMasked.Share, Rescued: s.Facets.RetryMasked.Rescued, Exhausted: s.Facets.RetryMasked.Exhausted,
		LatencyHard: s.Facets.LatencyHard.Is, Slope: s.Facets.LatencyHard.Slope, Asynchronous: s.Facets.Async.Is,
		OnPath: s.Facets.OnPath, Conditional: s.Facets.Conditional, FatalTrace: traceRef(s.FatalTrace), SurvivedTrace: traceRef(s.SurvivedTrace),
		Since: someTime(s.Since), LastFailure: someTime(s.LastFailure), Changes: wireVerdictChanges(s.Changes),
	}
}

func wireVerdictChanges(changes []dependency.Change) []gen.DependencyChange {
	out := []gen.DependencyChange{}
	for _, c := range changes {
		out = append(out, gen.DependencyChange{
			At: c.At.UTC(), From: gen.Criticality(c.From), To: gen.Criticality(c.To), VersionBefore: c.VersionBefore, VersionAfter: c.VersionAfter,
		})
	}
	return out
}

func wireEvidence(e *dependency.Evidence) gen.DependencyEvidence {
	return gen.DependencyEvidence{
		TotalFatal: e.TotalFatal, TotalSurvived: e.TotalSurvived, PartialFatal: e.PartialFatal, PartialSurvived: e.PartialSurvived,
		ContestedFatal: e.ContestedFatal, ContestedSurvived: e.ContestedSurvived, Requests: e.Requests, Failed: e.Failed,
	}
}

// someTime is t, or nil for the zero time.
func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

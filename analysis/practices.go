package analysis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"faultline/analysis/audit"
	"faultline/analysis/cascade"
	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/graph"
)

// audit gives the auditor the rows of a bucket that do not change any more, and of the minute that ends with it.
func (e *Engine) audit(at time.Time, step time.Duration, rows *cascade.Rows) {
	e.auditor.Observe(at, step, rows.Calls, rows.Operations, e.auditKnowledge(nil))
	e.auditor.Add(rows.Outcomes)
}

// review says which practices are followed, given the verdicts on dependencies.
func (e *Engine) review(sites []dependency.Judgement) audit.Report {
	return e.auditor.Review(e.auditKnowledge(sites))
}

func (e *Engine) auditKnowledge(sites []dependency.Judgement) audit.Knowledge {
	hard := map[audit.Site]bool{}
	for i := range sites {
		if j := &sites[i]; j.Verdict == dependency.Hard {
			hard[audit.Site{Caller: j.Caller, Operation: j.Operation, Callee: j.Callee}] = true
		}
	}
	return audit.Knowledge{
		NodeType: func(id graph.NodeID) graph.NodeType { return e.nodes[id].Type },
		Hard:     func(s audit.Site) bool { return hard[s] },
		Aliases:  e.aliases,
	}
}

// auditClaims says which practices are missing. That requests do not survive a failure is said by the verdict on
// the dependency, and that a third party sends no spans is nothing to act on.
func (r *Report) auditClaims() (claims []finding.Claim) {
	for i := range r.Audit.Sites {
		s := &r.Audit.Sites[i]
		for j := range s.Checks {
			if c := &s.Checks[j]; c.State == audit.Risk && c.Practice != audit.Fallback {
				claims = append(claims, r.auditClaim(c, finding.Subject{Node: s.Caller, Callee: s.Callee, Operation: s.Operation},
					fmt.Sprintf("Calls of %s to %s in %s", r.name(s.Caller), r.name(s.Callee), s.Operation), s.Trace(c.Practice)))
			}
		}
	}
	for i := range r.Audit.Services {
		s := &r.Audit.Services[i]
		for j := range s.Checks {
			c := &s.Checks[j]
			if whole := slices.Contains(audit.ServicePractices, c.Practice); whole && c.State == audit.Risk && c.Practice != audit.Instrumentation {
				claims = append(claims, r.auditClaim(c, finding.Subject{Node: s.Node}, r.name(s.Node), graph.TraceID{}))
			}
		}
	}
	return claims
}

func (r *Report) auditClaim(c *audit.Check, of finding.Subject, who string, example graph.TraceID) finding.Claim {
	entry := audit.Catalogue[c.Practice]
	severity := finding.Warning
	switch c.Practice {
	case audit.Chattiness, audit.Jitter, audit.Breaker, audit.Depth, audit.Bulkhead, audit.Shedding:
		severity = finding.Info
	}
	return finding.Claim{
		Kind: "audit." + string(c.Practice), Subject: of, Severity: severity, Confidence: 0.9, Sudden: true,
		Title:  who + ": " + entry.Missing,
		Detail: c.Says(r.name) + " " + entry.Means + " " + entry.Repair + " (AWS " + strings.Join(entry.AWS, ", ") + ")",
		Facts:  []finding.Fact{{Name: "observations", Value: float64(c.Evidence)}},
		Traces: someTraces(example),
	}
}

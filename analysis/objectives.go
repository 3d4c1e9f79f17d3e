package analysis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/analysis/slo"
	"faultline/graph"
	"faultline/graph/spread"
)

// assessEvery is how many looks the assessment of objectives is good for: it reads days and changes slowly. While
// something is missing, it is made with every new structure.
const assessEvery = 20

// assess says whether the objectives can be kept.
func (e *Engine) assess(ctx context.Context, now time.Time, r *Report) error {
	if len(e.expect.Objectives) == 0 {
		return nil
	}
	last := e.Report().Objectives
	every := assessEvery
	if slices.ContainsFunc(last, func(a slo.Assessment) bool { return a.Verdict == slo.Insufficient }) {
		every = structureEvery
	}
	if e.ticks%every != 0 && last != nil {
		r.Objectives, r.unseen = last, e.Report().unseen
		return nil
	}
	callers := promising(e.expect.Objectives, r)
	rows, err := e.store.OutcomeCounts(ctx, e.tenant, graph.Window{From: now.Add(-e.cfg.Objectives), To: now}, callers)
	if err != nil {
		return fmt.Errorf("read how requests fared: %w", err)
	}
	r.Objectives = slo.Assess(e.expect.Objectives, r.promises(rows))
	r.unseen, err = e.unseen(ctx, now, r.Objectives)
	return err
}

// unseen are the objectives that are about nothing, not even about a service that is quiet just now. While nothing is known
// of the time before the last minutes none is: the names of services come with their spans.
func (e *Engine) unseen(ctx context.Context, now time.Time, assessed []slo.Assessment) (unseen []slo.Objective, err error) {
	if !slices.ContainsFunc(assessed, func(a slo.Assessment) bool { return a.Node == 0 }) {
		return nil, nil
	}
	past, err := e.store.Graph(ctx, e.tenant, graph.Window{From: now.Add(-e.cfg.Objectives), To: now.Add(-moreAgain)})
	if err != nil {
		return nil, fmt.Errorf("read which services there were: %w", err)
	}
	for i := range assessed {
		o := &assessed[i].Objective
		about := func(n graph.NodeStats) bool { return o.About(n.Node) }
		if assessed[i].Node == 0 && len(past.Nodes) > 0 && !slices.ContainsFunc(past.Nodes, about) {
			unseen = append(unseen, *o)
		}
	}
	return unseen, nil
}

// promising are the nodes of objectives, and all on which their requests depend.
func promising(objectives []slo.Objective, r *Report) (nodes []graph.NodeID) {
	callees := map[graph.NodeID][]graph.NodeID{}
	for i := range r.Sites {
		if s := &r.Sites[i]; s.Assumed != dependency.Soft {
			callees[s.Caller] = append(callees[s.Caller], s.Callee)
		}
	}
	services := map[string]bool{}
	for i := range objectives {
		services[objectives[i].Service] = true
	}
	reached := map[graph.NodeID]bool{}
	reach := func(n graph.NodeID) {
		if !reached[n] {
			reached[n] = true
			nodes = append(nodes, n)
		}
	}
	for id, n := range r.Nodes {
		if services[n.Name] {
			reach(id)
		}
	}
	for i := 0; i < len(nodes); i++ {
		for _, callee := range callees[nodes[i]] {
			reach(callee)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// promises puts together what was counted and what is known of each call site. Calls that nobody answered are those to the
// service that is known to be behind the address.
func (r *Report) promises(rows []graph.OutcomeRow) *slo.System {
	verdicts := make(map[dependency.Site]*dependency.Judgement, len(r.Sites))
	for i := range r.Sites {
		verdicts[r.Sites[i].Site] = &r.Sites[i]
	}
	to := make(map[dependency.Site][]spread.Share, len(r.Structure.Sites))
	for i := range r.Structure.Sites {
		s := &r.Structure.Sites[i]
		to[dependency.Site{Caller: s.Caller, Operation: s.Operation, Callee: s.Callee}] = s.To
	}
	system := &slo.System{Nodes: r.Nodes}
	at := map[spread.Operation]int{}
	operation := func(o *graph.OutcomeRow) *slo.Operation {
		k := spread.Operation{Node: o.Caller, Name: o.Operation}
		if _, known := at[k]; !known {
			at[k] = len(system.Operations)
			system.Operations = append(system.Operations, slo.Operation{Operation: k})
		}
		return &system.Operations[at[k]]
	}
	for i := range rows {
		row := &rows[i]
		o := operation(row)
		if row.Callee == 0 {
			o.Requests, o.Failed, o.Clean, o.CleanFailed = row.Requests, row.Failed, row.Clean, row.CleanFailed
			continue
		}
		callee := row.Callee
		if service, known := r.Aliases[graph.Alias{Caller: row.Caller, Callee: callee}]; known {
			callee = service
		}
		site := siteOf(o, callee)
		alone := row.TotalFatal + row.TotalSurvived + row.PartialFatal + row.PartialSurvived
		site.Requests += row.Requests
		site.Alone += alone
		site.Failed += alone + row.ContestedFatal + row.ContestedSurvived
		k := dependency.Site{Caller: row.Caller, Operation: row.Operation, Callee: callee}
		site.To = to[k]
		if j := verdicts[k]; j != nil {
			site.Coupling, site.Hardness = coupling(j), j.Probability
		} else {
			site.Coupling = slo.Soft // it is not called any more
		}
	}
	return system
}

// siteOf is where an operation calls a callee.
func siteOf(o *slo.Operation, callee graph.NodeID) *slo.Site {
	i := slices.IndexFunc(o.Sites, func(s slo.Site) bool { return s.Callee == callee })
	if i < 0 {
		i = len(o.Sites)
		o.Sites = append(o.Sites, slo.Site{Callee: callee})
	}
	return &o.Sites[i]
}

// coupling is what an objective has to reckon with.
func coupling(j *dependency.Judgement) slo.Coupling {
	switch {
	case j.Verdict == dependency.Hard:
		return slo.Hard
	case j.Verdict == dependency.Partial:
		return slo.Partial
	case j.Assumed == dependency.Soft:
		return slo.Soft
	}
	return slo.Assumed
}

// objectiveClaims says which objectives cannot be kept, and which are about nothing.
func (r *Report) objectiveClaims() (claims []finding.Claim) {
	for i := range r.unseen {
		o := &r.unseen[i]
		claims = append(claims, finding.Claim{
			Kind: "slo.unmatched", Key: fmt.Sprintf("%s/%s/%s/%s", o.Service, o.Namespace, o.Environment, o.Operation), Severity: finding.Warning, Confidence: 1,
			Title:  fmt.Sprintf("The objective of %s is about a service that was not seen", o.Service),
			Detail: "Nothing of that name sent or answered requests in the last days. Correct the name in the file of objectives, or repair the telemetry of the service.",
		})
	}
	for i := range r.Objectives {
		if a := &r.Objectives[i]; a.Verdict == slo.Infeasible {
			claims = append(claims, r.infeasible(a))
		}
	}
	return claims
}

func (r *Report) infeasible(a *slo.Assessment) finding.Claim {
	c := finding.Claim{
		Kind: "slo.infeasible", Subject: finding.Subject{Node: a.Node, Operation: a.Operation}, Severity: finding.Warning, Confidence: 0.9,
		Title: fmt.Sprintf("%s cannot keep its objective of %v %%", r.name(a.Node), a.Target),
		Facts: []finding.Fact{
			{Name: "requests seen", Value: float64(a.Requests)},
			{Name: "requests that did not fail", Value: a.Achieved, Unit: "share"},
			{Name: "requests that may fail", Value: a.Budget(), Unit: "share"},
			{Name: "requests that fail for its own reasons", Value: a.Own, Unit: "share"},
			{Name: "requests in which a hard dependency failed", Value: a.Measured.High, Unit: "share"},
		},
	}
	if a.OwnAlone {
		c.Detail = "Its own failures, with no dependency failing, are already more than the objective allows. Repair those first, or promise less."
	} else {
		c.Detail = "At least one dependency takes down more requests than the objective allows, however failures coincide. Survive its failures " +
			"with a fallback, make it more available, or promise less."
	}
	for i := range a.Dependencies {
		if d := &a.Dependencies[i]; d.Breaks {
			how := "measured"
			if d.Promised {
				how = "by its own objective"
			}
			c.Facts = append(c.Facts, finding.Fact{
				Name: "requests that " + r.name(d.Callee) + " takes down", Value: d.Takes, Unit: "share",
				Text: fmt.Sprintf("%s; if they were survived: %s", how, d.Softened.Verdict),
			})
			c.Traces = append(c.Traces, r.fatalTraces(a, d.Callee)...)
		}
	}
	return c
}

// fatalTraces are requests that an objective is about and that a callee took down, one of each operation.
func (r *Report) fatalTraces(a *slo.Assessment, callee graph.NodeID) (traces []graph.TraceID) {
	for i := range r.Sites {
		if s := &r.Sites[i]; s.Caller == a.Node && s.Callee == callee && (a.Operation == "" || s.Operation == a.Operation) {
			traces = append(traces, someTraces(s.FatalTrace)...)
		}
	}
	return traces[:min(len(traces), 3)]
}

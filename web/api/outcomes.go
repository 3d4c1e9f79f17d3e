package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"faultline/graph"
	"faultline/web/api/gen"
)

// ListOutcomes answers GET /api/v1/nodes/{id}/outcomes.
func (a *API) ListOutcomes(c *gin.Context, id gen.Id, p gen.ListOutcomesParams) {
	node, g, err := a.around(c, id, p, p.From, p.To)
	if err != nil {
		a.fail(c, err)
		return
	}
	var rows []graph.OutcomeRow
	var of graph.Window
	err = a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
		rows, of, err = a.reader.Outcomes(ctx, tenant, g.Window, node)
		return err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	out := gen.Outcomes{
		Window: wireWindow(of, graph.OutcomeStep), Requests: []gen.RequestOutcomes{},
		AsCaller: []gen.CallOutcomes{}, AsCallee: []gen.CallOutcomes{}, Nodes: []gen.NodeIdentity{},
	}
	named := map[graph.NodeID]bool{}
	for _, o := range callSiteOutcomes(rows) {
		switch {
		case o.Callee == 0 && o.Caller == node:
			out.Requests = append(out.Requests, gen.RequestOutcomes{
				OutcomeCounters: outcomeCounters(&o.OutcomeStats), Operation: o.Operation, FailedShare: ratio(o.Failed, o.Requests),
			})
			continue
		case o.Callee == 0:
			continue // another node's requests as a whole
		}
		named[o.Caller], named[o.Callee] = true, true
		if o.Caller == node {
			out.AsCaller = append(out.AsCaller, callOutcomes(&o))
		}
		if o.Callee == node {
			out.AsCallee = append(out.AsCallee, callOutcomes(&o))
		}
	}
	for i := range g.Nodes {
		if id := g.Nodes[i].ID(); named[id] {
			out.Nodes = append(out.Nodes, identity(id, g.Nodes[i].Node))
		}
	}
	c.JSON(http.StatusOK, out)
}

// callSiteOutcomes adds up rows of one call site, whatever their buckets and versions, busiest first.
func callSiteOutcomes(rows []graph.OutcomeRow) []graph.OutcomeRow {
	type site struct {
		caller, callee graph.NodeID
		operation      string
	}
	at := map[site]int{}
	var sums []graph.OutcomeRow
	for i := range rows {
		r := &rows[i]
		k := site{r.Caller, r.Callee, r.Operation}
		j, ok := at[k]
		if !ok {
			j = len(sums)
			at[k] = j
			sums = append(sums, graph.OutcomeRow{Caller: r.Caller, Operation: r.Operation, Callee: r.Callee})
		}
		sums[j].Add(&r.OutcomeStats)
	}
	slices.SortFunc(sums, func(a, b graph.OutcomeRow) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), strings.Compare(a.Operation, b.Operation),
			cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Callee, b.Callee))
	})
	return sums
}

func callOutcomes(o *graph.OutcomeRow) gen.CallOutcomes {
	return gen.CallOutcomes{
		OutcomeCounters: outcomeCounters(&o.OutcomeStats),
		Caller:          o.Caller.String(), Operation: o.Operation, Callee: o.Callee.String(),
		FailedShare: ratio(o.Failed, o.Requests), Amplification: ratio(o.Attempts, o.OutcomeStats.Calls),
		Fatal:      o.TotalFatal + o.PartialFatal + o.ContestedFatal,
		Survived:   o.TotalSurvived + o.PartialSurvived + o.ContestedSurvived,
		FatalTrace: traceRef(o.FatalTrace), SurvivedTrace: traceRef(o.SurvivedTrace),
	}
}

func outcomeCounters(s *graph.OutcomeStats) gen.OutcomeCounters {
	return gen.OutcomeCounters{
		Requests: s.Requests, Failed: s.Failed, Clean: s.Clean, CleanFailed: s.CleanFailed,
		Calls: s.Calls, Attempts: s.Attempts, FailedAttempts: s.FailedAttempts,
		Rescued: s.Rescued, Hedged: s.Hedged, Cancelled: s.Cancelled, TimedOut: s.TimedOut,
		TotalFatal: s.TotalFatal, TotalSurvived: s.TotalSurvived, PartialFatal: s.PartialFatal, PartialSurvived: s.PartialSurvived,
		ContestedFatal: s.ContestedFatal, ContestedSurvived: s.ContestedSurvived,
		ContestedPassed: s.ContestedPassed, FatalPassed: s.FatalPassed,
		Blamed: s.Blamed, Unexplained: s.Unexplained, Async: s.Async, OnPath: s.OnPath,
		TimeUs: s.Time, PathTimeUs: s.PathTime, DurationUs: s.Duration,
		TimeTime: s.TimeTime, TimeDuration: s.TimeDur, DurationDuration: s.DurDur,
		Abandoned: s.Abandoned, Overrun: s.Overrun, Refused: s.Refused, RefusedRepeated: s.RefusedRepeated,
		UnsafeRetries: s.UnsafeRetries, Bursts: s.Bursts,
	}
}

// ratio is part ÷ whole, nil when there is no whole.
func ratio(part, whole int64) *float64 {
	if whole <= 0 {
		return nil
	}
	v := float64(part) / float64(whole)
	return &v
}

// traceIDs are trace ids as 32 hex digits each, without those that are none.
func traceIDs(ids []graph.TraceID) []string {
	texts := []string{}
	for _, id := range ids {
		if ref := traceRef(id); ref != nil {
			texts = append(texts, *ref)
		}
	}
	return texts
}

// traceRef is a trace id as 32 hex digits, nil for none.
func traceRef(id graph.TraceID) *string {
	if id == (graph.TraceID{}) {
		return nil
	}
	s := hex.EncodeToString(id[:])
	return &s
}

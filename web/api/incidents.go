package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/cascade"
	"faultline/web/api/gen"
)

// ListIncidents answers GET /api/v1/incidents.
func (a *API) ListIncidents(c *gin.Context) {
	if err := known(c, nil); err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, wireIncidents(a.analyst.Report()))
}

func wireIncidents(r *analysis.Report) gen.Incidents {
	out := gen.Incidents{At: someTime(r.At), Incidents: []gen.Incident{}}
	for i := range r.Incidents {
		out.Incidents = append(out.Incidents, wireIncident(r, &r.Incidents[i]))
	}
	return out
}

func wireIncident(r *analysis.Report, i *cascade.Incident) gen.Incident {
	out := gen.Incident{
		Id: i.ID, Started: i.Started, Opened: i.Opened, LastIll: i.LastIll, Closed: someTime(i.Closed), Suspected: i.Suspected, Sign: gen.Sign(i.Sign),
		Candidates: []gen.Candidate{}, Members: []gen.IncidentMember{}, Path: []gen.IncidentStep{}, Entries: []gen.Impact{},
	}
	for _, x := range i.Candidates {
		reasons := []gen.Reason{}
		for n := range x.Reasons {
			reason := &x.Reasons[n]
			reasons = append(reasons, gen.Reason{
				Kind: gen.ReasonKind(reason.Kind), Text: reason.Text(r.Nodes[x.Node].Name), Units: reason.Units, Of: reason.Of,
				Callers: reason.Callers, Version: reason.Version,
			})
		}
		out.Candidates = append(out.Candidates, gen.Candidate{
			Node: x.Node.String(), NodeName: r.Nodes[x.Node].Name, Share: x.Share.Share, Units: x.Units, Likely: x.Likely,
			Reasons: reasons, Onset: someTime(x.Onset), Traces: traceIDs(x.Traces),
		})
	}
	for _, m := range i.Members {
		var times *float64
		if m.Times > 0 {
			times = &m.Times
		}
		out.Members = append(out.Members, gen.IncidentMember{
			Node: m.Node.String(), NodeName: r.Nodes[m.Node].Name, Callee: someNode(m.Callee), CalleeName: r.Nodes[m.Callee].Name,
			Operation: m.Operation, Sign: gen.Sign(m.Sign), Bad: m.Bad, Requests: m.Requests, Before: m.Before, Times: times, Suspected: m.Suspected, Onset: m.Onset,
		})
	}
	for _, s := range i.Path {
		out.Path = append(out.Path, gen.IncidentStep{
			Caller: s.Caller.String(), CallerName: r.Nodes[s.Caller].Name, Callee: s.Callee.String(), CalleeName: r.Nodes[s.Callee].Name,
			Calls: s.Calls, Failed: s.Failed, Onset: someTime(s.Onset), Traces: traceIDs(s.Traces),
		})
	}
	for _, e := range i.Entries {
		out.Entries = append(out.Entries, gen.Impact{
			Node: e.Node.String(), NodeName: r.Nodes[e.Node].Name, Operation: e.Operation, Requests: e.Requests, Bad: e.Bad,
		})
	}
	return out
}

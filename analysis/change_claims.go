package analysis

import (
	"fmt"
	"strings"
	"time"

	"faultline/analysis/change"
	"faultline/analysis/finding"
	"faultline/graph"
)

// newsClaims says what came up: one digest for each caller and version, and what matters by itself.
func (r *Report) newsClaims(versions releases) (claims []finding.Claim) {
	var callers []graph.NodeID
	digests := map[graph.NodeID][]*change.Item{}
	for i := range r.News {
		switch item := &r.News[i]; {
		case item.Rating == change.Risk:
			claims = append(claims, r.riskClaim(item, versions))
		case item.Kind == change.EdgeNew:
			if digests[item.Node] == nil {
				callers = append(callers, item.Node)
			}
			digests[item.Node] = append(digests[item.Node], item)
		}
	}
	for _, caller := range callers {
		claims = append(claims, r.digestClaim(caller, digests[caller], versions.latest(caller, r.At)))
	}
	return claims
}

// digestClaim says what a caller calls that it did not call before.
func (r *Report) digestClaim(caller graph.NodeID, items []*change.Item, version string) finding.Claim {
	c := finding.Claim{
		Kind: "change.edge_new", Subject: finding.Subject{Node: caller}, Key: version, Severity: finding.Info, Confidence: 0.95, Sudden: true,
		Detail: "It made none of these calls in the time before. If they are meant, declare how hard each dependency may be; if not, look at " +
			"what was deployed.",
	}
	var names []string
	for _, item := range items {
		names = append(names, r.name(item.Callee))
		c.Facts = append(c.Facts, finding.Fact{Name: "requests that called " + r.name(item.Callee), Value: item.After.Value})
		c.Traces = append(c.Traces, someTraces(item.Trace)...)
	}
	if len(items) == 1 {
		c.Subject.Callee = items[0].Callee
	}
	c.Title = fmt.Sprintf("%s began to call %s%s", r.name(caller), enumerated(names), withVersion(version))
	return c
}

// riskClaim says of one new dependency why it matters.
func (r *Report) riskClaim(item *change.Item, versions releases) finding.Claim {
	caller, callee := r.name(item.Node), r.name(item.Callee)
	c := finding.Claim{
		Kind: "change." + string(item.Kind), Subject: finding.Subject{Node: item.Node, Callee: item.Callee}, Severity: finding.Warning, Confidence: 0.95,
		Since: item.At, Sudden: true, Traces: someTraces(item.Trace), Facts: []finding.Fact{{Name: "requests that made the call", Value: item.After.Value}},
	}
	since := withVersion(versions.latest(item.Node, r.At))
	switch item.Kind {
	case change.CycleNew:
		c.Title = fmt.Sprintf("%s and %s now wait for each other%s", caller, callee, since)
		c.Detail = "The circle is " + r.circle(item.Cycle) + ". When one of them is slow, all are, and none can recover by itself. Turn one call " +
			"around, or make it asynchronous."
	case change.HardNew:
		var entries []string
		for _, e := range item.Entries {
			entries = append(entries, r.name(e))
		}
		c.Title = fmt.Sprintf("%s now fails when %s does%s", enumerated(entries), callee, since)
		c.Detail = fmt.Sprintf("%s depends hard on it, and what is called from outside depends hard on %s. Where the answer can do without it, degrade.", caller, caller)
	case change.EdgeNew:
		c.Kind = "change.edge_crosses"
		c.Title = fmt.Sprintf("%s began to call %s in another environment, %s%s", caller, callee, item.CrossesTo, since)
		c.Detail = "A dependency across environments is most often a wrong address in a configuration."
	}
	return c
}

func (r *Report) circle(cycle []graph.NodeID) string {
	var b strings.Builder
	for _, id := range cycle {
		b.WriteString(r.name(id) + " → ")
	}
	return b.String() + r.name(cycle[0])
}

func withVersion(version string) string {
	if version == "" {
		return ""
	}
	return " since version " + version
}

// enumerated names the first few.
func enumerated(names []string) string {
	const most = 5
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return names[0]
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// alarmClaim says that a series is not as usual. Alarms never page: they join the incident that accounts for them.
func (r *Report) alarmClaim(a *change.Alarm, versions releases) finding.Claim {
	c := finding.Claim{
		Kind: "anomaly." + string(a.Signal), Subject: finding.Subject{Node: a.Node, Callee: a.Callee, Operation: a.Operation},
		Severity: finding.Info, Confidence: 0.95, Since: a.Since, Sudden: true,
		Detail: "Compared with " + references[a.Reference] + ". An anomaly is no verdict: look whether something was deployed, or what is called from outside has changed.",
	}
	for i := range r.Incidents {
		if x := &r.Incidents[i]; x.Open() && incidentHas(x, a.Series) {
			c.Incident = x.ID
			break
		}
	}
	what := fmt.Sprintf("requests for %s of %s", a.Operation, r.name(a.Node))
	if a.Callee != 0 {
		what = fmt.Sprintf("calls of %s to %s in %s", r.name(a.Node), r.name(a.Callee), a.Operation)
	}
	counted := fmt.Sprintf("%.0f of %.0f in a minute", a.Count, a.Of)
	chance := finding.Fact{Name: "probability by chance", Value: a.P, Unit: "share"}
	switch a.Signal {
	case change.Failing:
		c.Title = fmt.Sprintf("%s of the %s fail; %s is usual", percent(a.Now), what, percent(a.Usual))
		c.Facts = []finding.Fact{{Name: "share that fails", Value: a.Now, Unit: "share", Text: counted}, {Name: "usual share", Value: a.Usual, Unit: "share"}, chance}
		c.Traces = r.tracesOf(a.Series)
	case change.Slow:
		c.Title = fmt.Sprintf("%s of the %s take longer than %v; %s is usual", percent(a.Now), what, rounded(a.Threshold), percent(a.Usual))
		c.Facts = []finding.Fact{{Name: "share that is slow", Value: a.Now, Unit: "share", Text: counted}, {Name: "usual share", Value: a.Usual, Unit: "share"}, chance}
	case change.Busy:
		c.Title = fmt.Sprintf("%.0f %s in a minute; %.0f is usual", a.Now, what, a.Usual)
		c.Facts = []finding.Fact{{Name: "in a minute", Value: a.Now}, {Name: "usually", Value: a.Usual}, chance}
	case change.Silent:
		c.Kind, c.Severity = "change.silent", finding.Warning
		version := versions.latest(a.Node, r.At)
		if version != "" {
			c.Severity = finding.Info // a deploy accounts for it
		}
		c.Title = fmt.Sprintf("%s no longer calls %s in %s%s", r.name(a.Node), r.name(a.Callee), a.Operation, withVersion(version))
		c.Detail = "The operation has requests and makes none of the calls that it made with them until then. Either it was changed, or it gives up before the call."
		c.Facts = []finding.Fact{{Name: "calls seen", Value: 0}, {Name: "calls expected", Value: a.Of}, chance}
	}
	return c
}

// percent is a share in percent, as people write it.
func percent(share float64) string {
	switch p := 100 * share; {
	case p >= 10:
		return fmt.Sprintf("%.0f %%", p)
	case p >= 0.001 || p == 0:
		return fmt.Sprintf("%.2g %%", p)
	}
	return "less than 0.001 %"
}

// rounded is a duration to three digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

var references = map[change.Reference]string{
	change.Weeks: "the same time in past weeks, and with the last hour", change.Day: "the same hour a day ago, and with the last hour",
	change.LastHour: "the last hour",
}

// tracesOf are examples of failures at a call site.
func (r *Report) tracesOf(s change.Series) []graph.TraceID {
	for i := range r.Sites {
		if j := &r.Sites[i]; j.Caller == s.Node && j.Operation == s.Operation && (s.Callee == 0 || j.Callee == s.Callee) {
			if traces := someTraces(j.FatalTrace, j.SurvivedTrace); len(traces) > 0 {
				return traces
			}
		}
	}
	return nil
}

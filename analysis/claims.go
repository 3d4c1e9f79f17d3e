package analysis

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"faultline/analysis/cascade"
	"faultline/analysis/dependency"
	"faultline/analysis/finding"
	"faultline/graph"
)

// claims says what follows from the analyses of a look.
func (e *Engine) claims(r *Report) (claims []finding.Claim) {
	for i := range r.Sites {
		claims = append(claims, r.dependencyClaims(&r.Sites[i])...)
	}
	for i := range r.Incidents {
		if r.Incidents[i].Open() {
			claims = append(claims, r.incidentClaim(&r.Incidents[i]))
		}
	}
	claims = append(claims, r.newsClaims(e.releases)...)
	for i := range r.Alarms {
		if r.Alarms[i].Open() {
			claims = append(claims, r.alarmClaim(&r.Alarms[i], e.releases))
		}
	}
	claims = append(claims, r.auditClaims()...)
	return append(claims, r.objectiveClaims()...)
}

// incidentClaim says that an incident lasts.
func (r *Report) incidentClaim(i *cascade.Incident) finding.Claim {
	c := finding.Claim{
		Kind: "incident", Key: i.ID, Severity: finding.Warning, Confidence: 0.5, Since: i.Started, Incident: i.ID, Sudden: true,
		Title:  "Something is wrong and no single cause stands out",
		Detail: "Open the incident to see what is ill, since when, and how it spread.",
	}
	var bad, requests float64
	for _, e := range i.Entries {
		bad, requests = bad+e.Bad, requests+e.Requests
	}
	switch {
	case i.Suspected:
		c.Severity = finding.Info
	case bad >= severeShare*requests && bad > 0 && i.Sign != cascade.Tolerated:
		c.Severity = finding.Critical
	}
	if len(i.Candidates) > 0 {
		first := &i.Candidates[0]
		c.Subject.Node, c.Confidence = first.Node, first.Share.Share
		c.Title = r.causes(i)
		c.Traces = first.Traces
		var reasons strings.Builder
		for _, reason := range first.Reasons {
			name := r.name(first.Node)
			reasons.WriteString(sentence(reason.Text(name), name) + " ")
		}
		c.Detail = reasons.String() + c.Detail
		for _, x := range i.Candidates {
			c.Facts = append(c.Facts, finding.Fact{Name: "blame on " + r.name(x.Node), Value: x.Share.Share, Unit: "share"})
		}
	}
	for _, e := range i.Entries {
		c.Facts = append(c.Facts, finding.Fact{
			Name: fmt.Sprintf("bad requests of %s on %s", e.Operation, r.name(e.Node)), Value: e.Bad, Text: fmt.Sprintf("of %.0f since it began", e.Requests),
		})
	}
	return c
}

// causes names who is likely to have caused an incident.
func (r *Report) causes(i *cascade.Incident) string {
	names := []string{r.name(i.Candidates[0].Node)}
	for _, x := range i.Candidates[1:] {
		if x.Likely {
			names = append(names, r.name(x.Node))
		}
	}
	is, of := "is the likely cause", ailments[i.Sign]
	switch {
	case len(names) > 1 && i.Suspected:
		is = "may be causes"
	case len(names) > 1:
		is = "are likely causes"
	case i.Suspected:
		is = "may be the cause"
	}
	return fmt.Sprintf("%s %s of %s", strings.Join(names, " and "), is, of)
}

// sentence is a text with a capital and a full stop. Names stay as they are.
func sentence(text, name string) string {
	if strings.HasPrefix(text, name) {
		return text + "."
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}

// severeShare is the share of requests from outside that must be hit for an incident to be critical.
const severeShare = 0.01

var ailments = map[cascade.Sign]string{
	cascade.Failing: "failing requests", cascade.Tolerated: "failing calls that requests survive", cascade.Slow: "slow requests",
	cascade.Different: "requests that make other calls than before",
}

// news is how long a change is news.
const news = 24 * time.Hour

// dependencyClaims says what is worth acting on at one call site. It waits for the names of both ends, which come a little later than
// the first requests.
func (r *Report) dependencyClaims(j *dependency.Judgement) (claims []finding.Claim) {
	if r.Nodes[j.Caller].Name == "" || r.Nodes[j.Callee].Name == "" {
		return nil
	}
	of := finding.Subject{Node: j.Caller, Callee: j.Callee, Operation: j.Operation}
	caller, callee := r.name(j.Caller), r.name(j.Callee)
	if j.Verdict == dependency.Hard && j.Basis == dependency.Inferred {
		claims = append(claims, finding.Claim{
			Kind: "dependency.hard", Subject: of, Severity: finding.Info, Confidence: j.Low, Since: j.Since, Sudden: true,
			Title: fmt.Sprintf("%s of %s fails when %s does", j.Operation, caller, callee),
			Detail: "Requests do not survive the failure of this dependency. Where the answer can do without it, degrade: a default, " +
				"a cached value, or a partial answer. Else bound the call by a timeout, retry what is safe to repeat, and give " +
				"the callee the same objective as the caller.",
			Facts: dependencyFacts(j), Traces: someTraces(j.FatalTrace, j.SurvivedTrace),
		})
	}
	if j.Disagrees {
		claims = append(claims, finding.Claim{
			Kind: "dependency.declared", Subject: of, Severity: finding.Warning, Confidence: confidence(j), Sudden: true,
			Title: fmt.Sprintf("%s is %s a %s dependency of %s and behaves as a %s one in %s", callee, j.Declared.Basis, j.Declared.Verdict, caller, j.Inferred, j.Operation),
			Detail: said(&j.Declared) + "That and what was seen disagree. Either the declaration is out of date, or a fallback that the " +
				"declaration counts on does not work.",
			Facts: dependencyFacts(j), Traces: someTraces(j.FatalTrace, j.SurvivedTrace),
		})
	}
	if since := latest(j.FirstSeen, j.LastFailure); j.Verdict == dependency.Soft && !j.Facets.Async.Is && r.At.Sub(since) >= rehearseWithin {
		claims = append(claims, finding.Claim{
			Kind: "dependency.unrehearsed", Subject: of, Severity: finding.Info, Confidence: 0.9, Sudden: true,
			Title: fmt.Sprintf("Nothing has shown for %.0f days that %s of %s survives without %s", r.At.Sub(since).Hours()/24, j.Operation, caller, callee),
			Detail: "It is taken to be soft, and no failure has put that to the test. What does without it is code that hardly ever runs, and breaks " +
				"unnoticed. Rehearse it: let the dependency fail for some requests on a game day, or in a test before each release.",
			Facts: dependencyFacts(j),
		})
	}
	for i := range j.Changes {
		if c := &j.Changes[i]; r.At.Sub(c.At) < news {
			claims = append(claims, r.changeClaim(j, c, of))
		}
	}
	return claims
}

// rehearseWithin is how long a fallback may go without a failure that shows that it works (analysis specification, H).
const rehearseWithin = 90 * 24 * time.Hour

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (r *Report) changeClaim(j *dependency.Judgement, c *dependency.Change, of finding.Subject) finding.Claim {
	severity := finding.Info
	if c.To == dependency.Hard {
		severity = finding.Warning
	}
	since := ""
	if c.VersionAfter != c.VersionBefore && c.VersionAfter != "" {
		since = " since version " + c.VersionAfter
	}
	return finding.Claim{
		Kind: "dependency.changed", Subject: of, Key: c.At.UTC().Format(time.RFC3339), Severity: severity, Confidence: confidence(j),
		Since: c.At, Sudden: true,
		Title: fmt.Sprintf("%s became a %s dependency of %s in %s%s", r.name(j.Callee), c.To, r.name(j.Caller), j.Operation, since),
		Detail: fmt.Sprintf("It was %s before. If that was not meant, look at what was changed about the call: its error handling, "+
			"its fallback, its timeout.", c.From),
		Facts: dependencyFacts(j), Traces: someTraces(j.FatalTrace, j.SurvivedTrace),
	}
}

// confidence is how sure the verdict of j is, from how far its interval reaches.
func confidence(j *dependency.Judgement) float64 { return 1 - (j.High - j.Low) }

// said is a declaration in a sentence: who says what, and why.
func said(d *dependency.Declaration) string {
	text := fmt.Sprintf("It is %s %s", d.Basis, d.Verdict)
	if d.By != "" {
		text += " by " + d.By
	}
	if d.Comment != "" {
		text += ": " + strings.TrimSuffix(d.Comment, ".")
	}
	return text + ". "
}

func dependencyFacts(j *dependency.Judgement) []finding.Fact {
	return []finding.Fact{
		{Name: "isolated failures that took the request down", Value: float64(j.Evidence.TotalFatal)},
		{Name: "isolated failures that the request survived", Value: float64(j.Evidence.TotalSurvived)},
		{Name: "probability that a failure is fatal", Value: j.Probability, Unit: "share",
			Text: fmt.Sprintf("90 %% interval %.0f–%.0f %%", 100*j.Low, 100*j.High)},
		{Name: "requests that fail on their own", Value: j.Leak, Unit: "share"},
		{Name: "first failures absorbed by retries", Value: j.Facets.RetryMasked.Share, Unit: "share"},
	}
}

// name is what a node is called.
func (r *Report) name(id graph.NodeID) string {
	if n, ok := r.Nodes[id]; ok {
		return n.Name
	}
	return id.String()
}

// someTraces are those of ids that there are.
func someTraces(ids ...graph.TraceID) (traces []graph.TraceID) {
	for _, id := range ids {
		if id != (graph.TraceID{}) {
			traces = append(traces, id)
		}
	}
	return traces
}

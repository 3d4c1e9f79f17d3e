package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/finding"
	"faultline/graph"
	"faultline/web/api/gen"
)

const usualFindings, mostFindings = 500, 10_000

// ListFindings answers GET /api/v1/findings.
func (a *API) ListFindings(c *gin.Context, p gen.ListFindingsParams) {
	want, err := findingFilter(c, p)
	if err != nil {
		a.fail(c, err)
		return
	}
	r := a.analyst.Report()
	marks, now := a.marks(c, r), a.now()
	out := gen.Findings{At: someTime(r.At), Findings: []gen.Finding{}}
	for i := range r.Findings {
		f := &r.Findings[i]
		mark, marked := marks[f.ID()]
		marked = marked && mark.Holds(now)
		muted := marked && mark.What == finding.Muted
		if f.State == finding.Open && !muted {
			*countOf(&out, f.Severity)++
		}
		switch {
		case muted && !want.muted || !want.takes(f):
		case len(out.Findings) >= want.limit:
			out.Truncated++
		default:
			out.Findings = append(out.Findings, wireFinding(r, f, mark, marked))
		}
	}
	c.JSON(http.StatusOK, out)
}

func countOf(out *gen.Findings, s finding.Severity) *int {
	switch s {
	case finding.Critical:
		return &out.Counts.Critical
	case finding.Warning:
		return &out.Counts.Warning
	}
	return &out.Counts.Info
}

// GetFinding answers GET /api/v1/findings/{id}.
func (a *API) GetFinding(c *gin.Context, id gen.FindingId) {
	r := a.analyst.Report()
	f := findingOf(r, id)
	if f == nil {
		a.fail(c, errNoFinding)
		return
	}
	var events []finding.Event
	err := a.ask(c.Request.Context(), func(ctx context.Context) (err error) {
		events, err = a.analyst.Events(ctx, id)
		return err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	out := gen.FindingDetail{Finding: a.marked(c, r, f), Events: []gen.FindingEvent{}}
	for _, e := range events {
		out.Events = append(out.Events, gen.FindingEvent{
			At: e.At, What: gen.FindingEventWhat(e.What), Severity: gen.FindingSeverity(e.Severity), Title: e.Title,
		})
	}
	c.JSON(http.StatusOK, out)
}

// MarkFinding answers POST /api/v1/findings/{id}/mark.
func (a *API) MarkFinding(c *gin.Context, id gen.FindingId) {
	m, err := newMark(c, a.now())
	if err != nil {
		a.fail(c, err)
		return
	}
	r := a.analyst.Report()
	f := findingOf(r, id)
	if f == nil {
		a.fail(c, errNoFinding)
		return
	}
	m.ID = id
	if err := a.ask(c.Request.Context(), func(ctx context.Context) error { return a.analyst.Mark(ctx, m) }); err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, a.marked(c, r, f))
}

const errNoFinding = notFoundError("There is no such finding, or it was resolved so long ago that it is forgotten.")

// maxMark bounds the body of a mark.
const maxMark = 16 << 10

func newMark(c *gin.Context, now time.Time) (m finding.Mark, err error) {
	var body gen.NewMark
	d := json.NewDecoder(http.MaxBytesReader(c.Writer, c.Request.Body, maxMark))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return m, badRequestError("the body must be JSON with what, by, reason and until: " + err.Error())
	}
	m = finding.Mark{What: string(body.What), By: text(body.By), Reason: text(body.Reason)}
	if body.Until != nil {
		m.Until = body.Until.UTC()
	}
	switch {
	case !body.What.Valid():
		err = badRequestError("what must be acknowledged, muted or none")
	case m.What == finding.Muted && m.Reason == "":
		err = badRequestError("a mute needs a reason, so that others know why they do not see the finding")
	case m.What != finding.Muted && body.Until != nil:
		err = badRequestError("only a mute has an end")
	case body.Until != nil && !m.Until.After(now):
		err = badRequestError("until must be in the future")
	case len(m.By) > 200 || len(m.Reason) > 2000:
		err = badRequestError("by may have 200 bytes and reason 2000")
	}
	return m, err
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(*s)
}

// marksWait is how long findings wait for what people said about them since the last look.
const marksWait = time.Second

// marks are what people said about findings: as stored now or, if storage does not answer soon, as of the last look.
func (a *API) marks(c *gin.Context, r *analysis.Report) map[string]finding.Mark {
	marks := r.Marks
	soon, cancel := context.WithTimeout(c.Request.Context(), marksWait)
	defer cancel()
	err := a.ask(soon, func(ctx context.Context) error {
		latest, err := a.analyst.Marks(ctx)
		if err == nil {
			marks = latest
		}
		return err
	})
	if err != nil {
		a.log.DebugContext(c.Request.Context(), "marks of the last look are shown", "err", err)
	}
	return marks
}

func (a *API) marked(c *gin.Context, r *analysis.Report, f *finding.Finding) gen.Finding {
	mark, marked := a.marks(c, r)[f.ID()]
	return wireFinding(r, f, mark, marked && mark.Holds(a.now()))
}

func findingOf(r *analysis.Report, id string) *finding.Finding {
	for i := range r.Findings {
		if r.Findings[i].ID() == id {
			return &r.Findings[i]
		}
	}
	return nil
}

// findingWant is which findings somebody asks for.
type findingWant struct {
	state finding.State // "": any
	least int           // rank of the severity
	kind  string
	node  graph.NodeID
	muted bool
	limit int
}

func findingFilter(c *gin.Context, p gen.ListFindingsParams) (w findingWant, err error) {
	w = findingWant{state: finding.Open, limit: usualFindings, muted: p.Muted != nil && *p.Muted}
	err = known(c, p)
	if p.State != nil {
		switch *p.State {
		case gen.ListFindingsParamsStateResolved:
			w.state = finding.Resolved
		case gen.ListFindingsParamsStateAll:
			w.state = ""
		case gen.ListFindingsParamsStateOpen:
		default:
			err = errors.Join(err, badRequestError("state must be open, resolved or all"))
		}
	}
	if p.Severity != nil {
		if !p.Severity.Valid() {
			err = errors.Join(err, badRequestError("severity must be info, warning or critical"))
		}
		w.least = finding.Severity(*p.Severity).Rank()
	}
	if p.Kind != nil {
		w.kind = *p.Kind
	}
	var badNode, badLimit error
	w.node, badNode = nodeParam(p.Node)
	w.limit, badLimit = limitParam(p.Limit, w.limit, mostFindings)
	return w, errors.Join(err, badNode, badLimit)
}

func (w *findingWant) takes(f *finding.Finding) bool {
	return (w.state == "" || f.State == w.state) && f.Severity.Rank() >= w.least &&
		(w.node == 0 || f.Subject.Node == w.node || f.Subject.Callee == w.node) &&
		(w.kind == "" || f.Kind == w.kind || strings.HasPrefix(f.Kind, w.kind+"."))
}

func wireFinding(r *analysis.Report, f *finding.Finding, mark finding.Mark, marked bool) gen.Finding {
	out := gen.Finding{
		Id: f.ID(), Kind: f.Kind, State: gen.FindingState(f.State), Severity: gen.FindingSeverity(f.Severity), Confidence: f.Confidence,
		Title: f.Title, Detail: f.Detail, Node: someNode(f.Subject.Node), NodeName: r.Nodes[f.Subject.Node].Name,
		Callee: someNode(f.Subject.Callee), CalleeName: r.Nodes[f.Subject.Callee].Name, Operation: f.Subject.Operation,
		Facts: []gen.Fact{}, Traces: traceIDs(f.Traces), Since: someTime(f.Since), First: f.First, Opened: f.Opened, Last: f.Last,
		Changed: f.Changed, Openings: f.Openings,
	}
	for _, x := range f.Facts {
		out.Facts = append(out.Facts, gen.Fact{Name: x.Name, Value: x.Value, Unit: x.Unit, Text: x.Text})
	}
	if f.Incident != "" {
		out.Incident = &f.Incident
	}
	if marked {
		out.Mark = &gen.Mark{What: gen.MarkWhat(mark.What), By: mark.By, Reason: mark.Reason, At: mark.At, Until: someTime(mark.Until)}
	}
	return out
}

// someNode is the id of a node, or nil for none.
func someNode(id graph.NodeID) *string {
	if id == 0 {
		return nil
	}
	s := id.String()
	return &s
}

package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/analysis"
	"faultline/analysis/calibration"
	"faultline/analysis/whatif"
	"faultline/web/api/gen"
)

// maxQuestion bounds the body of a question, and mostActions what it may ask at once.
const maxQuestion, mostActions = 64 << 10, 50

// AskWhatIf answers POST /api/v1/whatif.
func (a *API) AskWhatIf(c *gin.Context) {
	actions, err := whatIfActions(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	if !a.thinking.TryAcquire(1) {
		a.fail(c, errBusy)
		return
	}
	defer a.thinking.Release(1)
	r := a.analyst.Report()
	for _, x := range actions {
		if _, known := r.Nodes[x.Node]; !known {
			a.fail(c, notFoundError(fmt.Sprintf("Nothing is known of node %s.", x.Node)))
			return
		}
	}
	c.JSON(http.StatusOK, wireAnswer(r, r.WhatIf(actions)))
}

func whatIfActions(c *gin.Context) (actions []whatif.Action, err error) {
	var body gen.WhatIfQuestion
	d := json.NewDecoder(http.MaxBytesReader(c.Writer, c.Request.Body, maxQuestion))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return nil, badRequestError("the body must be JSON with a list of actions: " + err.Error())
	}
	if len(body.Actions) < 1 || len(body.Actions) > mostActions {
		return nil, badRequestError(fmt.Sprintf("there must be 1 to %d actions", mostActions))
	}
	for i := range body.Actions {
		x, bad := whatIfAction(&body.Actions[i])
		if bad != nil {
			err = errors.Join(err, badRequestError(fmt.Sprintf("action %d: %s", i+1, bad)))
		}
		actions = append(actions, x)
	}
	return actions, err
}

func whatIfAction(a *gen.WhatIfAction) (x whatif.Action, err error) {
	x.Kind = whatif.Kind(a.Kind)
	if x.Node, err = nodeID(a.Node); err != nil {
		return x, err
	}
	edge := x.Kind == whatif.Cut || x.Kind == whatif.Soften
	switch {
	case !a.Kind.Valid():
		return x, badRequestError("kind must be down, errors, slow, cut or soften")
	case edge != (a.Callee != nil):
		return x, badRequestError("cut and soften need a callee, and the others have none")
	case (x.Kind == whatif.Errors) != (a.Share != nil) || a.Share != nil && (*a.Share <= 0 || *a.Share > 1):
		return x, badRequestError("errors needs a share above 0 and at most 1, and the others have none")
	case (x.Kind == whatif.Slow) != (a.DelayMs != nil) || a.DelayMs != nil && *a.DelayMs <= 0:
		return x, badRequestError("slow needs a positive delay_ms, and the others have none")
	case edge:
		x.Callee, err = nodeID(*a.Callee)
	case a.Share != nil:
		x.Share = *a.Share
	case a.DelayMs != nil:
		x.Delay = *a.DelayMs
	}
	return x, err
}

func wireAnswer(r *analysis.Report, answer whatif.Answer) gen.WhatIfAnswer {
	out := gen.WhatIfAnswer{
		At: someTime(r.At), Entries: len(r.Structure.Entries), Fails: answer.Fails, Low: answer.Low, High: answer.High,
		Fates: []gen.WhatIfFate{}, Experiments: []gen.Experiment{},
	}
	for _, f := range answer.Fates {
		out.Fates = append(out.Fates, gen.WhatIfFate{
			Node: f.Node.String(), NodeName: r.Nodes[f.Node].Name, Operation: f.Name, PerSecond: f.PerSecond,
			Fails: f.Fails, Low: f.Low, High: f.High, FailingPerSecond: f.Fails * f.PerSecond, SlowerMs: f.Slower,
		})
	}
	out.Experiments = wireExperiments(r, answer.Learn)
	return out
}

func wireExperiments(r *analysis.Report, list []whatif.Experiment) []gen.Experiment {
	out := []gen.Experiment{}
	for _, x := range list {
		s := &r.Structure.Sites[x.Site]
		out = append(out, gen.Experiment{
			Caller: s.Caller.String(), CallerName: r.Nodes[s.Caller].Name, Operation: s.Operation,
			Callee: s.Callee.String(), CalleeName: r.Nodes[s.Callee].Name,
			Decides: x.Decides, Low: x.Low, High: x.High, Expect: x.Expect, Effect: x.Effect,
		})
	}
	return out
}

const usualExperiments, mostExperiments = 20, 1000

// ListExperiments answers GET /api/v1/whatif/experiments.
func (a *API) ListExperiments(c *gin.Context, p gen.ListExperimentsParams) {
	limit, err := limitParam(p.Limit, usualExperiments, mostExperiments)
	if err := errors.Join(known(c, p), err); err != nil {
		a.fail(c, err)
		return
	}
	if !a.thinking.TryAcquire(1) {
		a.fail(c, errBusy)
		return
	}
	defer a.thinking.Release(1)
	r := a.analyst.Report()
	c.JSON(http.StatusOK, gen.Experiments{
		At: someTime(r.At), Experiments: wireExperiments(r, whatif.Experiments(r.Structure.Sites, r.Structure.Entries, limit)),
	})
}

// latestPredictions is how many predictions are shown one by one.
const latestPredictions = 50

// GetCalibration answers GET /api/v1/whatif/calibration.
func (a *API) GetCalibration(c *gin.Context) {
	if err := known(c, nil); err != nil {
		a.fail(c, err)
		return
	}
	r := a.analyst.Report()
	j := calibration.Judge(r.Predictions)
	out := gen.Calibration{
		At: someTime(r.At), Incidents: j.Incidents, Enough: calibration.Enough, Calibrated: j.Calibrated, Predictions: j.Predictions,
		Brier: j.Brier, Reference: j.Reference, Skill: j.Skill, Within: j.Within, Bins: []gen.CalibrationBin{}, Latest: []gen.Prediction{},
	}
	for _, b := range j.Bins {
		out.Bins = append(out.Bins, gen.CalibrationBin{Low: b.Low, High: b.High, Count: b.N, Predicted: b.Predicted, Observed: b.Observed})
	}
	for i := range r.Predictions[:min(len(r.Predictions), latestPredictions)] {
		p := &r.Predictions[i]
		out.Latest = append(out.Latest, gen.Prediction{
			Incident: p.Incident, Started: p.Started.UTC(), Made: p.Made.UTC(), Root: p.Root.String(), RootName: r.Nodes[p.Root].Name, Severity: p.Severity,
			Node: p.Node.String(), NodeName: r.Nodes[p.Node].Name, Operation: p.Operation,
			Predicted: p.Predicted, Low: p.Low, High: p.High, Reference: p.Reference, Observed: p.Observed,
		})
	}
	c.JSON(http.StatusOK, out)
}

package analysis

import (
	"context"
	"fmt"
	"time"

	"faultline/analysis/calibration"
	"faultline/analysis/cascade"
	"faultline/analysis/whatif"
	"faultline/graph"
	"faultline/graph/spread"
)

// Forecasts is where predictions outlive a process.
type Forecasts interface {
	Predictions(ctx context.Context, tenant string, limit int) ([]calibration.Prediction, error)
	WritePredictions(ctx context.Context, tenant string, predictions []calibration.Prediction) error
}

// mostPredictions is how many predictions, the latest, are judged by.
const mostPredictions = 10_000

// forecast remembers how the system hung together before incidents began.
type forecast struct {
	loaded  bool
	known   []known
	before  map[string]*known // by incident under way; nil: too little was known before it
	list    []calibration.Prediction
	unsaved []calibration.Prediction
}

// known is a structure as it was at a time.
type known struct {
	at        time.Time
	structure Structure
}

// Structures are remembered so often, and so many of them: an incident is noticed a minute or two after it began.
const (
	knownEvery = 2 * time.Minute
	mostKnown  = 5
)

// predict holds what was known before each incident that ended against what it did.
func (e *Engine) predict(ctx context.Context, r *Report) error {
	f := &e.forecast
	if !f.loaded {
		list, err := e.store.Predictions(ctx, e.tenant, mostPredictions)
		if err != nil {
			return fmt.Errorf("read the predictions: %w", err)
		}
		f.list, f.before, f.loaded = list, map[string]*known{}, true
	}
	if n := len(f.known); len(r.Structure.Entries) > 0 && (n == 0 || r.At.Sub(f.known[n-1].at) >= knownEvery) {
		f.known = append(f.known, known{r.At, r.Structure})
		f.known = f.known[max(0, len(f.known)-mostKnown):]
	}
	for i := range r.Incidents {
		incident := &r.Incidents[i]
		k, seen := f.before[incident.ID]
		switch {
		case incident.Open() && !seen:
			f.before[incident.ID] = f.at(incident.Started)
		case !incident.Open() && seen:
			delete(f.before, incident.ID)
			if k != nil {
				f.unsaved = append(f.unsaved, predictions(k, incident)...)
			}
		}
	}
	if len(f.unsaved) > 0 {
		if err := e.store.WritePredictions(ctx, e.tenant, f.unsaved); err != nil {
			return fmt.Errorf("write the predictions: %w", err)
		}
		f.list = append(f.unsaved, f.list...)
		f.list = f.list[:min(len(f.list), mostPredictions)]
		f.unsaved = nil
	}
	r.Predictions = f.list
	return nil
}

// at is the latest that was known before a time; nil: nothing.
func (f *forecast) at(t time.Time) *known {
	for i := len(f.known) - 1; i >= 0; i-- {
		if !f.known[i].at.After(t) {
			k := f.known[i]
			return &k
		}
	}
	return nil
}

// A cause is the only one if it has half of the blame and no other has nearly a third.
const onlyCause, otherCause = 0.5, 0.3

// predictions are what would have been predicted of an incident with one cause, by what was known before it, for every operation that
// users call and that either was predicted to fail or did. Those of the cause itself say nothing about dependencies.
func predictions(k *known, i *cascade.Incident) (list []calibration.Prediction) {
	c := i.Candidates
	if i.Sign != cascade.Failing || len(c) == 0 || c[0].Share.Share < onlyCause || len(c) > 1 && c[1].Share.Share >= otherCause {
		return nil
	}
	root := c[0].Node
	severity := severityOf(i, root)
	if severity == 0 {
		return nil
	}
	action := []whatif.Action{{Kind: whatif.Errors, Node: root, Share: severity}}
	observed := map[spread.Operation]float64{}
	for _, x := range i.Entries {
		if x.Requests > 0 {
			observed[spread.Operation{Node: x.Node, Name: x.Operation}] = min(x.Bad/x.Requests, 1)
		}
	}
	fates := func(sites []whatif.Site) map[spread.Operation]whatif.Fate {
		of := map[spread.Operation]whatif.Fate{}
		for _, f := range whatif.Ask(sites, k.structure.Entries, action).Fates {
			of[f.Operation] = f
		}
		return of
	}
	said, reference := fates(k.structure.Sites), fates(whatif.AllHard(k.structure.Sites))
	for _, entry := range k.structure.Entries {
		o := entry.Operation
		f, ref, y := said[o], reference[o], observed[o]
		if o.Node == root || f.Fails == 0 && ref.Fails == 0 && y == 0 {
			continue
		}
		list = append(list, calibration.Prediction{
			Incident: i.ID, Started: i.Started, Made: k.at, Root: root, Severity: severity, Node: o.Node, Operation: o.Name,
			Predicted: f.Fails, Low: f.Low, High: f.High, Reference: ref.Fails, Observed: y,
		})
	}
	return list
}

// severityOf is the share of a node's requests that failed in an incident, by its own account, or by that of its callers where it
// says nothing.
func severityOf(i *cascade.Incident, root graph.NodeID) float64 {
	var own, callers struct{ bad, requests float64 }
	for _, m := range i.Members {
		switch {
		case m.Node == root && m.Callee == 0:
			own.bad, own.requests = own.bad+m.Bad, own.requests+m.Requests
		case m.Callee == root:
			callers.bad, callers.requests = callers.bad+m.Bad, callers.requests+m.Requests
		}
	}
	if own.requests == 0 {
		own = callers
	}
	if own.requests == 0 {
		return 0
	}
	return min(own.bad/own.requests, 1)
}

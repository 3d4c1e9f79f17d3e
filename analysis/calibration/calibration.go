// Package calibration says how far simulated failures can be trusted: it compares what was predicted of incidents, from
// what was known before they began, with what they did (analysis specification, F).
//
// The package is pure.
package calibration

import (
	"time"

	"faultline/graph"
)

// Prediction is what was predicted of one operation that users call, in one incident, and what became of it.
type Prediction struct {
	Incident  string
	Started   time.Time    // the incident
	Made      time.Time    // what the prediction is made from was known then, before the incident
	Root      graph.NodeID // the incident's one cause
	Severity  float64      // share of the root's requests that failed
	Node      graph.NodeID
	Operation string

	Predicted float64 // share of its requests that fail
	Low, High float64 // 90 % interval
	Reference float64 // the same if every dependency that is waited for were hard
	Observed  float64 // share of its requests that did fail, at the worst; 0 where it was not ill
}

// Enough is how many incidents it takes to judge by.
const Enough = 20

// Bin is a row of a reliability table: the predictions in a range, and what became of them on average.
type Bin struct {
	Low, High           float64 // of Predicted; the last bin has its High
	N                   int
	Predicted, Observed float64 // means
}

// Report is how predictions fared.
type Report struct {
	Incidents   int
	Predictions int
	Calibrated  bool    // there were enough incidents to say so
	Brier       float64 // mean square error
	Reference   float64 // that of taking every dependency for hard
	Skill       float64 // 1: always right; 0: no better than the reference
	Within      float64 // share of predictions whose interval holds what was observed
	Bins        [5]Bin
}

// Judge compares predictions with what became of them.
func Judge(list []Prediction) Report {
	r := Report{Predictions: len(list)}
	for b := range r.Bins {
		r.Bins[b].Low, r.Bins[b].High = float64(b)/float64(len(r.Bins)), float64(b+1)/float64(len(r.Bins))
	}
	incidents := map[string]bool{}
	for i := range list {
		p := &list[i]
		incidents[p.Incident] = true
		r.Brier += (p.Predicted - p.Observed) * (p.Predicted - p.Observed)
		r.Reference += (p.Reference - p.Observed) * (p.Reference - p.Observed)
		if p.Low <= p.Observed && p.Observed <= p.High {
			r.Within++
		}
		b := &r.Bins[min(int(p.Predicted*float64(len(r.Bins))), len(r.Bins)-1)]
		b.N++
		b.Predicted += p.Predicted
		b.Observed += p.Observed
	}
	r.Incidents = len(incidents)
	r.Calibrated = r.Incidents >= Enough
	if n := float64(len(list)); n > 0 {
		r.Brier, r.Reference, r.Within = r.Brier/n, r.Reference/n, r.Within/n
	}
	if r.Reference > 0 {
		r.Skill = 1 - r.Brier/r.Reference
	}
	for b := range r.Bins {
		if n := float64(r.Bins[b].N); n > 0 {
			r.Bins[b].Predicted /= n
			r.Bins[b].Observed /= n
		}
	}
	return r
}

package clickhouse

import (
	"testing"
	"time"

	"faultline/analysis/calibration"
)

func TestPredictions(t *testing.T) {
	s := open(t)
	p := calibration.Prediction{
		Incident: "a", Started: t0, Made: t0.Add(-time.Minute), Root: 7, Severity: 0.5, Node: 1, Operation: "GET /",
		Predicted: 0.4, Low: 0.1, High: 0.6, Reference: 1, Observed: 0.3,
	}
	later := p
	later.Incident, later.Started = "b", t0.Add(time.Hour)
	for _, list := range [][]calibration.Prediction{nil, {p}, {later, p}} {
		if err := s.WritePredictions(t.Context(), "x", list); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int][]calibration.Prediction{10: {later, p}, 1: {later}} {
		got, err := s.Predictions(t.Context(), "x", limit)
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "predictions", want, got)
	}
	if got, err := s.Predictions(t.Context(), "y", 10); err != nil || len(got) != 0 {
		t.Errorf("those of another tenant: %v, %v", got, err)
	}
}

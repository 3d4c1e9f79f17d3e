package calibration

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestJudge(t *testing.T) {
	near := cmpopts.EquateApprox(0, 1e-12)
	bins := func(filled map[int]Bin) (all [5]Bin) {
		for i := range all {
			all[i] = filled[i]
			all[i].Low, all[i].High = float64(i)/5, float64(i+1)/5
		}
		return all
	}
	for name, tt := range map[string]struct {
		list []Prediction
		want Report
	}{
		"nothing": {nil, Report{Bins: bins(nil)}},
		"always right": {
			[]Prediction{{Incident: "a", Predicted: 1, Reference: 1, Observed: 1, High: 1}, {Incident: "a", Predicted: 0, Reference: 1, Observed: 0}},
			Report{Incidents: 1, Predictions: 2, Reference: 0.5, Skill: 1, Within: 1, Bins: bins(map[int]Bin{0: {N: 1}, 4: {N: 1, Predicted: 1, Observed: 1}})},
		},
		"by hand": {
			[]Prediction{{Incident: "a", Predicted: 0.5, Low: 0.4, High: 0.6, Reference: 1, Observed: 0.3}, {Incident: "b", Predicted: 0.4, Low: 0.3, High: 0.9, Reference: 1, Observed: 0.8}},
			Report{
				Incidents: 2, Predictions: 2, Brier: (0.04 + 0.16) / 2, Reference: (0.49 + 0.04) / 2, Skill: 1 - 0.2/0.53, Within: 0.5,
				Bins: bins(map[int]Bin{2: {N: 2, Predicted: 0.45, Observed: 0.55}}),
			},
		},
		"worse than the reference": {
			[]Prediction{{Incident: "a", Predicted: 0, Reference: 1, Observed: 0.9}},
			Report{Incidents: 1, Predictions: 1, Brier: 0.81, Reference: 0.01, Skill: -80, Bins: bins(map[int]Bin{0: {N: 1, Observed: 0.9}})},
		},
	} {
		if diff := cmp.Diff(tt.want, Judge(tt.list), near); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var many []Prediction
	for i := range Enough {
		if Judge(many).Calibrated {
			t.Errorf("calibrated after %d incidents", i)
		}
		many = append(many, Prediction{Incident: fmt.Sprint(i), Predicted: math.Nextafter(1, 0)})
	}
	if !Judge(many).Calibrated {
		t.Error("not calibrated after enough incidents")
	}
}

package analysistest

import (
	"path/filepath"
	"testing"

	"faultline/graph"
	"faultline/graph/match"
)

// The recorded run knows 11,029 calls of a service to another that was killed meanwhile.
func TestFoldOfRecordedTraces(t *testing.T) {
	file := filepath.Join(Data(t, "hotrod-live"), "hr-route-down.otlp.jsonl.gz")
	tables, err := Fold(match.DefaultConfig(), Recorded(t, file))
	if err != nil {
		t.Fatal(err)
	}
	names := func(id graph.NodeID) string { return tables.Nodes[id].Name }
	calls := map[[2]string]int64{}
	for _, r := range tables.CallSites {
		calls[[2]string{names(r.Caller), names(r.Callee)}] += r.Calls
	}
	requests := map[[2]string]int64{}
	for _, r := range tables.Outcomes {
		requests[[2]string{names(r.Caller), names(r.Callee)}] += r.Requests
	}
	if calls[[2]string{"frontend", "route"}] == 0 || calls[[2]string{"driver", "redis-manual"}] == 0 {
		t.Errorf("calls %v", calls)
	}
	if requests[[2]string{"frontend", "route"}] == 0 || requests[[2]string{"frontend", ""}] == 0 {
		t.Errorf("requests %v", requests)
	}
}

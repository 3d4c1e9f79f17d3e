package analysistest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Case is one fault of a folder of recorded traces.
type Case struct {
	ID    string
	File  string // of the traces
	Start int64  `json:"start_unix_s"`
	Fault struct{ Service, Type string }
	Sign  struct{ Visible string } `json:"trace_evidence"` // in the service's own spans; "none"
}

// Cases returns the faults of a folder of recorded traces with known truth.
func Cases(t testing.TB, folder string) (cases []Case) {
	dir := Data(t, folder)
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct{ Cases []Case }
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	for _, c := range truth.Cases {
		if c.Fault.Service != "" {
			c.File = filepath.Join(dir, "..", c.File)
			cases = append(cases, c)
		}
	}
	return cases
}

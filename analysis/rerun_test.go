package analysis

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

// Who asks twice about the same window gets the same answer to the last digit: a sum must not depend on the order of a map.
func TestRerunSaysTheSameToTheLastDigit(t *testing.T) {
	start, tables := simulated(t, 24*time.Minute)
	end := start.Add(24 * time.Minute)
	var first []byte
	for range 2 {
		r, err := Rerun(t.Context(), DefaultConfig(), "default", &recording{shop: newShop(), Tables: tables, now: end}, Expectations{}, graph.Window{From: start.Add(10 * time.Minute), To: end})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Sites) == 0 || len(r.Incidents) == 0 || len(r.Hotspots) == 0 {
			t.Fatalf("%d sites, %d incidents, %d hotspots: nothing to compare", len(r.Sites), len(r.Incidents), len(r.Hotspots))
		}
		got, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(string(first), string(got)); diff != "" {
			t.Fatalf("the same window again (-before +now):\n%s", diff)
		}
	}
}

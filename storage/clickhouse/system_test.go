package clickhouse

import (
	"testing"
	"time"

	"faultline/graph"
)

func TestRowsOfTheSystem(t *testing.T) {
	s := open(t)
	write(t, s, graph.Block{
		Token: "1", Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart), nodeRow(redis)},
		CallSites: []graph.CallSiteRow{
			callSite(t0, key(web, cart), calls(8, 2)), callSite(t0.Add(30*time.Second), key(web, cart), calls(1, 0)),
			callSite(t0, key(cart, redis), calls(5, 0)), callSite(t0.Add(time.Minute), key(cart, redis), calls(3, 1)),
		},
		Operations: []graph.OperationRow{operation(t0, cart, calls(9, 2)), operation(t0.Add(10*time.Second), cart, calls(4, 0))},
	})
	write(t, s, graph.Block{Token: "2", CallSites: []graph.CallSiteRow{callSite(t0.Add(30*time.Second), key(web, cart), calls(-1, 0))}})
	w := graph.Window{From: t0, To: t0.Add(time.Minute)}
	var sitesRead graph.Buffer[graph.CallSiteRow] // used for one reading after the other
	var operationsRead graph.Buffer[graph.OperationRow]
	count := func(step time.Duration) (sites, operations []int64) {
		t.Helper()
		rows, err := s.CallSiteRows(t.Context(), tenant, w, step, &sitesRead)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Bucket.Before(t0) || !r.Bucket.Before(w.To) || r.CallerOperation == "" || r.Client.Count() != r.Calls {
				t.Errorf("row %+v", r)
			}
			sites = append(sites, r.Calls)
		}
		requests, err := s.OperationRows(t.Context(), tenant, w, step, &operationsRead)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests {
			if r.Node != cart.ID() || r.Operation != "GET /cart" || r.Version != "1.2" || r.Server.Count() != r.Calls {
				t.Errorf("row %+v", r)
			}
			operations = append(operations, r.Calls)
		}
		return sites, operations
	}
	first, second := int64(8), int64(5)
	if web.ID() > cart.ID() {
		first, second = second, first
	}
	sites, operations := count(graph.Step)
	mustEqual(t, "sites by 10 s, without the one that was taken back", []int64{first, second}, sites)
	mustEqual(t, "operations by 10 s", []int64{9, 4}, operations)
	sites, operations = count(time.Minute)
	mustEqual(t, "sites by minute", []int64{first, second}, sites)
	mustEqual(t, "operations by minute", []int64{13}, operations)
	for name, step := range map[string]time.Duration{"no tier": 30 * time.Second, "nothing": 0} {
		if _, err := s.CallSiteRows(t.Context(), tenant, w, step, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	s.now = func() time.Time { return t0.Add(7 * 24 * time.Hour) }
	if _, err := s.OperationRows(t.Context(), tenant, w, graph.Step, nil); err == nil {
		t.Error("10 s buckets of a week ago were promised")
	}
}

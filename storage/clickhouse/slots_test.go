package clickhouse

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/analysis/change"
	"faultline/graph"
)

func TestSlots(t *testing.T) {
	s := open(t)
	minute := func(n int) time.Time { return t0.Truncate(change.SlotLength).Add(time.Duration(n) * time.Minute) }
	self := callSite(minute(0), key(cart, cart), calls(90, 0))
	ops := func(row graph.CallSiteRow, caller string) graph.CallSiteRow {
		row.CallerOperation = caller
		return row
	}
	write(t, s, graph.Block{
		Token: "1", Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart), nodeRow(redis), nodeRow(user)},
		CallSites: []graph.CallSiteRow{
			ops(callSite(minute(0), key(user, web), calls(90, 0)), ""), ops(self, "GET /cart"),
			ops(callSite(minute(0), key(web, cart), calls(8, 2)), hostile), ops(callSite(minute(0).Add(graph.Step), key(web, cart), calls(1, 1)), hostile),
			ops(callSite(minute(2), key(web, cart), calls(5, 0)), hostile), ops(callSite(minute(5), key(web, cart), calls(7, 0)), hostile),
			ops(callSite(minute(2), key(cart, redis), calls(3, 0)), "GET /cart"), // less busy
		},
		Operations: []graph.OperationRow{operation(minute(0), web, calls(10, 2)), operation(minute(1), cart, calls(2, 0))},
	})
	got, err := s.Slots(t.Context(), tenant, []time.Time{minute(0).AddDate(0, 0, -400), minute(0)}, graph.Window{From: minute(0), To: minute(10)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []change.Slot{
		{Series: change.Series{Node: web.ID(), Operation: operation(t0, web, calls(1, 0)).Operation}, Start: minute(0), Calls: []int64{10}, Failed: []int64{2}},
		{Series: change.Series{Node: web.ID(), Operation: hostile, Callee: cart.ID()}, Start: minute(0), Calls: []int64{5, 9}, Failed: []int64{0, 3}},
	}
	for i := range got {
		if n := got[i].Durations.Count(); n != 10 && n != 14 {
			t.Errorf("%d durations", n)
		}
		got[i].Durations = nil
		slices.Sort(got[i].Calls) // minutes come in any order
		slices.Sort(got[i].Failed)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("slots (-want +got):\n%s", diff)
	}
	if none, err := s.Slots(t.Context(), tenant, nil, graph.Window{From: minute(0), To: minute(10)}, 1); err != nil || len(none) != 0 {
		t.Errorf("without slots: %v, %v", none, err)
	}
}

func TestAllOperations(t *testing.T) {
	s := open(t)
	of := func(at time.Time, n graph.Node, version string, c int64) graph.OperationRow {
		row := operation(at, n, calls(c, 0))
		row.Version = version
		return row
	}
	write(t, s, graph.Block{
		Token: "1", Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart)},
		Operations: []graph.OperationRow{
			of(t0, web, "1", 10), of(t0.Add(graph.Step), web, "1", 5), of(t0, web, "2", 3), of(t0, cart, "1", 4), of(t0.Add(time.Hour), cart, "9", 1),
		},
	})
	rows, err := s.AllOperations(t.Context(), tenant, graph.Window{From: t0, To: t0.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, r := range rows {
		got[map[graph.NodeID]string{web.ID(): "web", cart.ID(): "cart"}[r.Node]+r.Version] = r.Calls
	}
	if diff := cmp.Diff(map[string]int64{"web1": 15, "web2": 3, "cart1": 4}, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

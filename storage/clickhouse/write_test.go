package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"faultline/graph"
)

// rollups are all tables that a call or a request is counted in.
var rollups = []string{
	"call_sites_10s", "call_sites_1m", "call_sites_1h", "call_sites_6h",
	"edges_10s", "edges_1m", "edges_1h", "edges_6h",
	"operations_10s", "operations_1m", "operations_1h", "operations_6h",
}

// shop is a block that spans two days and several buckets: 60 calls web → cart and 60 requests of cart.
func shop(token string) graph.Block {
	b := graph.Block{Token: token, Nodes: []graph.NodeRow{nodeRow(web), nodeRow(cart)}}
	midnight := t0.Truncate(24 * time.Hour)
	for i := range 30 {
		at := midnight.Add(time.Duration(i-15) * graph.Step)
		b.CallSites = append(b.CallSites, callSite(at, key(web, cart), calls(2, 0)))
		b.Operations = append(b.Operations, operation(at, cart, calls(2, 0)))
	}
	return b
}

// mustCount fails the test unless every table counts n calls.
func mustCount(t *testing.T, s *Store, n int64) {
	t.Helper()
	for _, table := range rollups {
		if got := number[int64](t, s, "SELECT sum(calls) FROM "+table); got != n {
			t.Errorf("%s counts %d calls, want %d", table, got, n)
		}
		if got := number[int64](t, s, "SELECT sum(arraySum(mapValues(server))) FROM "+table); got != n {
			t.Errorf("%s has %d server durations, want %d", table, got, n)
		}
	}
}

func TestABlockWrittenTwiceCountsOnce(t *testing.T) {
	s := open(t)
	for range 3 {
		write(t, s, shop("replica-1/17/abc"))
		mustCount(t, s, 60)
	}
}

func TestEqualRowsUnderAnotherTokenCountAgain(t *testing.T) {
	s := open(t)
	write(t, s, shop("a"))
	write(t, s, shop("b"))
	mustCount(t, s, 120)
}

// The insert dies in any of the rollups, after its source has the rows; the same block is then written
// again, as ingest does after a crash of either side.
func TestABlockHalfWrittenIsCompletedByWritingItAgain(t *testing.T) {
	for _, broken := range rollups {
		t.Run(broken, func(t *testing.T) {
			s := open(t)
			exec(t, s, fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT broken CHECK calls < 0", broken))
			if err := s.Write(t.Context(), shop("a")); err == nil {
				t.Fatal("the write succeeded in spite of the constraint")
			}
			exec(t, s, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT broken", broken))
			write(t, s, shop("a"))
			mustCount(t, s, 60)
			write(t, s, shop("a"))
			mustCount(t, s, 60)
		})
	}
}

func TestWriteNeedsAToken(t *testing.T) {
	s := open(t)
	if err := s.Write(t.Context(), shop("")); err == nil {
		t.Error("a block without a token was written")
	}
	mustCount(t, s, 0)
}

package clickhouse

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faultline/graph"
)

// t0 is a full hour, not long ago: the engine drops what is older than its retention.
var t0 = time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)

// open returns a migrated store on an empty database, whose clock stands at an hour after t0.
func open(t testing.TB) *Store {
	t.Helper()
	cfg := testConfig(t)
	s := openWith(t, cfg)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func openWith(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return t0.Add(time.Hour) }
	t.Cleanup(func() { s.Close() })
	return s
}

// exec runs a statement that the store itself has no method for.
func exec(t testing.TB, s *Store, statement string) {
	t.Helper()
	if err := s.conn.Exec(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// number is the single number that a question has for an answer.
func number[N any](t testing.TB, s *Store, question string) (n N) {
	t.Helper()
	if err := s.conn.QueryRow(t.Context(), question).Scan(&n); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return n
}

func service(name string) graph.Node { return graph.Node{Type: graph.TypeService, Name: name} }

var (
	web   = service("web")
	cart  = service("cart")
	redis = graph.Node{Type: graph.TypeCache, Name: "redis", System: "redis", Address: "redis:6379"}
	user  = graph.Node{Type: graph.TypeUser, Name: "user"}
)

const tenant = "default"

func nodeRow(n graph.Node) graph.NodeRow {
	return graph.NodeRow{Tenant: tenant, ID: n.ID(), Node: n, LastSeen: t0}
}

// calls is n calls of 100 ms, the first failed ones of them failed; a negative n takes calls back.
func calls(n, failed int64) graph.Stats {
	at := graph.IndexOf(100 * time.Millisecond)
	return graph.Stats{
		Calls: n, Failed: failed, Sampled: n, Weight: float64(n), WeightSquared: float64(n),
		Client: graph.Histogram{{Index: at, N: n}}, Server: graph.Histogram{{Index: at - 8, N: n}},
	}
}

func key(caller, callee graph.Node) graph.EdgeKey {
	return graph.EdgeKey{Caller: caller.ID(), Callee: callee.ID(), Protocol: "http", Mode: graph.Sync}
}

func callSite(at time.Time, k graph.EdgeKey, s graph.Stats) graph.CallSiteRow {
	return graph.CallSiteRow{
		Tenant: tenant, Bucket: at, EdgeKey: k, CallerOperation: "GET /", CalleeOperation: "GET /cart",
		Basis: graph.ByKinds, Stats: s,
	}
}

func operation(at time.Time, n graph.Node, s graph.Stats) graph.OperationRow {
	s.Client = nil
	return graph.OperationRow{Tenant: tenant, Bucket: at, Node: n.ID(), Operation: "GET /cart", Version: "1.2", Stats: s}
}

func write(t testing.TB, s *Store, b graph.Block) {
	t.Helper()
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

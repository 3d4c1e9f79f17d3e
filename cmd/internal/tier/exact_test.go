package tier

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"faultline/graph"
	"faultline/ingest/truth"
	"faultline/storage/clickhouse/clickhousetest"
	"faultline/storage/clickhouse/embedded"
)

// all reports whether the tests that take long are to be as long as they can.
func all() bool { return os.Getenv("EXACT") == "all" }

// fleet is some ingest programs in front of one database.
type fleet struct {
	t      *testing.T
	binary string
	env    []string
	args   []string
	dir    string
	runs   []*program
}

// newFleet starts n programs against the database at addr.
func newFleet(t *testing.T, access embedded.Access, addr string, n int, args ...string) *fleet {
	t.Helper()
	f := &fleet{
		t: t, binary: build(t, "ingest"), env: []string{"FAULTLINE_CLICKHOUSE__PASSWORD=" + access.Password}, dir: t.TempDir(),
		args: append([]string{
			"--clickhouse-addr", addr, "--clickhouse-user", access.User, "--clickhouse-database", access.Database,
			"--admin", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--log-level", "error",
			"--set", "ingest.match.wait=3s", "--set", "ingest.match.settle=1s", "--set", "ingest.flush_every=500ms",
		}, args...),
	}
	if n == 1 {
		f.args = append(f.args, "--replicas", "one")
	}
	f.runs = make([]*program, n)
	for i := range f.runs {
		f.start(i)
	}
	return f
}

// start starts a program on the folder that it had before.
func (f *fleet) start(i int) {
	f.t.Helper()
	f.runs[i] = launchBuilt(f.t, "ingest", f.binary, f.env, append(f.args, "--data-dir", fmt.Sprint(f.dir, "/", i))...)
}

// kill kills a program with SIGKILL and starts it again.
func (f *fleet) kill(i int) {
	f.t.Helper()
	_ = f.runs[i].cmd.Process.Kill()
	_ = f.runs[i].cmd.Wait()
	f.start(i)
}

// send hands a request to a program until it is acknowledged.
func (f *fleet) send(i int, wire []byte) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		resp, err := http.Post(f.runs[i%len(f.runs)].addresses["otlp_http"]+"/v1/traces", "application/x-protobuf", bytes.NewReader(wire))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("%s", resp.Status)
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("a request is not taken: %v", err)
		}
		time.Sleep(50 * time.Millisecond) // as a sender would
	}
}

// TestExactPrograms sends what a made-up system does through the built ingest program, alone and three of it,
// in ways that must not matter, and compares whole tables: with the truth, and with those of a calm run.
func TestExactPrograms(t *testing.T) {
	requests := 25
	if all() {
		requests = 1000
	}
	world := truth.New(5, 10, requests, time.Now().Add(-10*time.Minute).Truncate(time.Hour))
	clients, servers := halves(world.Spans)
	traces := byTrace(world.Spans)
	chance := rand.New(rand.NewPCG(5, 1))
	ways := []struct {
		name     string
		replicas int
		late     bool // the database comes when half is sent
		send     func(f *fleet, half func())
	}{
		{"one, traces whole", 1, false, func(f *fleet, _ func()) {
			for i, trace := range traces {
				f.send(i, truth.Encode(trace...))
			}
		}},
		{"three, span by span, server halves 1 s late, all twice", 3, false, func(f *fleet, half func()) {
			for i, s := range slices.Concat(clients, servers, servers, clients) {
				if i == len(clients) {
					time.Sleep(time.Second) // what is tested
				}
				f.send(i, truth.Encode(s))
			}
		}},
		{"three, server halves 5 s late, again in other batches, without a database at first", 3, true, func(f *fleet, half func()) {
			for i, s := range clients {
				f.send(i, truth.Encode(s))
			}
			time.Sleep(5 * time.Second) // what is tested
			half()
			for i, s := range servers {
				f.send(i, truth.Encode(s))
			}
			again := slices.Clone(world.Spans)
			chance.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			i := 0
			for some := range slices.Chunk(again, 23) {
				f.send(i, truth.Encode(some...))
				i++
			}
		}},
		{"one, server halves first", 1, false, func(f *fleet, _ func()) {
			for i, s := range servers {
				f.send(i, truth.Encode(s))
			}
			time.Sleep(5 * time.Second) // what is tested
			for some := range slices.Chunk(clients, 7) {
				f.send(0, truth.Encode(some...))
			}
		}},
	}
	var calm map[string]string
	for i, way := range ways {
		if !all() && i > 0 && !way.late {
			continue // what is left of the time goes to the others
		}
		t.Run(way.name, func(t *testing.T) {
			access := clickhousetest.New(t)
			addr := access.Addr
			half := func() {}
			if way.late {
				addr = closedPort(t)
				half = func() { relay(t, addr, access.Addr) }
			}
			f := newFleet(t, access, addr, way.replicas)
			way.send(f, half)
			got := compare(t, connect(t, access), &world.Tables)
			if calm == nil {
				calm = got
			}
			if diff := cmp.Diff(calm, got); diff != "" {
				t.Errorf("not what the calm run stored (-calm +stored):\n%.6000s", diff)
			}
		})
	}
	t.Run("engine and ingest killed", func(t *testing.T) {
		kills := 3
		if all() {
			kills = 20
		}
		engine := startEngine(t)
		f := newFleet(t, engine.access, engine.access.Addr, 1)
		var requests [][]byte
		for _, n := range chance.Perm(len(world.Spans)) {
			requests = append(requests, truth.Encode(world.Spans[n]))
		}
		when := map[int]func(){}
		for n := range kills {
			when[chance.IntN(len(requests))] = func() { f.kill(0) }
			when[chance.IntN(len(requests))] = func() { engine.kill(t, n) }
		}
		for i, wire := range requests {
			f.send(0, wire)
			if kill := when[i]; kill != nil {
				time.Sleep(time.Duration(chance.IntN(1500)) * time.Millisecond) // any moment of a flush
				kill()
			}
		}
		got := compare(t, connect(t, engine.access), &world.Tables)
		if diff := cmp.Diff(calm, got); diff != "" {
			t.Errorf("not what the calm run stored (-calm +stored):\n%.6000s", diff)
		}
		t.Logf("%d kills", len(when))
	})
}

// TestDatabaseStandsStill stops the engine's process for a while, and kills it later: senders notice nothing, the
// database is left alone meanwhile, and in the end everything is there once.
func TestDatabaseStandsStill(t *testing.T) {
	engine := startEngine(t)
	f := newFleet(t, engine.access, engine.access.Addr, 1, "--set", "ingest.write_timeout=2s")
	world := truth.New(6, 10, 60, time.Now().Add(-10*time.Minute))
	traces := byTrace(world.Spans)
	pid := engine.pid(t)
	resume := func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
	t.Cleanup(resume)
	for i, trace := range traces {
		switch i {
		case len(traces) / 5:
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		case len(traces) * 3 / 5:
			await(t, "the breaker opens", func() bool { return f.metric(0, "faultline_ingest_breaker_open") == 1 })
			resume()
		case len(traces) * 4 / 5:
			engine.kill(t, 0)
		}
		begin := time.Now()
		f.send(0, truth.Encode(trace...))
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("a sender had to wait for %s", took)
		}
		time.Sleep(20 * time.Millisecond) // the pace of the traffic
	}
	compare(t, connect(t, engine.access), &world.Tables)
	await(t, "the breaker closes", func() bool { return f.metric(0, "faultline_ingest_breaker_open") == 0 })
}

// metric reads a metric without labels of a program.
func (f *fleet) metric(i int, name string) (v float64) {
	f.t.Helper()
	_, text := get(f.t, f.runs[i].addresses["admin"]+"/metrics")
	for line := range strings.Lines(text) {
		if n, _ := fmt.Sscanf(line, name+" %g", &v); n == 1 {
			return v
		}
	}
	f.t.Fatalf("no metric %s", name)
	return 0
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// TestExactPrograms10000 sends 100,000 edges between 10,000 services. It takes a minute or more.
func TestExactPrograms10000(t *testing.T) {
	if !all() {
		t.Skip("EXACT=all runs it")
	}
	world := truth.Wide(10_000, 100_000, time.Now().Add(-10*time.Minute))
	access := clickhousetest.New(t)
	f := newFleet(t, access, access.Addr, 1, "--set", "ingest.match.limits.nodes=20000", "--set", "ingest.rollup.edges=200000")
	chance := rand.New(rand.NewPCG(5, 2))
	chance.Shuffle(len(world.Spans), func(i, j int) { world.Spans[i], world.Spans[j] = world.Spans[j], world.Spans[i] })
	for some := range slices.Chunk(world.Spans, 1000) {
		f.send(0, truth.Encode(some...))
	}
	compare(t, connect(t, access), &world.Tables)
}

// halves parts spans into callees' halves and the rest.
func halves(spans []truth.Span) (clients, servers []truth.Span) {
	for _, s := range spans {
		if s.IsServer() {
			servers = append(servers, s)
		} else {
			clients = append(clients, s)
		}
	}
	return clients, servers
}

func byTrace(spans []truth.Span) (traces [][]truth.Span) {
	for len(spans) > 0 {
		n := 1
		for n < len(spans) && spans[n].Trace == spans[0].Trace {
			n++
		}
		traces = append(traces, spans[:n])
		spans = spans[n:]
	}
	return traces
}

// closedPort returns an address at which nobody listens yet. It is none of those that connections of others may come from.
func closedPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// engine is one of the test's own, to be killed.
type engine struct {
	dir    string
	access embedded.Access
}

func startEngine(t *testing.T) *engine {
	t.Helper()
	cfg := embedded.DefaultConfig()
	cfg.DataDir = t.TempDir()
	e, err := embedded.Start(t.Context(), cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Logf("the engine: %v", err)
		}
	})
	return &engine{cfg.DataDir, e.Access()}
}

// pid is the engine's process at the moment, 0 if there is none.
func (e *engine) pid(t *testing.T) int {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range lines {
		line, _ := os.ReadFile(file) // it may just have ended
		if strings.Contains(string(line), "--path="+e.dir) {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
			return pid
		}
	}
	return 0
}

// kill kills the engine; it is started again by itself.
func (e *engine) kill(t *testing.T, n int) {
	t.Helper()
	if pid := e.pid(t); pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("kill %d: %v", n, err)
		}
	}
}

func connect(t *testing.T, access embedded.Access) clickhouse.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{access.Addr},
		Auth: clickhouse.Auth{Database: access.Database, Username: access.User, Password: access.Password},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// compare waits until the tables are the truth, and stay it while a few more blocks are written, and returns
// all that the tables add up to.
func compare(t *testing.T, conn clickhouse.Conn, want *truth.Tables) map[string]string {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for same := 0; same < 3; time.Sleep(500 * time.Millisecond) {
		got, err := tablesOf(t.Context(), conn)
		if err == nil {
			diff := cmp.Diff(*want, got)
			if diff == "" {
				same++
				continue
			}
			err = fmt.Errorf("not the truth (-truth +stored):\n%.6000s", diff)
		}
		same = 0
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	dump := map[string]string{}
	for _, table := range []string{
		"call_sites_10s", "call_sites_1m", "call_sites_1h", "edges_10s", "edges_1m", "edges_1h", "operations_10s", "operations_1m", "operations_1h",
		"outcomes_1m", "outcomes_1h", "halves_1m", "halves_1h", "aliases_1h",
	} {
		if err := dumpTable(t.Context(), conn, table, dump); err != nil {
			t.Fatal(err)
		}
	}
	return dump
}

// dumpTable adds what each key of a table adds up to, unless it is nothing.
func dumpTable(ctx context.Context, conn clickhouse.Conn, table string, into map[string]string) error {
	rows, err := conn.Query(ctx, "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ? ORDER BY position", table)
	if err != nil {
		return err
	}
	defer rows.Close()
	var keys, sums, some []string
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(typ, "SimpleAggregateFunction(sumMap,"):
			sums = append(sums, "mapFilter((k, v) -> v != 0, sumMap("+name+"))")
		case strings.HasPrefix(typ, "SimpleAggregateFunction(sum,"):
			sums = append(sums, "sum("+name+")")
			some = append(some, "sum("+name+") != 0")
		case !strings.HasPrefix(typ, "SimpleAggregateFunction("):
			keys = append(keys, name)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	found, err := conn.Query(ctx, fmt.Sprintf("SELECT toString(tuple(%s)), toString(tuple(%s)) FROM %s GROUP BY %[1]s HAVING %[4]s",
		strings.Join(keys, ", "), strings.Join(sums, ", "), table, strings.Join(some, " OR ")))
	if err != nil {
		return fmt.Errorf("%s: %w", table, err)
	}
	defer found.Close()
	for found.Next() {
		var key, sum string
		if err := found.Scan(&key, &sum); err != nil {
			return err
		}
		into[table+" "+key] = sum
	}
	return found.Err()
}

// tablesOf is what the database says in the words of the truth.
func tablesOf(ctx context.Context, conn clickhouse.Conn) (truth.Tables, error) {
	t := truth.NewTables()
	var b graph.Block
	each := func(query string, scan func(row func(...any) error) error) error {
		rows, err := conn.Query(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	err := each("SELECT id, any(type), any(name) FROM nodes GROUP BY id", func(row func(...any) error) error {
		var r graph.NodeRow
		defer func() { b.Nodes = append(b.Nodes, r) }()
		return row((*uint64)(&r.ID), (*string)(&r.Type), &r.Name)
	})
	if err != nil {
		return t, err
	}
	err = each(`SELECT caller, callee, via, protocol, mode, caller_operation, callee_operation, sum(calls), sum(failed), sum(resends)
		FROM call_sites_10s GROUP BY ALL`, func(row func(...any) error) error {
		var r graph.CallSiteRow
		defer func() { b.CallSites = append(b.CallSites, r) }()
		return row((*uint64)(&r.Caller), (*uint64)(&r.Callee), (*uint64)(&r.Via), &r.Protocol, (*string)(&r.Mode),
			&r.CallerOperation, &r.CalleeOperation, &r.Calls, &r.Failed, &r.Resends)
	})
	if err != nil {
		return t, err
	}
	err = each("SELECT node, operation, sum(calls), sum(failed), sum(resends) FROM operations_10s GROUP BY ALL", func(row func(...any) error) error {
		var r graph.OperationRow
		defer func() { b.Operations = append(b.Operations, r) }()
		return row((*uint64)(&r.Node), &r.Operation, &r.Calls, &r.Failed, &r.Resends)
	})
	if err != nil {
		return t, err
	}
	var sums []string
	for _, name := range graph.OutcomeCounterNames {
		sums = append(sums, "sum("+name+")")
	}
	err = each("SELECT caller, operation, callee, "+strings.Join(sums, ", ")+" FROM outcomes_1m GROUP BY ALL", func(row func(...any) error) error {
		var r graph.OutcomeRow
		defer func() { b.Outcomes = append(b.Outcomes, r) }()
		targets := []any{(*uint64)(&r.Caller), &r.Operation, (*uint64)(&r.Callee)}
		for _, n := range r.Counters() {
			targets = append(targets, n)
		}
		return row(targets...)
	})
	if err != nil {
		return t, err
	}
	err = each("SELECT node, side, fate, sum(n) FROM halves_1m GROUP BY ALL", func(row func(...any) error) error {
		var r graph.HalfRow
		defer func() { b.Halves = append(b.Halves, r) }()
		return row((*uint64)(&r.Node), (*string)(&r.Side), (*string)(&r.Fate), &r.N)
	})
	if err != nil {
		return t, err
	}
	t.Add(&b, map[graph.NodeID]string{})
	return t, nil
}

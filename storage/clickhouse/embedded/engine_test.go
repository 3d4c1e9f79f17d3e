package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
)

func TestDataOutlivesTheEngine(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), `d&ta <"'> 100% é`) // nothing in a path may upset the engine
	engine, reg := startEngine(t, dir)
	conn := connect(t, engine.Access())
	exec1(t, conn,
		"CREATE DATABASE faultline ENGINE = Atomic",
		"CREATE TABLE faultline.calls (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO faultline.calls SELECT number FROM numbers(1000)")
	if up := metric(t, reg, "faultline_engine_up"); up != 1 {
		t.Errorf("up %v, want 1", up)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if err := engine.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if up := metric(t, reg, "faultline_engine_up"); up != 0 {
		t.Errorf("up %v after close, want 0", up)
	}
	if err := gone(t, dir)(); err != nil {
		t.Error(err)
	}

	again, _ := startEngine(t, dir)
	if again.Access().Password != engine.Access().Password {
		t.Error("the password changed")
	}
	if n := count(t, connect(t, again.Access()), "faultline.calls"); n != 1000 {
		t.Errorf("%d rows after a restart, want 1000", n)
	}
}

func TestKilledEngineComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine, reg := startEngine(t, dir)
	conn := connect(t, engine.Access())
	exec1(t, conn,
		"CREATE DATABASE faultline ENGINE = Atomic",
		"CREATE TABLE faultline.calls (n UInt64) ENGINE = MergeTree ORDER BY n")
	for kill := 1; kill <= 3; kill++ {
		exec1(t, conn, "INSERT INTO faultline.calls SELECT number FROM numbers(1000)")
		signalProcess(t, oneProcess(t, dir), syscall.SIGKILL)
		eventually(t, func() error { return conn.Ping(t.Context()) }) // the same pool finds the new process
		if n := count(t, conn, "faultline.calls"); n != uint64(1000*kill) {
			t.Errorf("%d rows after kill %d, want %d", n, kill, 1000*kill)
		}
		if restarts := metric(t, reg, "faultline_engine_restarts_total"); restarts != float64(kill) {
			t.Errorf("%v restarts after kill %d", restarts, kill)
		}
	}
}

func TestHungEngineIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	timing := testTiming()
	timing.ping, timing.silence = 50*time.Millisecond, 200*time.Millisecond
	engine, err := start(t.Context(), testConfig(dir), timing, testLog(t), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	hung := oneProcess(t, dir)
	signalProcess(t, hung, syscall.SIGSTOP)
	eventually(t, func() error {
		if pids := processes(t, dir); len(pids) != 1 || pids[0] == hung {
			return fmt.Errorf("engines %v, hung %d", pids, hung)
		}
		return nil
	})
	eventually(t, func() error { return ping(t.Context(), engine.Access()) })
}

// A terminal and a service manager send their signal to the whole group. The engine must outlive its
// owner's last writes.
func TestGroupSignalsDoNotEndTheEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine, reg := startEngine(t, dir)
	conn := connect(t, engine.Access())
	pid := oneProcess(t, dir)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		signalProcess(t, pid, signal)
		if err := conn.QueryRow(t.Context(), "SELECT sleep(0.2)").Err(); err != nil {
			t.Errorf("after %s: %v", signal, err)
		}
	}
	if restarts := metric(t, reg, "faultline_engine_restarts_total"); restarts != 0 {
		t.Errorf("%v restarts, want none", restarts)
	}
}

func TestEngineEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	owner, says := startOwner(t, dir, nil)
	if says.Err != "" {
		t.Fatal(says.Err)
	}
	if err := ping(t.Context(), says.Access); err != nil {
		t.Fatal(err)
	}
	oneProcess(t, dir)
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	startEngine(t, dir) // the next owner does not have to wait for the last one's engine
	if err := owner.Wait(); err == nil {
		t.Error("the owner was not killed")
	}
	oneProcess(t, dir)
}

// The kernel's signal alone would end the engine in TestEngineEndsWithItsOwner; this is the pipe alone.
func TestEngineEndsWithItsLifeline(t *testing.T) {
	t.Parallel()
	dir, password, err := prepareDataDir(testConfig(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	library, err := Library()
	if err != nil {
		t.Fatal(err)
	}
	addr, err := freePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := startProcess(library, addr, dir, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	if err := p.awaitReady(t.Context(), Access{Addr: addr, User: user, Password: password}); err != nil {
		t.Fatal(err)
	}
	if err := p.lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		t.Fatal("the engine outlives its lifeline")
	}
}

func TestSecondEngineIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startEngine(t, dir)
	_, err := Start(t.Context(), testConfig(dir), testLog(t), prometheus.NewRegistry())
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("error %v, want ErrLocked", err)
	}
	for _, want := range []string{dir, "process " + strconv.Itoa(oneProcess(t, dir))} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
}

func TestTakenPortIsReplaced(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := testConfig(t.TempDir())
	dir, password, err := prepareDataDir(cfg)
	if err != nil {
		t.Fatal(err)
	}
	library, err := Library()
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e := &Engine{cfg: cfg, timing: testTiming(), library: library, dir: dir, log: testLog(t),
		access: Access{Addr: taken.Addr().String(), User: user, Password: password}}
	p, err := e.firstStart(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	if e.access.Addr == taken.Addr().String() {
		t.Error("the engine claims to listen on a port it does not have")
	}
}

func TestStartIsAbandoned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // before any engine can answer
	defer cancel()
	_, err := Start(ctx, testConfig(dir), testLog(t), prometheus.NewRegistry())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
	if err := gone(t, dir)(); err != nil {
		t.Error(err)
	}
}

func TestAnonymousUserMayDoNothing(t *testing.T) {
	t.Parallel()
	engine, _ := startEngine(t, t.TempDir())
	exec1(t, connect(t, engine.Access()),
		"CREATE DATABASE faultline ENGINE = Atomic",
		"CREATE TABLE faultline.calls (n UInt64) ENGINE = MergeTree ORDER BY n")
	anonymous := connect(t, Access{Addr: engine.Access().Addr, User: "default"})
	wantRefusal(t, anonymous,
		"SELECT * FROM file('/etc/passwd', 'LineAsString')",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
		"SELECT * FROM remote('127.0.0.1:1', 'a.b')",
		"SELECT * FROM faultline.calls",
		"INSERT INTO faultline.calls SELECT 1",
		"CREATE TABLE faultline.mine (n UInt64) ENGINE = MergeTree ORDER BY n",
		"CREATE TABLE default.mine (n UInt64) ENGINE = Memory",
		"CREATE DATABASE mine",
		"CREATE USER mine",
		"DROP DATABASE faultline",
		"KILL QUERY WHERE 1",
		"SYSTEM SHUTDOWN",
	)
	if err := anonymous.Exec(t.Context(), "SELECT 1 SETTINGS max_memory_usage = 100000000"); code(err) != 452 {
		t.Errorf("raise own memory limit: %v, want code 452", err)
	}
	if err := ping(t.Context(), Access{Addr: engine.Access().Addr, User: user, Password: "guess"}); code(err) != 516 {
		t.Errorf("wrong password: %v, want code 516", err)
	}
}

func TestApplicationUserStaysInside(t *testing.T) {
	t.Parallel()
	engine, _ := startEngine(t, t.TempDir())
	outside := filepath.Join(t.TempDir(), "outside.csv")
	wantRefusal(t, connect(t, engine.Access()),
		"SELECT * FROM file('/etc/passwd', 'LineAsString')",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
		"INSERT INTO FUNCTION file('"+outside+"', 'CSV', 'n UInt64') SELECT 1",
	)
	if _, err := os.Stat(outside); err == nil {
		t.Errorf("%s was written", outside)
	}
}

func TestEngineIsConfigured(t *testing.T) {
	t.Parallel()
	engine, _ := startEngine(t, t.TempDir())
	conn := connect(t, engine.Access())
	for name, want := range map[string]string{
		"max_server_memory_usage":       strconv.Itoa(minMemoryLimit),
		"mark_cache_size":               "67108864",
		"index_mark_cache_size":         "16777216",
		"max_thread_pool_size":          "1000",
		"max_thread_pool_free_size":     "16",
		"max_concurrent_queries":        "100",
		"background_pool_size":          "2",
		"background_schedule_pool_size": "4",
		"background_common_pool_size":   "2",
		"background_move_pool_size":     "1",
		"background_fetches_pool_size":  "1",
	} {
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT value FROM system.server_settings WHERE name = ?", name).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	var zone string
	if err := conn.QueryRow(t.Context(), "SELECT serverTimezone()").Scan(&zone); err != nil || zone != "UTC" {
		t.Errorf("time zone %s (%v), want UTC", zone, err)
	}
	err := conn.Exec(t.Context(), "SELECT groupArray(number) FROM numbers(1000000000) FORMAT Null")
	if code(err) != 241 {
		t.Errorf("a query larger than the limit: %v, want code 241", err)
	}
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	startEngine(t, dir)
	for _, path := range []string{dir, dataDir(dir).secret(), dataDir(dir).users(), dataDir(dir).config()} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", path, mode)
		}
	}
	if _, err := os.Stat(dataDir(dir).log()); err != nil {
		t.Errorf("engine log: %v", err)
	}
}

// wantRefusal checks that each statement is refused for lack of a grant, and not for another reason.
func wantRefusal(t *testing.T, conn clickhouse.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := conn.Exec(t.Context(), statement); code(err) != 497 {
			t.Errorf("%s: %v, want code 497", statement, err)
		}
	}
}

func code(err error) int32 {
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		return exception.Code
	}
	return 0
}

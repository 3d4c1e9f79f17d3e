package embedded

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// ownerEnv makes the test binary the owner of an engine in that directory, until it is killed or its stdin
// closes. It prints the engine's access, or the error, as one line of JSON.
const ownerEnv = "FAULTLINE_TEST_OWNER"

type ownerSays struct {
	Access Access
	Err    string
}

func TestMain(m *testing.M) {
	MaybeRunChild()
	if dir := os.Getenv(ownerEnv); dir != "" {
		own(dir)
	}
	os.Exit(m.Run())
}

func own(dir string) {
	if kind := os.Getenv(diskEnv); kind != "" {
		if err := mount(dir, kind); err != nil {
			panic(err)
		}
	}
	var says ownerSays
	engine, err := start(context.Background(), testConfig(dir), testTiming(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		says.Err = err.Error()
	} else {
		says.Access = engine.Access()
	}
	if err := json.NewEncoder(os.Stdout).Encode(says); err != nil {
		panic(err)
	}
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0) // without Close: what an owner does that forgets its engine
}

// startOwner runs own in a process, after change, and returns what it says.
func startOwner(t *testing.T, dir string, change func(*exec.Cmd)) (*exec.Cmd, ownerSays) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), ownerEnv+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the owner said nothing: %v", err)
	}
	var says ownerSays
	if err := json.Unmarshal(line, &says); err != nil {
		t.Fatal(err)
	}
	return cmd, says
}

func testConfig(dir string) Config {
	cfg := DefaultConfig()
	cfg.DataDir = dir
	cfg.MemoryLimit = minMemoryLimit
	return cfg
}

func testTiming() timing {
	timing := defaultTiming()
	timing.lockWait = 2 * time.Second
	timing.backoffFirst = 10 * time.Millisecond
	return timing
}

// startEngine starts an engine in dir that is closed at the end of the test.
func startEngine(t *testing.T, dir string) (*Engine, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	engine, err := start(t.Context(), testConfig(dir), testTiming(), testLog(t), reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return engine, reg
}

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func open(access Access) (clickhouse.Conn, error) {
	return clickhouse.Open(&clickhouse.Options{
		Addr: []string{access.Addr},
		Auth: clickhouse.Auth{Username: access.User, Password: access.Password, Database: "default"},
	})
}

func connect(t *testing.T, access Access) clickhouse.Conn {
	t.Helper()
	conn, err := open(access)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func exec1(t *testing.T, conn clickhouse.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func count(t *testing.T, conn clickhouse.Conn, table string) (n uint64) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count() FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// processes returns the ids of the engines that run on dir, whoever their parent is by now.
func processes(t *testing.T, dir string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		cmdline, err := os.ReadFile(file) // an error: it ended meanwhile
		if err != nil || !bytes.Contains(cmdline, []byte("--path="+dataDir(dir).store()+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// oneProcess returns the id of the only engine on dir.
func oneProcess(t *testing.T, dir string) int {
	t.Helper()
	pids := processes(t, dir)
	if len(pids) != 1 {
		t.Fatalf("engines on %s: %v, want one", dir, pids)
	}
	return pids[0]
}

func signalProcess(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatalf("send %s to %d: %v", signal, pid, err)
	}
}

// eventually waits until check returns nil.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func metric(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			m := family.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// gone reports an error while an engine runs on dir.
func gone(t *testing.T, dir string) func() error {
	return func() error {
		if pids := processes(t, dir); len(pids) > 0 {
			return fmt.Errorf("engines still run on %s: %v", dir, pids)
		}
		return nil
	}
}

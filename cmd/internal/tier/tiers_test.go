package tier

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"faultline/storage/clickhouse/clickhousetest"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// program is one of the production programs, running.
type program struct {
	cmd       *exec.Cmd
	addresses map[string]string // of its ready line
}

// start builds and starts one of the production programs on free ports, and returns the addresses of its
// ready line. It is stopped, and must stop well, at the end of the test.
func start(t *testing.T, name string, env []string, args ...string) map[string]string {
	t.Helper()
	return launch(t, name, env, args...).addresses
}

func launch(t *testing.T, name string, env []string, args ...string) *program {
	t.Helper()
	return launchBuilt(t, name, build(t, name), env, args...)
}

// build builds one of the production programs and returns where it is.
func build(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../"+name).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func launchBuilt(t *testing.T, name, path string, env []string, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(path, args...), addresses: map[string]string{}}
	cmd := p.cmd
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState != nil {
			return // the test has ended it
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, name+" ready ") {
		t.Fatalf("ready line of %s is %q (%v)", name, line, err)
	}
	for _, field := range strings.Fields(line) {
		if what, address, ok := strings.Cut(field, "="); ok {
			p.addresses[what] = address
		}
	}
	return p
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// trace is a call a → b as OTLP/JSON.
func trace(t *testing.T) string {
	t.Helper()
	span := func(service, id, parent string, kind int) map[string]any {
		return map[string]any{
			"resource": map[string]any{"attributes": []any{map[string]any{"key": "service.name", "value": map[string]any{"stringValue": service}}}},
			"scopeSpans": []any{map[string]any{"spans": []any{map[string]any{
				"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": id, "parentSpanId": parent, "name": "GET /" + service, "kind": kind,
				"startTimeUnixNano": fmt.Sprint(time.Now().UnixNano()), "endTimeUnixNano": fmt.Sprint(time.Now().UnixNano() + 1e6),
			}}}},
		}
	}
	b, err := json.Marshal(map[string]any{"resourceSpans": []any{
		span("a", "00000000000000a1", "", 2), span("a", "00000000000000a2", "00000000000000a1", 3), span("b", "00000000000000b1", "00000000000000a2", 2),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The production programs meet only in the database, and ingest does not need it to take spans in: it
// starts and acknowledges while the database is away, and what it took in is there when the database comes.
func TestTiersApartAndDatabaseLate(t *testing.T) {
	engine := clickhousetest.New(t)
	// The database "comes" when this relay to it starts to accept.
	late, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := late.Addr().String()
	late.Close()

	env := []string{"FAULTLINE_CLICKHOUSE__PASSWORD=" + engine.Password}
	common := []string{
		"--clickhouse-addr", addr, "--clickhouse-user", engine.User, "--clickhouse-database", engine.Database, "--admin", "127.0.0.1:0",
	}
	ingest := start(t, "ingest", env, append(common, "--data-dir", t.TempDir(), "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0")...)
	api := start(t, "api", env, append(common, "--listen", "127.0.0.1:0")...)

	if status, body := get(t, ingest["admin"]+"/readyz"); status != http.StatusOK {
		t.Errorf("ingest without a database is not ready: %d %s", status, body)
	}
	if status, body := get(t, api["admin"]+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "clickhouse") {
		t.Errorf("API without a database says %d %s", status, body)
	}
	resp, err := http.Post(ingest["otlp_http"]+"/v1/traces", "application/json", strings.NewReader(trace(t)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("ingest without a database answers %s", resp.Status)
	}

	relay(t, addr, engine.Addr)
	deadline := time.Now().Add(time.Minute)
	for {
		if _, body := get(t, api["ui"]+"/api/v1/graph"); strings.Contains(body, `"a"`) && strings.Contains(body, `"b"`) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the call is not in the graph: %s", body)
		}
		time.Sleep(200 * time.Millisecond) // between questions
	}
	if status, body := get(t, api["admin"]+"/readyz?verbose"); status != http.StatusOK {
		t.Errorf("API with a database is not ready: %d %s", status, body)
	}
}

// relay forwards connections to addr to another address until the test ends.
func relay(t *testing.T, addr, to string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			back, err := new(net.Dialer).DialContext(ctx, "tcp", to)
			if err != nil {
				from.Close()
				continue
			}
			go func() { _, _ = io.Copy(back, from); back.Close() }()
			go func() { _, _ = io.Copy(from, back); from.Close() }()
		}
	}()
}

func TestProductionProgramsNeedAServer(t *testing.T) {
	for _, program := range []string{"ingest", "api"} {
		out, err := exec.CommandContext(t.Context(), build(t, program), "--admin", "127.0.0.1:0").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--clickhouse-addr") {
			t.Errorf("%s without a server says (%v): %s", program, err, out)
		}
	}
}

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests of this package run the built binary as a user would, on the real engine.

var binary string

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play(role)
		return
	}
	dir, err := os.MkdirTemp("", "faultline-e2e-*")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "faultline")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// product is a running `faultline up`.
type product struct {
	t       testing.TB
	cmd     *exec.Cmd
	dataDir string
	ui      string // http://host:port
	grpc    string // host:port
	http    string // http://host:port
	admin   string // http://host:port
	log     *lockedBuffer
	done    chan struct{}
}

// up starts the product on free ports and a data folder of its own and waits for its ready line.
func up(t testing.TB, args ...string) *product {
	t.Helper()
	return upIn(t, t.TempDir(), args...)
}

func upIn(t testing.TB, dataDir string, args ...string) *product {
	t.Helper()
	p := &product{t: t, dataDir: dataDir, log: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd = exec.Command(binary, append([]string{
		"up", "--data-dir", dataDir, "--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0",
		"--otlp-http", "127.0.0.1:0", "--admin", "127.0.0.1:0",
	}, args...)...)
	p.cmd.Stderr = p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		ready <- line
		io.Copy(io.Discard, out)
		p.cmd.Wait()
		close(p.done)
	}()
	select {
	case line := <-ready:
		for _, f := range strings.Fields(line) {
			k, v, _ := strings.Cut(f, "=")
			switch k {
			case "ui":
				p.ui = v
			case "otlp_grpc":
				p.grpc = v
			case "otlp_http":
				p.http = v
			case "admin":
				p.admin = v
			}
		}
		if p.ui == "" || p.grpc == "" || p.http == "" {
			t.Fatalf("ready line %q; log:\n%s", line, p.log)
		}
	case <-time.After(60 * time.Second):
		t.Fatalf("not ready after a minute; log:\n%s", p.log)
	}
	return p
}

// stop ends the product as ctrl-C would and waits for it.
func (p *product) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.cmd.Process.Kill()
		p.t.Errorf("did not stop within 30 s of SIGTERM; log:\n%s", p.log)
	}
	if p.t.Failed() {
		p.t.Logf("log of the product:\n%s", p.log)
	}
}

// get reads a JSON answer of the API.
func (p *product) get(path string, into any) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.ui+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return json.Unmarshal(body, into)
}

// metric reports an error unless the metric without labels has the given value.
func (p *product) metric(name string, want float64) error {
	resp, err := http.Get(p.admin + "/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
		var got float64
		if n, _ := fmt.Sscanf(scan.Text(), name+" %g", &got); n == 1 {
			if got != want {
				return fmt.Errorf("%s is %g, want %g", name, got, want)
			}
			return nil
		}
	}
	return fmt.Errorf("no metric %s", name)
}

type graphAnswer struct {
	Nodes []struct {
		ID, Name, Type string
		Calls          int64
		Failed         int64
	}
	Edges []struct {
		ID, Caller, Callee, Protocol, Mode string
		Calls, Failed, Timeouts, Aliased   int64
		P50                                *float64 `json:"p50_ms"`
		Halves                             *struct {
			Both       int64
			CallerOnly int64 `json:"caller_only"`
			CalleeOnly int64 `json:"callee_only"`
		}
	}
}

// graph reads the graph of a window.
func (p *product) graph(query string) (g graphAnswer, err error) {
	return g, p.get("/api/v1/graph?"+query, &g)
}

// pair is a caller and a callee by name.
type pair struct{ caller, callee string }

// calls sums the calls of every service → service edge.
func (g *graphAnswer) calls() map[pair]int64 {
	nodes := map[string]int{}
	for i, n := range g.Nodes {
		nodes[n.ID] = i
	}
	out := map[pair]int64{}
	for _, e := range g.Edges {
		a, b := g.Nodes[nodes[e.Caller]], g.Nodes[nodes[e.Callee]]
		if a.Type == "service" && b.Type == "service" {
			out[pair{a.Name, b.Name}] += e.Calls
		}
	}
	return out
}

// eventually waits until check returns nil, and fails with its last error.
func eventually(t testing.TB, within time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", within, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// run runs a subcommand to its end.
func run(t testing.TB, args ...string) (stdout string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("faultline %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.b.String()
	if len(s) > 20_000 {
		s = "…" + s[len(s)-20_000:]
	}
	return s
}

package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// refused runs a command that must fail at once and returns what it says.
func refused(t *testing.T, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("faultline %s: %v, want exit code 1\n%s", strings.Join(args, " "), err, errs.String())
	}
	if out.Len() > 0 {
		t.Errorf("faultline %s says it is ready: %s", strings.Join(args, " "), out.String())
	}
	return errs.String()
}

func TestUpSaysWhatToDo(t *testing.T) {
	running := up(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	const free = "127.0.0.1:0"
	tests := map[string]struct {
		env  []string
		args []string
		want []string
	}{
		"UI port in use":      {nil, []string{"--listen", taken.Addr().String()}, []string{taken.Addr().String(), "in use", "--listen"}},
		"gRPC port in use":    {nil, []string{"--otlp-grpc", taken.Addr().String()}, []string{taken.Addr().String(), "in use", "--otlp-grpc"}},
		"HTTP port in use":    {nil, []string{"--otlp-http", taken.Addr().String()}, []string{taken.Addr().String(), "in use", "--otlp-http"}},
		"admin port in use":   {nil, []string{"--admin", taken.Addr().String()}, []string{taken.Addr().String(), "in use", "--admin"}},
		"data folder in use":  {nil, []string{"--data-dir", running.dataDir}, []string{running.dataDir, "in use", "--data-dir"}},
		"engine not there":    {[]string{"FAULTLINE_ENGINE_CACHE=" + t.TempDir()}, nil, []string{"faultline engine install", "--clickhouse-addr"}},
		"unknown key":         {[]string{"FAULTLINE_OTLP__LIMITS__BODY=1"}, nil, []string{"FAULTLINE_OTLP__LIMITS__BODY", "unknown key", "FAULTLINE_OTLP__LIMITS__BODY_"}},
		"unknown flag":        {nil, []string{"--listne", free}, []string{"--listne"}},
		"no objectives":       {nil, []string{"--objectives", dir + "/none.yaml"}, []string{dir + "/none.yaml", "--objectives"}},
		"no home for data":    {[]string{"HOME=", "XDG_DATA_HOME="}, []string{"--data-dir", ""}, []string{"--data-dir"}},
		"data folder no file": {nil, []string{"--data-dir", "/dev/null/x"}, []string{"/dev/null/x"}},
		"self as an endpoint of nothing": {
			nil, []string{"--self-traces", "ftp://h"}, []string{"ftp", "use http, https, grpc or grpcs"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"up", "--data-dir", dir, "--listen", free, "--otlp-grpc", free, "--otlp-http", free, "--admin", free}, tt.args...)
			said := refused(t, tt.env, args...)
			last := strings.TrimSpace(said)
			if i := strings.LastIndex(last, "\nfaultline: "); i >= 0 {
				last = last[i+1:]
			}
			for _, want := range tt.want {
				if !strings.Contains(last, want) {
					t.Errorf("the error lacks %q:\n%s", want, said)
				}
			}
		})
	}
}

// What was acknowledged just before the process is told to stop is in the graph when it starts again.
func TestStopKeepsWhatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	p := upIn(t, dir)
	acked := 0
	for i := range 20 {
		acked += send(t.Context(), p.http, i*50, 50)
	}
	p.stop() // at once: nothing has been flushed yet
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	again := upIn(t, dir)
	eventually(t, 10*time.Second, func() error {
		g, err := again.graph("from=now-1h&to=now")
		if err != nil {
			return err
		}
		if got := g.calls()[pair{"a", "b"}]; got != int64(acked) {
			return fmt.Errorf("%d calls a → b after the restart, %d acknowledged", got, acked)
		}
		return nil
	})
}

// Faultline sends traces of its own requests to itself, appears on its own map, and then falls silent.
func TestSelfTraces(t *testing.T) {
	p := up(t, "--self-traces", "self")
	const requests = 3
	for range requests {
		if err := p.get("/api/v1/nodes", new(struct{})); err != nil {
			t.Fatal(err)
		}
	}
	var window struct {
		Nodes []struct {
			Name  string
			Calls int64
		}
	}
	stop := time.Now().Add(30 * time.Second)
	for polls := int64(0); ; polls++ {
		if err := p.get("/api/v1/graph", &window); err != nil {
			t.Fatal(err)
		}
		var seen int64
		for _, n := range window.Nodes {
			if n.Name == "faultline" {
				seen = n.Calls
			}
		}
		if seen > requests+polls {
			t.Fatalf("%d requests of Faultline's own on the map after %d were made", seen, requests+polls)
		}
		if seen >= requests {
			break
		}
		if time.Now().After(stop) {
			t.Fatalf("%d requests of Faultline's own on the map after 30 s, %d were made", seen, requests+polls)
		}
		time.Sleep(500 * time.Millisecond) // each poll is a request that is traced
	}
	if log := p.log.String(); strings.Contains(log, "own spans were not sent") {
		t.Errorf("log:\n%s", log)
	}
}

func TestReadiness(t *testing.T) {
	p := up(t)
	for _, path := range []string{p.admin + "/livez", p.admin + "/readyz?verbose", p.ui + "/readyz", p.admin + "/metrics/service-graph", p.admin + "/debug/pprof/"} {
		resp, err := http.Get(path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestConfigCommands(t *testing.T) {
	dir := t.TempDir()
	good, bad, secret := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml"), filepath.Join(dir, "secret")
	for path, content := range map[string]string{
		good:   "clickhouse: {addr: [ch:9000], password_file: " + secret + "}\notlp: {limits: {body_bytes: 16MiB}}\n",
		bad:    "oltp: {}\ningest: {max_rows: 0}\napi: {listen: 8080}\n",
		secret: "hunter2\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := run(t, "config", "check", good); out != "ok\n" {
		t.Errorf("config check: %q", out)
	}
	if said := refused(t, nil, "config", "check", bad); !strings.Contains(said, "did you mean otlp?") {
		t.Errorf("config check of a file with mistakes: %s", said)
	}
	printed := run(t, "config", "print", "--config", good, "--set", "log.level=debug")
	for _, want := range []string{"level: DEBUG", "- ch:9000", "password: <redacted>", "body_bytes: 16777216"} {
		if !strings.Contains(printed, want) {
			t.Errorf("config print lacks %q:\n%s", want, printed)
		}
	}
	if strings.Contains(printed, "hunter2") {
		t.Error("config print shows a secret")
	}
	if printed := run(t, "config", "print", "--config", good, "--redact=false"); !strings.Contains(printed, "password: hunter2") {
		t.Errorf("config print --redact=false hides the secret:\n%s", printed)
	}
	if out := run(t, "version"); !strings.HasPrefix(out, "faultline ") {
		t.Errorf("version: %q", out)
	}
	if out := run(t, "completion", "bash"); !strings.Contains(out, "faultline") {
		t.Errorf("completion: %q", out)
	}
}

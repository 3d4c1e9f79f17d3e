package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func checkPolicy(t *testing.T, text string, args ...string) (string, error) {
	t.Helper()
	graph := `{"nodes":[{"id":"1","name":"web","type":"service"},{"id":"2","name":"db","type":"database"}],"edges":[{"id":"e","caller":"1","callee":"2","mode":"sync","calls":12}],
		"stale":false,"total_edges":1,"total_nodes":2,"truncated_by":""}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/graph":
			_, _ = w.Write([]byte(graph))
		case "/api/v1/dependencies":
			_, _ = w.Write([]byte(answers["/api/v1/dependencies"]))
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := newCheckCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(append([]string{"--policy", file, "--from", srv.URL}, args...))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCheck(t *testing.T) {
	const rules = "version: 1\nrules:\n- {name: no databases, forbid: {caller: web, callee_type: database}}\n- {name: soft, soft: {callee: db}}\n- {name: who, only_callers: {of: gone, allow: [web]}}\n"
	out, err := checkPolicy(t, rules)
	if !errors.Is(err, errViolated) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{
		"violated  no databases\n          - web calls db (12 calls)\n", "violated  soft\n          - web depends on db: hard, 7 of 7 failures took the caller down\n", "unknown   who\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("without %q:\n%s", want, out)
		}
	}
	kept := "version: 1\nrules:\n- {name: no circles, no_cycles: true}\n"
	if out, err := checkPolicy(t, kept, "--format", "json"); err != nil || !strings.Contains(out, `"state": "kept"`) {
		t.Errorf("%v\n%s", err, out)
	}
	unknown := "version: 1\nrules:\n- {name: who, only_callers: {of: gone, allow: [web]}}\n"
	if _, err := checkPolicy(t, unknown); err != nil {
		t.Errorf("what is not known: %v", err)
	}
	if _, err := checkPolicy(t, unknown, "--strict"); !errors.Is(err, errViolated) {
		t.Errorf("what is not known, strictly: %v", err)
	}
	if _, err := checkPolicy(t, "version: 3"); err == nil || !strings.Contains(err.Error(), "version is 3") {
		t.Errorf("a bad policy: %v", err)
	}
	if _, err := checkPolicy(t, kept, "--from", "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "--from") {
		t.Errorf("nobody there: %v", err)
	}
}

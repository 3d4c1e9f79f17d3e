package embedded

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestLibrary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "libchdb.so")
	write(t, file, []byte("a library"))

	t.Setenv(cacheEnv, t.TempDir())
	_, err := Library()
	if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "faultline engine install") {
		t.Errorf("error %v, want ErrNotInstalled and what to run", err)
	}
	t.Setenv(libraryEnv, file)
	if got, err := Library(); got != file || err != nil {
		t.Errorf("library %q (%v), want that of the environment, %s", got, err, file)
	}
	t.Setenv(libraryEnv, file+".not")
	if _, err := Library(); err == nil || !strings.Contains(err.Error(), file+".not") {
		t.Errorf("error %v, want one that names the missing file", err)
	}
	if got, err := resolveLibrary(file); got != file || err != nil {
		t.Errorf("library %q (%v), want the one chosen, %s", got, err, file)
	}
}

// The package may be pinned only as what npm would fetch: a wrong pin would show first on someone's machine.
func TestPinnedReleaseIsPublished(t *testing.T) {
	if os.Getenv("FAULTLINE_TEST_REGISTRY") == "" {
		t.Skip("asks npm's registry: set FAULTLINE_TEST_REGISTRY=1 to allow it")
	}
	out, err := exec.CommandContext(t.Context(), "npm", "view", pinned.spec, "dist.integrity").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != "sha512-"+pinned.integrity {
		t.Errorf("published with %s, pinned sha512-%s", got, pinned.integrity)
	}
}

func TestUnusableLibrary(t *testing.T) {
	notElf := filepath.Join(t.TempDir(), "libchdb.so")
	write(t, notElf, []byte("not a library"))
	tests := map[string]struct {
		library string
		want    []string
	}{
		"missing":       {notElf + ".not", []string{"no such file", notElf + ".not"}},
		"not a library": {notElf, []string{"load engine library", notElf}},
		"another one":   {"/lib/x86_64-linux-gnu/libm.so.6", []string{"chdb_query_cmdline"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t.TempDir())
			cfg.Library = tt.library
			begin := time.Now()
			_, err := Start(t.Context(), cfg, testLog(t), prometheus.NewRegistry())
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q in it", err, want)
				}
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %s to say so", took)
			}
		})
	}
}

func TestNoEngineForThisLibrary(t *testing.T) {
	t.Setenv(cacheEnv, t.TempDir())
	_, err := Start(t.Context(), testConfig(t.TempDir()), testLog(t), prometheus.NewRegistry())
	if !errors.Is(err, ErrNotInstalled) {
		t.Errorf("error %v, want ErrNotInstalled", err)
	}
}

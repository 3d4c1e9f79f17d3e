package tier

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// load parses a command line as a program would and loads what it, the environment and the file say.
func load(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	options := AddFlags(flags, FlagNames()...)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return options.Load()
}

func TestDefaultsAreValid(t *testing.T) {
	got, err := load(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(DefaultConfig(), got); diff != "" {
		t.Errorf("without any source the settings are not the defaults (-want +got):\n%s", diff)
	}
}

func TestEveryFlagSetsItsKey(t *testing.T) {
	for _, f := range Flags {
		t.Run(f.Name, func(t *testing.T) {
			value := map[string]string{
				"clickhouse-password-file": os.DevNull, "clickhouse-tls": "true", "demo": "true", "memory-limit": "1GiB", "log-level": "error",
				"replicas": "several", "fsync": "interval", "store-spans": "all",
			}[f.Name]
			if value == "" {
				value = "127.0.0.1:1"
			}
			if f.Name == "clickhouse-database" {
				value = "other"
			}
			t.Setenv("FAULTLINE_CLICKHOUSE__PASSWORD", "from the environment")
			before, err := load(t)
			if err != nil {
				t.Fatal(err)
			}
			after, err := load(t, "--"+f.Name+"="+value)
			if err != nil {
				t.Fatal(err)
			}
			if cmp.Equal(before, after) {
				t.Errorf("--%s changes nothing", f.Name)
			}
		})
	}
}

func TestSourcesInOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	text := "api: {listen: ':1'}\nadmin: {listen: ':1'}\notlp: {grpc_addr: ':1'}\ningest: {match: {wait: 40s}}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FAULTLINE_CONFIG", file)
	t.Setenv("FAULTLINE_ADMIN__LISTEN", ":2")
	t.Setenv("FAULTLINE_OTLP__GRPC_ADDR", ":2")
	got, err := load(t, "--otlp-grpc", ":3", "--set", "log.level=warn", "--demo")
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.API.Listen, want.Admin.Listen, want.OTLP.GRPCAddr = ":1", ":2", ":3"
	want.Ingest.Match.Wait = 40e9
	want.Log.Level, want.Demo.Enabled = slog.LevelWarn, true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func TestMistakesOfSeveralSectionsAtOnce(t *testing.T) {
	_, err := load(t, "--listen", "8080", "--set", "otlp.limits.body_bytes=0", "--set", "ingest.max_rows=-1", "--set", "clickhouse.max_conns=0", "--memory-limit", "1MB")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"api.listen must be host:port", "otlp.limits.body_bytes", "ingest.max_rows", "clickhouse.max_conns", "memory_limit must be at least 64MiB"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
}

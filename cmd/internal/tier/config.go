// Package tier is how Faultline's tiers are put together from their parts: the settings of all of them, and
// the start of each. The all-in-one starts both tiers in one process, the production programs one each.
package tier

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"faultline/analysis"
	"faultline/ingest"
	"faultline/ingest/otlp"
	"faultline/storage/clickhouse"
	"faultline/web/api"
)

// Config is every setting of Faultline. One file serves all programs; each uses the sections it needs.
type Config struct {
	Log         LogConfig         `yaml:"log"`
	MemoryLimit int64             `yaml:"memory_limit"` // bytes that the process stays under, the engine not counted: the runtime keeps to it and the budgets of ingest are lowered to fit; at least 64MiB, or 0 to leave it to GOMEMLIMIT
	StopTimeout time.Duration     `yaml:"stop_timeout"` // how long each part of the process may take to stop
	DataDir     string            `yaml:"data_dir"`     // where the journal of ingest is, and in the all-in-one the engine's data; by default $XDG_DATA_HOME/faultline or ~/.local/share/faultline
	Admin       AdminConfig       `yaml:"admin"`
	API         APIConfig         `yaml:"api"`
	OTLP        otlp.Config       `yaml:"otlp"`
	Ingest      ingest.Config     `yaml:"ingest"`
	ClickHouse  clickhouse.Config `yaml:"clickhouse"`
	Analysis    analysis.Config   `yaml:"analysis"`
	Expect      ExpectConfig      `yaml:"expect"`
	Engine      EngineConfig      `yaml:"engine"`
	Demo        DemoConfig        `yaml:"demo"`
	SelfTraces  SelfTracesConfig  `yaml:"self_traces"`
}

// LogConfig says what is logged.
type LogConfig struct {
	Level slog.Level `yaml:"level"` // DEBUG, INFO, WARN or ERROR
}

// AdminConfig is the listener for those who run the process.
type AdminConfig struct {
	Listen string `yaml:"listen"` // host:port of /metrics, /livez, /readyz and /debug/pprof
}

// APIConfig is the API and the UI.
type APIConfig struct {
	Listen string     `yaml:"listen"` // host:port of the UI and the API
	Limits api.Config `yaml:"limits"`
}

// ExpectConfig names the files in which people wrote down what they expect of the system.
type ExpectConfig struct {
	Objectives   string `yaml:"objectives"`   // path of the list of objectives (docs/objectives.md); none by default
	Declarations string `yaml:"declarations"` // path of what is said about dependencies (docs/declarations.md); none by default
}

// EngineConfig is the embedded engine, which the all-in-one uses when clickhouse.addr is empty. It repeats
// the settings of storage/clickhouse/embedded because the programs that have no engine must not link what
// loads one.
type EngineConfig struct {
	Library      string        `yaml:"library"`       // path of libchdb.so; by default the one that faultline engine install has fetched
	MemoryLimit  int64         `yaml:"memory_limit"`  // bytes for data and queries; over it, queries fail and the engine goes on
	StartTimeout time.Duration `yaml:"start_timeout"` // how long the engine's start may take
}

// DemoConfig is the traffic of a made-up shop, sent to the process's own door.
type DemoConfig struct {
	Enabled bool `yaml:"enabled"` // whether the all-in-one makes demo traffic
}

// SelfTracesConfig says where the process sends traces of its own work.
type SelfTracesConfig struct {
	Endpoint string `yaml:"endpoint"` // http(s)://host:port for OTLP over HTTP, host:port or grpc(s)://host:port over gRPC, or self for its own door; none by default
}

// DefaultConfig returns the defaults. Every port is open to this machine only: there is no authentication
// yet, so opening one to others is a decision to take.
func DefaultConfig() Config {
	c := Config{
		Log:         LogConfig{Level: slog.LevelInfo},
		StopTimeout: 30 * time.Second,
		Admin:       AdminConfig{Listen: "127.0.0.1:8081"},
		API:         APIConfig{Listen: "127.0.0.1:8080", Limits: api.DefaultConfig()},
		OTLP:        otlp.DefaultConfig(),
		Ingest:      ingest.DefaultConfig(),
		ClickHouse:  clickhouse.DefaultConfig(),
		Analysis:    analysis.DefaultConfig(),
		Engine:      EngineConfig{MemoryLimit: 1 << 30, StartTimeout: 2 * time.Minute},
	}
	c.OTLP.GRPCAddr, c.OTLP.HTTPAddr = "127.0.0.1:4317", "127.0.0.1:4318"
	c.ClickHouse.Addr = nil
	return c
}

// Data is the folder of the process's data.
func (c *Config) Data() (string, error) {
	if c.DataDir != "" {
		return c.DataDir, nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "faultline"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for data is known (%w); give one with --data-dir", err)
	}
	return filepath.Join(home, ".local", "share", "faultline"), nil
}

// leastMemory is the least memory_limit that leaves room for work.
const leastMemory = 64 << 20

// Validate reports every mistake.
func (c *Config) Validate() error {
	var errs []error
	for _, a := range []struct{ key, addr string }{{"admin.listen", c.Admin.Listen}, {"api.listen", c.API.Listen}} {
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			errs = append(errs, fmt.Errorf("%s must be host:port, such as 127.0.0.1:8080: %w", a.key, err))
		}
	}
	if c.StopTimeout <= 0 {
		errs = append(errs, errors.New("stop_timeout must be positive"))
	}
	if c.MemoryLimit != 0 && c.MemoryLimit < leastMemory {
		errs = append(errs, fmt.Errorf("memory_limit must be at least %dMiB, or 0 to leave it to GOMEMLIMIT: a process with nothing to do takes half of that", leastMemory>>20))
	}
	store := c.ClickHouse
	if len(store.Addr) == 0 {
		store.Addr = []string{"the embedded engine"} // its address is not known yet
	}
	return errors.Join(append(errs,
		under("otlp", c.OTLP.Validate()), under("ingest", c.Ingest.Validate()), under("clickhouse", store.Validate()), under("api.limits", c.API.Limits.Validate()),
		under("analysis", c.Analysis.Validate()))...)
}

// under makes the mistakes of a section name their keys in full, whether or not the section's owner does.
func under(section string, err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, section+".") {
			line = section + "." + line
		}
		errs = append(errs, errors.New(line))
	}
	return errors.Join(errs...)
}

// Package embedded runs ClickHouse beside Faultline without a ClickHouse to install: it fetches the engine
// library once, loads it in a child process and keeps that child alive. What listens is ClickHouse's own
// native protocol on a loopback port, so that the rest of Faultline cannot tell the engine from a server.
//
// A child, because the engine may crash or run out of memory and must not take ingest with it; a child of
// the same binary, because there is then one thing to ship. main, and TestMain of every test that starts
// an engine, must therefore call MaybeRunChild before anything else.
//
// What the engine cannot do, unlike a server: ON CLUSTER, Replicated tables, users made by SQL, query_log.
package embedded

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrPlatform reports that there is no engine for this operating system, processor or C library.
	ErrPlatform = errors.New("the embedded engine needs Linux on x86-64 with glibc; " +
		"elsewhere, run a ClickHouse server and pass its address")

	// ErrNotInstalled reports that the engine library is not on this machine.
	ErrNotInstalled = errors.New("the embedded engine is not installed; run `faultline engine install`")

	// ErrLocked reports that a running engine already has the data directory.
	ErrLocked = errors.New("data directory in use by another engine; stop it or choose another directory")

	// ErrDiskFull reports that there is no space left where the engine has to write.
	ErrDiskFull = errors.New("disk full; free some space and try again")

	// ErrPermission reports that the engine may not write where it has to.
	ErrPermission = errors.New("not writable by this user; change its owner or choose another directory")
)

// Config says where an engine keeps its data and how much memory it may use.
type Config struct {
	DataDir      string        `yaml:"data_dir"`      // created if missing; one engine at a time
	Library      string        `yaml:"library"`       // path of libchdb.so; empty: the installed one
	MemoryLimit  int64         `yaml:"memory_limit"`  // bytes for data and queries; over it, queries fail and the engine goes on
	StartTimeout time.Duration `yaml:"start_timeout"` // how long a start may take until the engine answers
}

// minMemoryLimit is what the engine uses at rest, twice.
const minMemoryLimit = 400 << 20

// DefaultConfig is for a small machine. It has no DataDir: there is no good guess.
func DefaultConfig() Config {
	return Config{MemoryLimit: 1 << 30, StartTimeout: 2 * time.Minute}
}

// Validate reports every mistake in c.
func (c Config) Validate() error {
	var errs []error
	if c.DataDir == "" {
		errs = append(errs, errors.New("engine.data_dir must be set"))
	}
	if c.MemoryLimit < minMemoryLimit {
		errs = append(errs, fmt.Errorf("engine.memory_limit must be at least %d bytes", minMemoryLimit))
	}
	if c.StartTimeout <= 0 {
		errs = append(errs, errors.New("engine.start_timeout must be positive"))
	}
	return errors.Join(errs...)
}

// Access is how to reach an engine. It stays the same while the engine lives, across its restarts.
type Access struct {
	Addr     string // host:port of the native protocol, on loopback
	User     string
	Password string
	Database string // the database meant for Faultline's tables; the engine does not create it
}

// Package clickhousetest gives tests a real ClickHouse: an empty database for each test, on one embedded
// engine for each test binary, started by the first test that asks. A test that needs it fails where the
// engine is not installed, so that nothing passes unseen; `faultline engine install` installs it.
//
//	func TestMain(m *testing.M) { clickhousetest.Main(m) }
//
//	func TestEdges(t *testing.T) {
//		access := clickhousetest.New(t)
package clickhousetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"faultline/storage/clickhouse/embedded"
)

var shared struct {
	mu      sync.Mutex
	started bool
	engine  *embedded.Engine
	conn    clickhouse.Conn // creates and drops databases
	dir     string
	err     error // why there is no engine; asked for once, told to every test
	count   int   // databases made
}

// Main runs the tests of a package and ends the process. TestMain must call it first of all.
func Main(m *testing.M) {
	embedded.MaybeRunChild()
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the shared engine:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// New returns the access to an empty database that is the test's own and is dropped after it.
func New(t testing.TB) embedded.Access {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.started {
		shared.started = true
		shared.err = start()
	}
	if shared.err != nil {
		t.Fatalf("this test needs ClickHouse: %v", shared.err)
	}

	shared.count++
	access := shared.engine.Access()
	access.Database = fmt.Sprintf("test_%d", shared.count)
	if err := shared.conn.Exec(context.Background(), "CREATE DATABASE "+access.Database+" ENGINE = Atomic"); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := shared.conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+access.Database+" SYNC"); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	return access
}

func start() (err error) {
	if shared.dir, err = os.MkdirTemp("", "faultline-clickhousetest-*"); err != nil {
		return err
	}
	cfg := embedded.DefaultConfig()
	cfg.DataDir = shared.dir
	shared.engine, err = embedded.Start(context.Background(), cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		return err
	}
	access := shared.engine.Access()
	shared.conn, err = clickhouse.Open(&clickhouse.Options{
		Addr: []string{access.Addr},
		Auth: clickhouse.Auth{Database: "default", Username: access.User, Password: access.Password},
	})
	return err
}

func stop() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	var errs []error
	if shared.conn != nil {
		errs = append(errs, shared.conn.Close())
	}
	if shared.engine != nil {
		errs = append(errs, shared.engine.Close())
	}
	if shared.dir != "" {
		errs = append(errs, os.RemoveAll(shared.dir))
	}
	return errors.Join(errs...)
}

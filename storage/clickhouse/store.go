// Package clickhouse keeps the graph in ClickHouse: it brings the schema up to date, writes the blocks that
// ingest makes and answers what the API asks. It speaks the native protocol, so the embedded engine, a
// server and a cluster's node look the same to it.
//
// A block written twice counts once, in its table and in every rollup, for as long as the tables remember
// its token (the last 10 000 inserts of each). All reads are exact for the window that they return.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
)

// Store is a database with the tables of the graph. It is safe for concurrent use.
type Store struct {
	cfg     Config
	conn    driver.Conn
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time
	firsts  sync.Map // tenant to time.Time: when its first calls were made

	// sparesThreads is true for a server that by default uses one thread for each GiB of free memory, which
	// on the embedded engine leaves one. Older servers do not know the setting and refuse it.
	sparesThreads atomic.Bool
}

// Open returns the store at cfg. It looks whether the server can do what the store needs and refuses one
// that cannot. A server that does not answer is no error: the store begins to work when it comes, so that
// ingest can start, and take in, while the database is away. Close the store after use.
func Open(ctx context.Context, cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	conn, err := dial(cfg, cfg.Database)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, conn: conn, log: log.With("component", "store"), metrics: newMetrics(reg), now: time.Now}
	if err := s.checkServer(ctx); errors.As(err, new(*unsuitableError)) {
		conn.Close()
		return nil, err
	} else if err != nil {
		s.log.Warn("clickhouse does not answer yet", "addr", cfg.Addr, "err", err)
	}
	return s, nil
}

// dial makes a pool of connections; none is opened before it is needed.
func dial(cfg Config, database string) (driver.Conn, error) {
	tls, err := cfg.TLS.load()
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol:     clickhouse.Native,
		Addr:         cfg.Addr,
		Auth:         clickhouse.Auth{Database: database, Username: cfg.User, Password: cfg.Password},
		TLS:          tls,
		Compression:  &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
		DialTimeout:  cfg.DialTimeout,
		ReadTimeout:  max(cfg.ReadTimeout, cfg.WriteTimeout),
		MaxOpenConns: cfg.MaxConns,
		MaxIdleConns: cfg.MaxConns,
	})
	if err != nil {
		return nil, fmt.Errorf("connect to clickhouse: %w", err)
	}
	return conn, nil
}

// unsuitableError says that a server lacks what the store relies on.
type unsuitableError struct {
	version string
	missing []string
}

func (e *unsuitableError) Error() string {
	return fmt.Sprintf("ClickHouse %s has no setting %s, without which repeated blocks would be counted twice: use version 24.8 or newer",
		e.version, strings.Join(e.missing, ", "))
}

// checkServer asks the server for the settings that counting once rests on.
func (s *Store) checkServer(ctx context.Context) error {
	conn, err := dial(s.cfg, "") // the database may not exist yet
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ReadTimeout)
	defer cancel()
	e := &unsuitableError{}
	var sparesThreads bool
	if err := conn.QueryRow(ctx, selectSettings).Scan(&e.version, &e.missing, &sparesThreads); err != nil {
		return fmt.Errorf("look at the settings of clickhouse: %w", err)
	}
	s.sparesThreads.Store(sparesThreads)
	if len(e.missing) > 0 {
		return e
	}
	return nil
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DialTimeout)
	defer cancel()
	if err := s.conn.Ping(ctx); err != nil {
		s.metrics.errors.WithLabelValues("ping").Inc()
		return fmt.Errorf("ping clickhouse: %w", err)
	}
	return nil
}

// Close ends the connections.
func (s *Store) Close() error { return s.conn.Close() }

// query runs a statement with its parameters and calls scan for each row of the answer.
func (s *Store) query(ctx context.Context, statement string, params clickhouse.Parameters, scan func(driver.Rows) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ReadTimeout)
	defer cancel()
	settings := clickhouse.Settings{
		"max_execution_time": math.Ceil(s.cfg.ReadTimeout.Seconds()),
		// Adding up histograms costs far more than reading them, so few rows are worth a thread.
		"merge_tree_min_rows_for_concurrent_read":  8192,
		"merge_tree_min_bytes_for_concurrent_read": 1 << 20,
		"max_bytes_before_external_group_by":       256 << 20, // go to disk rather than fail
	}
	if s.sparesThreads.Load() {
		settings["max_threads_min_free_memory_per_thread"] = 0
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithParameters(params), clickhouse.WithSettings(settings))
	rows, err := s.conn.Query(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// escape makes a string safe as the value of a String parameter, which the server reads in the escaped
// form of tab-separated values.
var escape = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`).Replace

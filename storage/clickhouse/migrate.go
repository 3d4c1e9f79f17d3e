package clickhouse

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// A migration is one file of sql/migrations, NNNN_name.sql. Once released it never changes; what was wrong
// with it is put right by the next one.
type migration struct {
	version    uint32
	name       string
	statements []string
}

//go:embed sql/migrations/*.sql
var migrationFiles embed.FS

// migrations lists every migration, oldest first.
func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "sql/migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		number, title, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		version, err := strconv.ParseUint(number, 10, 32)
		if err != nil || int(version) != len(all)+1 {
			return nil, fmt.Errorf("migration %s is not number %04d", name, len(all)+1)
		}
		m := migration{version: uint32(version), name: title}
		for statement := range strings.SplitSeq(string(text), ";\n") {
			if statement = strings.TrimSpace(statement); statement != "" {
				m.statements = append(m.statements, statement)
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// Migrate brings the database up to the schema that this program needs, creating it if there is none, and
// sets how long the tables keep their rows. Any number of processes may do so at once. A database that a
// newer program has migrated is refused.
func (s *Store) Migrate(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.metrics.errors.WithLabelValues("migrate").Inc()
		}
	}()
	if err := s.checkServer(ctx); err != nil {
		return err
	}
	if err := s.createDatabase(ctx); err != nil {
		return err
	}
	all, err := migrations()
	if err != nil {
		return err
	}
	if err := s.exec(ctx, statement("create_schema_migrations.sql")); err != nil {
		return fmt.Errorf("create the table of migrations: %w", err)
	}
	var current uint32
	err = s.query(ctx, statement("select_schema_version.sql"), nil, func(rows driver.Rows) error { return rows.Scan(&current) })
	if err != nil {
		return fmt.Errorf("select the version of the schema: %w", err)
	}
	if int(current) > len(all) {
		return fmt.Errorf("database %s has schema version %d and this program knows versions up to %d: run the newer release, or give it another database",
			s.cfg.Database, current, len(all))
	}
	for _, m := range all[current:] {
		if err := s.apply(ctx, m); err != nil {
			return fmt.Errorf("migration %04d_%s: %w", m.version, m.name, err)
		}
		s.log.Info("schema migrated", "version", m.version, "name", m.name)
	}
	return s.setRetention(ctx)
}

// createDatabase makes the database, over a connection that does not need it.
func (s *Store) createDatabase(ctx context.Context) error {
	conn, err := dial(s.cfg, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+s.cfg.Database+" ENGINE = Atomic"); err != nil {
		return fmt.Errorf("create database %s: %w", s.cfg.Database, err)
	}
	return nil
}

// apply runs a migration and records it. Statements are safe to repeat, so a process that dies in the
// middle leaves nothing that the next one has to clean up.
func (s *Store) apply(ctx context.Context, m migration) error {
	for _, statement := range m.statements {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	batch, err := s.conn.PrepareBatch(ctx, statement("insert_schema_migration.sql"))
	if err != nil {
		return err
	}
	defer batch.Close()
	if err := batch.Append(m.version, m.name, s.now()); err != nil {
		return err
	}
	return batch.Send()
}

func (s *Store) exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	return s.conn.Exec(ctx, statement)
}

// setRetention makes the tables keep their rows as long as configured. It alters only those that do not
// already, since the server looks through all parts of a table when its TTL changes.
func (s *Store) setRetention(ctx context.Context) error {
	keep := map[string]time.Duration{"nodes": s.cfg.Retention.Hour, "spans": s.cfg.Retention.Traces}
	for _, table := range []string{"call_sites", "edges", "operations"} {
		keep[table+"_10s"] = s.cfg.Retention.Fine
		keep[table+"_1m"] = s.cfg.Retention.Minute
		keep[table+"_1h"] = s.cfg.Retention.Hour
		keep[table+"_6h"] = s.cfg.Retention.Hour
	}
	keep["aliases_1h"] = s.cfg.Retention.Minute
	for _, table := range []string{"outcomes", "halves"} {
		keep[table+"_1m"] = s.cfg.Retention.Minute
		keep[table+"_1h"] = s.cfg.Retention.Hour
	}
	engines := map[string]string{}
	err := s.query(ctx, statement("select_engines.sql"), nil, func(rows driver.Rows) error {
		var table, engine string
		if err := rows.Scan(&table, &engine); err != nil {
			return err
		}
		engines[table] = engine
		return nil
	})
	if err != nil {
		return fmt.Errorf("select the engines of the tables: %w", err)
	}
	var set []string
	for table, d := range keep {
		column := "bucket"
		switch table {
		case "nodes":
			column = "last_seen"
		case "spans":
			column = "toDateTime(start)"
		}
		ttl := fmt.Sprintf("%s + toIntervalSecond(%d)", column, int64(d/time.Second))
		if strings.Contains(engines[table], "TTL "+ttl+" ") {
			continue
		}
		if err := s.exec(ctx, fmt.Sprintf("ALTER TABLE %s MODIFY TTL %s", table, ttl)); err != nil {
			return fmt.Errorf("set the retention of %s: %w", table, err)
		}
		set = append(set, fmt.Sprintf("%s %s", table, d))
	}
	if len(set) > 0 {
		slices.Sort(set)
		s.log.Info("retention set", "tables", strings.Join(set, ", "))
	}
	return nil
}

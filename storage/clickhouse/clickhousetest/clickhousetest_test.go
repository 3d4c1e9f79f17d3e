package clickhousetest_test

import (
	"context"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"faultline/storage/clickhouse/clickhousetest"
	"faultline/storage/clickhouse/embedded"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

func open(t *testing.T, access embedded.Access) clickhouse.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{access.Addr},
		Auth: clickhouse.Auth{Database: access.Database, Username: access.User, Password: access.Password},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestDatabasesAreEmptyAndApart(t *testing.T) {
	ctx := t.Context()
	first, second := clickhousetest.New(t), clickhousetest.New(t)
	if err := open(t, first).Exec(ctx, "CREATE TABLE calls (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	var tables uint64
	const count = "SELECT count() FROM system.tables WHERE database = currentDatabase()"
	if err := open(t, second).QueryRow(ctx, count).Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if tables != 0 {
		t.Errorf("second database has %d tables, want none", tables)
	}
}

func TestDatabaseIsDroppedAfterItsTest(t *testing.T) {
	var gone embedded.Access
	t.Run("inner", func(t *testing.T) {
		gone = clickhousetest.New(t)
		if err := open(t, gone).Exec(t.Context(), "CREATE TABLE calls (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
			t.Fatal(err)
		}
	})
	var left uint64
	err := open(t, clickhousetest.New(t)).QueryRow(context.Background(),
		"SELECT count() FROM system.databases WHERE name = ?", gone.Database).Scan(&left)
	if err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Errorf("database %s is still there", gone.Database)
	}
}

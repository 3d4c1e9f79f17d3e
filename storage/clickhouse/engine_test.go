package clickhouse

import (
	"testing"

	"faultline/storage/clickhouse/clickhousetest"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// testConfig is an empty database on the real engine.
func testConfig(t testing.TB) Config {
	t.Helper()
	access := clickhousetest.New(t)
	cfg := DefaultConfig()
	cfg.Addr, cfg.User, cfg.Password, cfg.Database = []string{access.Addr}, access.User, access.Password, access.Database
	return cfg
}

package clickhouse

import (
	"os"
	"strings"
	"testing"
	"fmt"
	"time"
)

func testConfig(t testing.TB) Config {
	pw, err := os.ReadFile("/tmp/stor/pw")
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Addr = []string{"127.0.0.1:39101"}
	cfg.User, cfg.Password = "faultline", strings.TrimSpace(string(pw))
	cfg.Database = fmt.Sprintf("t%d", time.Now().UnixNano())
	return cfg
}

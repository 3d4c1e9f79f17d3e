package embedded

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// A writer that repeats what was not acknowledged, with the same token, ends up with every row once,
// however often the engine is killed meanwhile.
func TestKillsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	const blocks, rows, kills = 300, 100, 5
	dir := t.TempDir()
	engine, reg := startEngine(t, dir)
	conn := connect(t, engine.Access())
	exec1(t, conn,
		"CREATE DATABASE faultline ENGINE = Atomic",
		"CREATE TABLE faultline.calls (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000")

	for block := range blocks {
		insert := fmt.Sprintf("INSERT INTO faultline.calls SELECT %d + number FROM numbers(%d)", block*rows, rows)
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": fmt.Sprint(block)}))
		if block%(blocks/kills) == blocks/kills/2 {
			pid := oneProcess(t, dir)
			time.AfterFunc(time.Duration(block)*10*time.Microsecond, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		}
		eventually(t, func() error { return conn.Exec(ctx, insert) })
	}
	if n := count(t, conn, "faultline.calls"); n != blocks*rows {
		t.Errorf("%d rows, want %d", n, blocks*rows)
	}
	if n := count(t, conn, "(SELECT DISTINCT n FROM faultline.calls)"); n != blocks*rows {
		t.Errorf("%d different rows, want %d", n, blocks*rows)
	}
	if restarts := metric(t, reg, "faultline_engine_restarts_total"); restarts < kills-1 {
		t.Errorf("%v restarts: the test did not kill what it meant to", restarts)
	}
}

func TestCloseDoesNotWaitForQueries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	timing := testTiming()
	timing.stop = 2 * time.Second
	engine, err := start(t.Context(), testConfig(dir), timing, testLog(t), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, engine.Access())
	ended := make(chan error, 1)
	go func() {
		ended <- conn.Exec(context.Background(), "SELECT sleepEachRow(1) FROM numbers(3600) SETTINGS max_block_size = 1 FORMAT Null")
	}()
	watcher := connect(t, engine.Access())
	eventually(t, func() error {
		if count(t, watcher, "(SELECT 1 FROM system.processes WHERE query LIKE 'SELECT sleepEachRow%')") == 0 {
			return fmt.Errorf("the query does not run yet")
		}
		return nil
	})
	begin := time.Now()
	err = engine.Close()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	if err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("error %v, want that it was killed", err)
	}
	if err := <-ended; err == nil {
		t.Error("the query ended well")
	}
	if err := gone(t, dir)(); err != nil {
		t.Error(err)
	}
}

package clickhouse

import (
	"strings"
	"testing"
	"time"
)

func TestConfigReportsEveryMistake(t *testing.T) {
	cfg := DefaultConfig()
	if err := cfg.Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	cfg.Database = "drop table"
	cfg.Retention.Fine, cfg.Retention.Traces = 90*time.Second, time.Minute
	err := cfg.Validate()
	for _, setting := range []string{"clickhouse.database", "clickhouse.retention.fine", "clickhouse.retention.traces"} {
		if err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("nothing about %s: %v", setting, err)
		}
	}
}

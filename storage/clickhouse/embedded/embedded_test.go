package embedded

import (
	"strings"
	"testing"
)

func TestConfigSaysEveryMistake(t *testing.T) {
	err := Config{MemoryLimit: 1}.Validate()
	for _, want := range []string{"engine.data_dir", "engine.memory_limit", "engine.start_timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s in it", err, want)
		}
	}
	cfg := DefaultConfig()
	cfg.DataDir = "data"
	if err := cfg.Validate(); err != nil {
		t.Errorf("the defaults with a directory: %v", err)
	}
}

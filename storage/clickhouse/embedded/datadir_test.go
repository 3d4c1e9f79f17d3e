package embedded

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestOneSecretForAll(t *testing.T) {
	cfg := testConfig(filepath.Join(t.TempDir(), "made", "on", "the", "way"))
	passwords := make([]string, 16)
	var wg sync.WaitGroup
	for i := range passwords {
		wg.Go(func() {
			var err error
			if _, passwords[i], err = prepareDataDir(cfg); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, password := range passwords {
		if password != passwords[0] || len(password) != 64 {
			t.Fatalf("passwords %q, want one of 64 digits", passwords)
		}
	}
	_, other, err := prepareDataDir(testConfig(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if other == passwords[0] {
		t.Error("two data directories share a password")
	}
}

func TestEmptySecretIsNotUsed(t *testing.T) {
	cfg := testConfig(t.TempDir())
	write(t, dataDir(cfg.DataDir).secret(), nil)
	if _, _, err := prepareDataDir(cfg); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("error %v, want what to do", err)
	}
}

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Who asks at the wrong place is told what is wrong with it.
func TestAskingAtTheWrongPlace(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for from, want := range map[string]string{
		"localhost:8080":     "ask localhost:8080: that is no URL; write http://localhost:8080",
		other.URL:            "something else than the API answers there",
		"http://127.0.0.1:1": "is Faultline running there? --from says where",
	} {
		if _, err := run(t, newRootCommand(), "report", "--from", from); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--from %s: %v, want %s", from, err, want)
		}
	}
	if _, err := run(t, newRootCommand(), "replay"); err == nil || !strings.Contains(err.Error(), "which file?") {
		t.Errorf("replay of nothing: %v", err)
	}
}

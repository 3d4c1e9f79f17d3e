package graph

import (
	"strconv"
	"strings"
	"testing"
)

func TestEveryKeyIsFoundByItsName(t *testing.T) {
	for k := Key(1); k < keyCount; k++ {
		if keyNames[k] == "" {
			t.Errorf("key %d has no name", k)
			continue
		}
		if got, ok := KeyOf(keyNames[k]); !ok || got != k {
			t.Errorf("KeyOf(%q) = %v, %v", keyNames[k], got, ok)
		}
	}
}

func TestUnknownKeys(t *testing.T) {
	for _, name := range []string{"", "x", "service.nam", "service.name ", "Service.Name", "db.statement", strings.Repeat("k", 300)} {
		if k, ok := KeyOf(name); ok {
			t.Errorf("KeyOf(%q) = %v", name, k)
		}
	}
}

func TestAttributes(t *testing.T) {
	var a Attributes
	a.SetText(serviceName, "first")
	a.SetText(serviceName, "second")
	a.SetInt(serverPort, 8080)
	a.SetText(netPeerPort, "9090")
	a.SetText(httpStatusCode, "teapot")
	a.SetBool(messagingDestinationTemporary, true)
	if got := a.Text(serviceName); got != "first" {
		t.Errorf("of two values the first counts, got %q", got)
	}
	if got := a.Text(serverPort); got != "8080" {
		t.Errorf("a number as text is %q", got)
	}
	if n, ok := a.firstInt(httpStatusCode, netPeerPort, serverPort); !ok || n != 9090 {
		t.Errorf("the first number is %d, %v", n, ok)
	}
	if !a.is(messagingDestinationTemporary) || a.is(messagingDestinationAnonymous) {
		t.Error("truth values are mixed up")
	}
	a.Reset()
	for k := Key(1); k < keyCount; k++ {
		if a.has(k) {
			t.Errorf("%s is left after Reset", keyNames[k])
		}
	}
}

// fill sets attributes from lines such as "server.port=443"; numbers become numbers.
func fill(t testing.TB, a *Attributes, lines string) {
	t.Helper()
	a.Reset()
	for line := range strings.SplitSeq(lines, "\n") {
		key, v, found := strings.Cut(strings.TrimSpace(line), "=")
		if !found {
			continue
		}
		k, ok := KeyOf(key)
		if !ok {
			continue // as a decoder does
		}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			a.SetInt(k, n)
		} else {
			a.SetText(k, v)
		}
	}
}

package proc

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestListenSaysWhatToChange(t *testing.T) {
	taken, err := Listen(t.Context(), "API and UI", "127.0.0.1:0", "--listen")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := map[string]struct{ addr, want string }{
		"in use":    {taken.Addr().String(), "is in use by another process; choose another address with --listen (port 0"},
		"no port":   {"localhost", "API and UI: listen on localhost (--listen)"},
		"not local": {"192.0.2.1:0", "API and UI: listen on 192.0.2.1:0 (--listen)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := Listen(t.Context(), "API and UI", tt.addr, "--listen")
			if err == nil {
				l.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %q, want %q in it", err, tt.want)
			}
		})
	}
}

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080",
		"0.0.0.0:8080":   "http://localhost:8080",
		"[::]:8080":      "http://localhost:8080",
		"[::1]:8080":     "http://[::1]:8080",
	} {
		addr, err := net.ResolveTCPAddr("tcp", in)
		if err != nil {
			t.Fatal(err)
		}
		if got := URL(addr); got != want {
			t.Errorf("URL(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestServeDrains(t *testing.T) {
	l, err := Listen(t.Context(), "test", "127.0.0.1:0", "--test")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	inside := make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(inside)
			<-ctx.Done() // the server is told to stop while this request is under way
			_, _ = io.WriteString(w, "whole answer")
		}), 10*time.Second)
	}()
	go func() { <-inside; stop() }()
	resp, err := http.Get(URL(l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "whole answer" {
		t.Errorf("answer is %q (%v)", b, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

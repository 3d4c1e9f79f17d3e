package proc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Listen opens a TCP listener. what and flag say in its errors what it is for and how to choose another
// address.
func Listen(ctx context.Context, what, addr, flag string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	return l, ListenError(err, what, addr, flag)
}

// ListenError says what a failure to listen on addr means and what to do about it; nil stays nil.
func ListenError(err error, what, addr, flag string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %s is in use by another process; choose another address with %s (port 0 takes any free one)", what, addr, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: no permission to listen on %s; choose a port from 1024 up with %s", what, addr, flag)
	default:
		return fmt.Errorf("%s: listen on %s (%s): %w", what, addr, flag, err)
	}
}

// URL is the address of an HTTP listener as a person on this machine can open it.
func URL(addr net.Addr) string { return "http://" + Dialable(addr) }

// Dialable is addr with a host that can be dialled in place of "all interfaces".
func Dialable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// Serve serves HTTP on l until ctx ends, then lets the requests under way finish for up to drain. There is
// no timeout on the whole of a request: it would end event streams and long profiles.
func Serve(ctx context.Context, l net.Listener, h http.Handler, drain time.Duration) error {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    32 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := s.Shutdown(last); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

package otlp

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// listener accepts at most cap(slots) connections at once and lets none grow too old. Those over the
// limit wait in the kernel's queue.
type listener struct {
	net.Listener
	limits Limits
	slots  chan struct{}
	done   chan struct{} // closed with the listener
	once   sync.Once
}

func listen(addr string, limits Limits) (*listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &listener{Listener: l, limits: limits, slots: make(chan struct{}, limits.Connections), done: make(chan struct{})}, nil
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	// A tenth of jitter, so that connections made together do not come back together.
	age := l.limits.ConnectionAge
	age += rand.N(age/5+1) - age/10
	conn := &agedConn{TCPConn: c.(*net.TCPConn), old: time.Now().Add(age), slots: l.slots}
	conn.cut = time.AfterFunc(age+l.limits.ConnectionGrace, func() { _ = conn.TCPConn.Close() })
	return conn, nil
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// agedConn is a connection that knows when it is old.
type agedConn struct {
	*net.TCPConn
	old   time.Time
	cut   *time.Timer
	slots chan struct{}
	once  sync.Once
}

func (c *agedConn) Close() error {
	c.once.Do(func() {
		c.cut.Stop()
		<-c.slots
	})
	return c.TCPConn.Close()
}

type connKey struct{}

// withConn keeps a request's connection in its context, for retire.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// retire asks the client to connect anew if its connection is old. On HTTP/2 the server turns the header
// into a GOAWAY, which lets the requests in progress finish.
func retire(w http.ResponseWriter, r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*agedConn); ok && time.Now().After(c.old) {
		w.Header().Set("Connection", "close")
	}
}

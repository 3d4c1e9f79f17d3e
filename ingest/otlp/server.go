package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Server is the two OTLP doors, gRPC and HTTP. They share one byte budget and one way in.
type Server struct {
	cfg      Config
	log      *slog.Logger
	consumer Consumer
	decoder  *Decoder
	metrics  *serverMetrics
	certs    *certificates // nil: plain text

	budget    budget
	gate      *gate
	pace      pace
	unpacking chan struct{} // a place for each body being decompressed

	grpc, http *door
}

// door is one port and the server behind it.
type door struct {
	transport string
	addr      string
	server    *http.Server
	listener  *listener // nil before Listen
	received  prometheus.Counter
	duration  prometheus.Observer
}

// New returns a Server that hands what it accepts to consumer. It opens nothing; its error tells what is
// wrong with cfg.
func New(cfg Config, consumer Consumer, log *slog.Logger, reg prometheus.Registerer) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:       cfg,
		log:       log.With("component", "otlp"),
		consumer:  consumer,
		decoder:   NewDecoder(cfg.Decode),
		gate:      newGate(),
		unpacking: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	s.budget.size = cfg.Limits.inFlight()
	s.metrics = newMetrics(reg, &s.budget)
	if cfg.TLS.CertFile != "" {
		var err error
		if s.certs, err = loadCertificates(cfg.TLS, s.log); err != nil {
			return nil, err
		}
	}
	s.grpc = s.newDoor("grpc", cfg.GRPCAddr, s.serveGRPC)
	s.http = s.newDoor("http", cfg.HTTPAddr, s.serveHTTP)
	return s, nil
}

func (s *Server) newDoor(transport, addr string, handler http.HandlerFunc) *door {
	l := s.cfg.Limits
	server := &http.Server{
		Handler:           handler,
		Protocols:         new(http.Protocols),
		ReadHeaderTimeout: l.HeaderTime,
		ReadTimeout:       l.BodyTime, // bodies that are read have a stricter deadline, see pacedBody
		WriteTimeout:      l.BodyTime + l.AnswerTime + l.HeaderTime,
		IdleTimeout:       l.IdleTime,
		MaxHeaderBytes:    l.HeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ConnContext:       withConn,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: l.Streams},
	}
	server.Protocols.SetHTTP1(true) // at the gRPC door only to say that it is the wrong one
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	if s.certs != nil {
		server.TLSConfig = &tls.Config{GetConfigForClient: s.certs.forClient, MinVersion: tls.VersionTLS12}
	}
	return &door{
		transport: transport,
		addr:      addr,
		server:    server,
		received:  s.metrics.received.WithLabelValues(transport),
		duration:  s.metrics.duration.WithLabelValues(transport),
	}
}

// Listen opens both ports, so that their addresses are known. Nothing is accepted before Run.
func (s *Server) Listen() error {
	for _, d := range []*door{s.grpc, s.http} {
		l, err := listen(d.addr, s.cfg.Limits)
		if err != nil {
			s.close()
			return fmt.Errorf("listen for OTLP over %s: %w", d.transport, err)
		}
		d.listener = l
	}
	return nil
}

// GRPCAddr is the address of the gRPC door after Listen.
func (s *Server) GRPCAddr() net.Addr { return s.grpc.listener.Addr() }

// HTTPAddr is the address of the HTTP door after Listen.
func (s *Server) HTTPAddr() net.Addr { return s.http.listener.Addr() }

// Run serves until ctx ends. Then it refuses new requests, waits up to the drain time for those in
// progress, and closes both ports. It must follow Listen, and may be called once.
func (s *Server) Run(ctx context.Context) error {
	ended := make(chan error, 2)
	for _, d := range []*door{s.grpc, s.http} {
		s.log.Info("listening for OTLP", "transport", d.transport, "addr", d.listener.Addr().String(), "tls", s.certs != nil)
		go func() { ended <- d.serve() }()
	}
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		s.drain(context.WithoutCancel(ctx))
		err = <-ended
	}
	s.close()
	return errors.Join(err, <-ended)
}

func (d *door) serve() error {
	var err error
	if d.server.TLSConfig != nil {
		err = d.server.ServeTLS(d.listener, "", "")
	} else {
		err = d.server.Serve(d.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve OTLP over %s: %w", d.transport, err)
}

// drain lets the requests in progress finish. Others are refused meanwhile, in words that make their
// senders come again, and then find another replica or this one restarted.
func (s *Server) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Limits.DrainTime)
	defer cancel()
	if left := s.gate.close(ctx); left > 0 {
		s.log.Warn("requests cut off at shutdown", "requests", left, "drain_time", s.cfg.Limits.DrainTime)
	}
	// All requests have been answered; this is for the last bytes of the answers to leave.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for _, d := range []*door{s.grpc, s.http} {
		_ = d.server.Shutdown(ctx) // what it leaves open, close ends
	}
}

// close ends both doors at once.
func (s *Server) close() {
	for _, d := range []*door{s.grpc, s.http} {
		_ = d.server.Close() // there is nobody left to tell
		if d.listener != nil {
			_ = d.listener.Close()
		}
	}
}

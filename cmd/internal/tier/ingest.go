package tier

import (
	"context"
	"errors"
	"net"

	"faultline/cmd/internal/proc"
	"faultline/ingest"
	"faultline/ingest/otlp"
)

// StartIngest starts the ingest tier: the OTLP doors, and behind them what turns spans into rows for w. On
// the way down the doors close first, and what they let in is written before w may go.
func (p *Process) StartIngest(ctx context.Context, w ingest.BlockWriter) error {
	service := ingest.New(p.Config.Ingest, w, p.Log, p.Registry)
	doors, err := otlp.New(p.Config.OTLP, service, p.Log, p.Registry)
	if err != nil {
		return err
	}
	if err := doors.Listen(); err != nil {
		return p.doorError(err)
	}
	p.doors = doors
	p.Health.Add("ingest", func(context.Context) error { return service.Ready() })
	p.Parts.Go(ctx, "ingest", service.Run)
	p.Parts.Go(ctx, "otlp", doors.Run)
	p.Announce("otlp_grpc", proc.Dialable(doors.GRPCAddr()))
	p.Announce("otlp_http", proc.URL(doors.HTTPAddr()))
	return nil
}

// OTLPEndpoint is host:port of the process's own OTLP/gRPC door, and whether it expects TLS.
func (p *Process) OTLPEndpoint() (addr string, tls bool) {
	return proc.Dialable(p.doors.GRPCAddr()), p.Config.OTLP.TLS.CertFile != ""
}

// doorError names the flag of the door that could not be opened.
func (p *Process) doorError(err error) error {
	flag, addr := "--otlp-http", p.Config.OTLP.HTTPAddr
	var op *net.OpError
	if _, port, _ := net.SplitHostPort(p.Config.OTLP.GRPCAddr); errors.As(err, &op) && op.Addr != nil {
		if _, failed, _ := net.SplitHostPort(op.Addr.String()); failed == port {
			flag, addr = "--otlp-grpc", p.Config.OTLP.GRPCAddr
		}
	}
	return proc.ListenError(err, "OTLP", addr, flag)
}

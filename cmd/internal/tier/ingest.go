package tier

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"faultline/cmd/internal/proc"
	"faultline/ingest"
	"faultline/ingest/exchange"
	"faultline/ingest/journal"
	"faultline/ingest/otlp"
	"faultline/storage/clickhouse"
)

// StartIngest starts the ingest tier: the OTLP doors, and behind them what turns spans into rows in store. If
// the settings leave it open, alone says whether this is the only process that takes spans in. On the way
// down the doors close first, and what they let in is written before the store may go.
func (p *Process) StartIngest(ctx context.Context, store *clickhouse.Store, alone bool) error {
	log, err := p.openJournal()
	if err != nil {
		return err
	}
	p.Parts.Close(ctx, "journal", log.Close)
	var shared exchange.Store
	if r := p.Config.Ingest.Replicas; r == ingest.Several || r == ingest.Auto && !alone {
		shared = exchangeStore{store}
	}
	service := ingest.New(p.Config.Ingest, log, otlp.NewDecoder(p.Config.OTLP.Decode), store, shared, proc.Version, p.Log, p.Registry)
	p.graph.Set(service.ServiceGraph())
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

// maxJournals is how many processes on one machine find a journal of their own without being told.
const maxJournals = 100

// openJournal opens the journal in the folder that the settings name, or else the first in the data folder
// that no other process uses: each has its own, and one that comes back finds what it left.
func (p *Process) openJournal() (*journal.Journal, error) {
	cfg := p.Config.Ingest.Journal
	if cfg.Dir != "" {
		return journal.Open(cfg, p.Log, p.Registry)
	}
	dir, err := p.Config.Data()
	if err != nil {
		return nil, err
	}
	for n := range maxJournals {
		cfg.Dir = filepath.Join(dir, "journal", strconv.Itoa(n))
		log, err := journal.Open(cfg, p.Log, p.Registry)
		if err == nil || !errors.Is(err, journal.ErrLocked) {
			return log, err
		}
	}
	return nil, fmt.Errorf("%d processes have their journals in %s: give this one a folder of its own, --data-dir", maxJournals, dir)
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

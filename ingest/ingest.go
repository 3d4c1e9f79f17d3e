// Package ingest turns batches of spans into rows of the dependency graph: it keeps what the doors admit in
// a journal on disk, matches spans into calls, folds the calls, and hands a block of rows to storage every
// few seconds.
//
// Behind the journal everything is a machine that goes from record to record, so that a process killed at
// any point finds the same rows again, and storage knows the repetition by its token: every span that was
// acknowledged counts, and counts once. One goroutine runs the machine; another stores, so that a slow
// database never stops the first. At most one block is under way: meanwhile rows add up in memory, whose
// size depends on the number of edges and buckets and not on the number of spans. When they are too many the
// machine pauses and the journal grows; when that reaches its bound, Consume says so and senders are asked
// to come again.
package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"faultline/graph"
	"faultline/ingest/exchange"
	"faultline/ingest/journal"
	"faultline/ingest/otlp"
)

// Writer is where rows go. It keeps nothing of what it is given after it returns.
type Writer interface {
	// Write stores a block. A block with a token that was written before changes nothing.
	Write(ctx context.Context, b graph.Block) error
	// WritePipeline stores what this process has counted so far.
	WritePipeline(ctx context.Context, r graph.PipelineRow) error
}

// Registry is where metrics are registered and read again.
type Registry interface {
	prometheus.Registerer
	prometheus.Gatherer
}

// Service journals, matches and stores what the doors admit.
type Service struct {
	cfg     Config
	journal *journal.Journal
	decoder *otlp.Decoder
	writer  Writer
	breaker *breaker // in front of writer and shared
	log     *slog.Logger
	metrics *metrics
	seen    *duplicates

	feed      chan item        // records that were just written, in their order; some may be left out
	found     journal.Position // end of the journal when this process opened it
	lastTaken journal.Position // put into feed or left out; only used where the journal gives out positions
	queued    atomic.Int64     // spans in feed
	rows      atomic.Int64     // rows not yet stored
	stored    atomic.Int64     // Unix ns: all that came before is stored
	matched   atomic.Int64     // Unix ns: where several processes meet, all that came before is matched and stored; 0: not known
	behind    atomic.Int64     // Unix ns: time of the last record that the machine has taken
	written   atomic.Int64     // Unix ns: time of the last record in the journal
	gatherer  prometheus.Gatherer
	version   string
	started   time.Time
	replica   string
	graph     *serviceGraph
	shared    exchange.Store // nil: this process is the only one
	led       chan struct{}  // closed when this process does not lead any more

	// Owned by the goroutine that runs the machine.
	machine *machine
	spill   *spill // nil: none could be opened
	saved   checkpoint
	busy    bool            // a block is being stored
	reader  *journal.Reader // nil: the machine lives off the feed
	pace    pace
	marks   []mark // ends of blocks in the journal, oldest first
}

// item is a record fresh from the door.
type item struct {
	before, at journal.Position
	received   time.Time
	batch      *otlp.Batch // nil for a tick
}

// mark is the end of a stored block.
type mark struct {
	at   journal.Position
	time time.Time
}

// New returns a Service that keeps what it admits in j and stores what it finds with w. If it is not nil,
// shared is where several such processes meet that count as one. It does nothing until Run.
func New(cfg Config, j *journal.Journal, d *otlp.Decoder, w Writer, shared exchange.Store, version string, log *slog.Logger, reg Registry) *Service {
	guard := newBreaker(reg)
	if shared != nil {
		shared = guardedStore{shared, guard}
	}
	s := &Service{
		cfg: cfg, journal: j, decoder: d, writer: guardedWriter{w, guard}, breaker: guard, log: log.With("component", "ingest"),
		gatherer: reg, version: version, started: time.Now(), shared: shared, led: make(chan struct{}), graph: newServiceGraph(cfg.ServiceGraph),
		feed: make(chan item, 4096), found: j.End(), lastTaken: j.End(), seen: newDuplicates(cfg.Match.Keep),
	}
	s.metrics = newMetrics(reg, s)
	if shared == nil {
		s.machine = s.newMachine()
	}
	return s
}

// ServiceGraph writes the metrics that Grafana's service graph reads, in Prometheus' text format. They are not in the registry
// given to New: there are many for each edge.
func (s *Service) ServiceGraph() io.WriterTo { return s.graph }

// newMachine returns a machine that is silent, in the place of all made before.
func (s *Service) newMachine() *machine {
	s.closeSpill()
	m := newMachine(s.cfg, s.graph)
	var err error
	if s.spill, err = newSpill(s.cfg.Journal.Dir, s.journal.Writable, s.log, s.metrics.spillFailed); err != nil {
		s.log.Warn("spans that memory has no room for are forgotten early", "err", err)
	} else {
		m.matcher.SpillTo(s.spill)
	}
	return m
}

func (s *Service) closeSpill() {
	if s.spill == nil {
		return
	}
	if err := s.spill.close(); err != nil {
		s.log.Warn("file of spilled spans not closed", "err", err)
	}
	s.spill = nil
}

// newReplica names a journal; no two have the same name.
func newReplica() string {
	var b [8]byte
	rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// Consume keeps a batch on disk and takes it over, or returns otlp.ErrOverloaded when there is no room for
// it now.
func (s *Service) Consume(ctx context.Context, b *otlp.Batch) error {
	hash, received := b.Body.Hash, b.Body.Received
	if s.seen.has(hash) {
		s.metrics.repeated.Inc()
		release(b)
		return nil
	}
	s.wait(ctx)
	record, done := recordOf(b)
	defer done()
	_, err := s.journal.Append(ctx, record, func(at journal.Position) { s.enqueue(at, received, b) })
	switch {
	case errors.Is(err, journal.ErrFull):
		return fmt.Errorf("%w: %w", otlp.ErrOverloaded, err)
	case err != nil:
		return err
	}
	s.seen.add(hash, received)
	return nil
}

// patience is how long a sender waits for the machine to catch up. After it the batch goes to disk only, and
// is decoded a second time when the machine gets there.
const patience = 100 * time.Millisecond

// wait lets a sender wait while the machine has enough to do.
func (s *Service) wait(ctx context.Context) {
	for until := time.Now().Add(patience); s.queued.Load() > int64(s.cfg.MaxQueued) && time.Now().Before(until) && ctx.Err() == nil; {
		time.Sleep(patience / 50)
	}
}

// release gives the memory of a batch back that is not needed any more.
func release(b *otlp.Batch) {
	if b != nil && b.Release != nil {
		b.Release()
	}
}

// enqueue gives a record that was just written to the machine, unless it has enough to do: then it reads the
// record from disk when it gets there. The journal calls it in the order of positions, one call at a time.
func (s *Service) enqueue(at journal.Position, received time.Time, b *otlp.Batch) {
	if s.shared != nil {
		s.written.Store(received.UnixNano())
		release(b) // it is read from the journal
		return
	}
	it := item{before: s.lastTaken, at: at, received: received, batch: b}
	s.written.Store(received.UnixNano())
	s.lastTaken = at
	if b == nil {
		select {
		case s.feed <- it:
		default:
		}
		return
	}
	n := int64(len(b.Spans))
	if s.queued.Load() > int64(s.cfg.MaxQueued) {
		release(b)
		return
	}
	s.queued.Add(n)
	select {
	case s.feed <- it:
	default:
		s.queued.Add(-n)
		release(b)
	}
}

// Ready reports why spans cannot be kept now, or nil. A database that is away does not matter here until
// the journal is full.
func (s *Service) Ready() error { return s.journal.Writable() }

// Run runs the machine and stores its rows until ctx ends. The doors must have stopped by then. What they
// handed over and is not stored within Config.DrainTimeout waits in the journal for the next start.
func (s *Service) Run(ctx context.Context) (err error) {
	if s.saved, err = s.loadCheckpoint(); err != nil {
		return err
	}
	if end := s.found; s.saved.Cut > end {
		// Records that the checkpoint speaks of are gone, and their positions are given out again: under a new
		// name, or the rows of new records would be taken for repetitions.
		s.log.Error("the journal has lost its last records; what of them was not stored is lost", "end", int64(end), "checkpoint", int64(s.saved.Cut))
		s.saved.Replica, s.saved.Stored = newReplica(), min(s.saved.Stored, end)
		s.saved.Cut = s.saved.Stored
		if err := s.saveCheckpoint(s.saved); err != nil {
			return err
		}
	}
	s.replica = s.saved.Replica
	s.stored.Store(s.saved.Time.UnixNano())
	defer s.closeSpill()
	if s.shared != nil {
		return s.runShared(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	blocks := make(chan block)
	stored := make(chan block, 1)
	g := new(errgroup.Group)
	g.Go(func() error { s.store(ctx, blocks, stored); return nil })
	g.Go(func() error { s.report(ctx); return nil })
	err = s.work(ctx, blocks, stored)
	close(blocks)
	cancel() // a machine that cannot go on must not leave the doors open
	return errors.Join(err, g.Wait())
}

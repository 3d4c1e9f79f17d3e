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

// work is the loop of the machine's goroutine.
func (s *Service) work(ctx context.Context, blocks chan<- block, stored <-chan block) error {
	if err := s.recover(ctx, blocks); err != nil {
		return err
	}
	defer s.follow()
	tick := time.NewTicker(s.cfg.FlushEvery)
	defer tick.Stop()
	for {
		var feed <-chan item
		var next <-chan time.Time
		switch {
		case s.paused():
		case s.reader == nil:
			feed = s.feed
		default:
			next = after(s.pace.wait())
		}
		select {
		case it := <-feed:
			s.takeItem(it)
		case <-next:
			if err := s.takeNext(blocks); err != nil {
				return err
			}
		case b, ok := <-stored:
			if !ok {
				return nil // the end has come, and what could not be stored waits in the journal
			}
			s.settle(b)
		case <-tick.C:
			s.beat(ctx, blocks)
		case <-ctx.Done():
			s.drain(blocks, stored)
			return nil
		}
	}
}

// after is time.After, which is ready at once if there is nothing to wait for.
func after(d time.Duration) <-chan time.Time {
	if d > 0 {
		return time.After(d)
	}
	return past
}

var past = func() chan time.Time { c := make(chan time.Time); close(c); return c }()

// paused reports whether there are as many rows as may be and the database has to catch up.
func (s *Service) paused() bool { return s.busy && s.machine.folder.Rows() > s.cfg.MaxRows }

// takeItem takes a record from the feed, unless one before it was left out: then the machine has to read.
func (s *Service) takeItem(it item) {
	if it.batch != nil {
		s.queued.Add(-int64(len(it.batch.Spans)))
	}
	switch {
	case it.at <= s.machine.at: // read already
	case it.before > s.machine.at:
		s.read()
	default:
		s.machine.take(it.at, it.received, it.batch)
		s.behind.Store(it.received.UnixNano())
	}
	release(it.batch)
}

// read makes the machine go on from the journal.
func (s *Service) read() {
	if s.reader == nil {
		s.reader = s.journal.Read(s.machine.at)
		s.pace = pace{factor: s.cfg.CatchUp}
	}
}

// follow makes the machine live off the feed again.
func (s *Service) follow() {
	if s.reader != nil {
		_ = s.reader.Close() // it was only read
		s.reader = nil
	}
}

// takeNext takes the next record of the journal.
func (s *Service) takeNext(blocks chan<- block) error {
	r, err := s.reader.Next()
	if errors.Is(err, io.EOF) {
		s.follow()
		s.wake()
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if s.machine.silent && r.Position > s.saved.Stored {
		s.wake()
	}
	b, err := s.batchOf(&r)
	if err != nil {
		// It was acknowledged, and cannot be used: only a release that lost the ability to read it gets here.
		s.log.Error("record skipped", "position", int64(r.Position), "err", err)
		s.metrics.unreadable.Inc()
	}
	s.machine.take(r.Position, r.Time, b)
	release(b)
	s.behind.Store(r.Time.UnixNano())
	s.pace.took(r.Time)
	if r.Position == s.saved.Cut && s.saved.Cut > s.saved.Stored && !s.busy {
		s.send(blocks) // the block that was being stored when the process ended: the same again
	}
	return nil
}

// recover begins where an earlier run ended: the machine reads again what it has to remember, silently, and
// then what is not stored yet.
func (s *Service) recover(ctx context.Context, blocks chan<- block) error {
	if s.journal.End() == 0 {
		s.wake()
		return nil
	}
	start, records := time.Now(), 0
	if s.saved.Stored == 0 {
		s.wake()
	}
	s.read()
	for s.machine.silent && ctx.Err() == nil {
		if err := s.takeNext(blocks); err != nil {
			return err
		}
		if records++; records%256 == 0 {
			s.marks = append(s.marks, mark{s.machine.at, s.machine.time})
		}
		if s.reader == nil || s.machine.at >= s.saved.Stored {
			s.wake()
		}
	}
	s.pace = pace{factor: s.cfg.CatchUp} // what was read again took no time
	s.log.Info("journal read again", "records", records, "took", time.Since(start).String(), "stored_to", s.saved.Time)
	return nil
}

// wake makes the machine speak: what it finds from here on is not stored yet.
func (s *Service) wake() {
	if s.machine.silent {
		s.machine.silent = false
		s.metrics.skip(s.machine)
	}
}

// beat does what is due every Config.FlushEvery.
func (s *Service) beat(ctx context.Context, blocks chan<- block) {
	now := time.Now()
	if s.reader == nil && len(s.feed) == 0 && s.journal.End() > s.machine.at {
		s.read() // the last records were left out of the feed
	}
	if s.reader == nil && now.Sub(s.machine.time) >= time.Second && s.machine.matcher.Counters().Waiting > 0 {
		// Waits end by the time of records; where none come, time itself is put down.
		_, err := s.journal.Append(ctx, journal.Record{Kind: recordTick, Time: now},
			func(at journal.Position) { s.enqueue(at, now, nil) })
		if err != nil && !errors.Is(err, journal.ErrFull) {
			s.log.Warn("time not put down", "err", err)
		}
	}
	s.metrics.observe(s.machine)
	if !s.busy && s.machine.at > s.saved.Cut {
		s.send(blocks)
	}
	s.rows.Store(int64(s.machine.folder.Rows()))
}

// send cuts a block and hands it to the goroutine that stores, after its place was put down.
func (s *Service) send(blocks chan<- block) {
	b := block{at: s.machine.at, time: s.machine.time, Block: s.machine.flush()}
	if b.Rows() == 0 {
		s.advance(b)
		return
	}
	b.Token = fmt.Sprintf("%s-%d", s.saved.Replica, b.at)
	s.saved.Cut = b.at
	b.checkpoint = s.saved
	s.busy = true
	blocks <- b
}

// settle notes that b is stored.
func (s *Service) settle(b block) {
	s.busy = false
	s.advance(b)
}

// advance moves the checkpoint to the end of b, and lets go of what nobody will read again. It is saved with
// the next block.
func (s *Service) advance(b block) {
	s.saved.Stored, s.saved.Time = b.at, b.time
	s.saved.Cut = max(s.saved.Cut, b.at)
	s.stored.Store(b.time.UnixNano())
	s.marks = append(s.marks, mark{b.at, b.time})
	needed := b.time.Add(-s.cfg.Match.Keep - s.cfg.Match.Wait)
	n := 0
	for n+1 < len(s.marks) && s.marks[n+1].time.Before(needed) {
		n++
	}
	if n == 0 && len(s.marks) > 1 && float64(s.journal.Stats().Bytes) > replayShare*float64(s.cfg.Journal.MaxBytes) {
		n = 1
	}
	if s.journal.Writable() != nil {
		n = len(s.marks) - 1 // to keep what comes matters more than to remember what was
	}
	if n > 0 {
		s.marks = append(s.marks[:0], s.marks[n:]...)
		if err := s.journal.Release(s.marks[0].at); err != nil {
			s.log.Warn("stored records not deleted", "err", err)
		}
	}
}

// replayShare is the share of the journal's bound that records may take which are stored already and only
// kept to be remembered after a restart.
const replayShare = 0.5

// drain takes what the doors handed over last and cuts the last block.
func (s *Service) drain(blocks chan<- block, stored <-chan block) {
	for s.reader == nil && len(s.feed) > 0 {
		s.takeItem(<-s.feed)
	}
	if !s.awaitStored(stored) || s.machine.silent || s.machine.at <= s.saved.Cut {
		return
	}
	s.send(blocks)
	if s.awaitStored(stored) {
		if err := s.saveCheckpoint(s.saved); err != nil {
			s.log.Warn("the last block is stored and will be sent once more", "err", err)
		}
	}
}

// awaitStored waits for the block under way. It is false if that could not be stored in time: it waits in
// the journal.
func (s *Service) awaitStored(stored <-chan block) bool {
	if !s.busy {
		return true
	}
	b, ok := <-stored
	if ok {
		s.settle(b)
	}
	return ok
}

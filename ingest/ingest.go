// Package ingest turns batches of spans into rows of the dependency graph: it matches spans into calls,
// folds the calls, and hands a block of rows to storage every few seconds.
//
// One goroutine matches, so that equal input gives equal rows; another stores, so that a slow database
// never stops the first. At most one block is under way: meanwhile rows add up in memory, whose size
// depends on the number of edges and buckets and not on the number of spans. When that, or the queue of
// admitted batches, reaches its bound, Consume says so and senders are asked to come again.
package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"faultline/graph"
	"faultline/graph/match"
	"faultline/graph/rollup"
	"faultline/ingest/otlp"
)

// BlockWriter is where blocks go. Writing a block with a token that was written before changes nothing. It
// keeps nothing of the block after it returns.
type BlockWriter interface {
	Write(ctx context.Context, b graph.Block) error
}

// Service matches and stores what the doors admit.
type Service struct {
	cfg     Config
	writer  BlockWriter
	log     *slog.Logger
	metrics *metrics

	batches chan *otlp.Batch
	queued  atomic.Int64 // spans in batches
	rows    atomic.Int64 // rows not yet stored
	full    atomic.Bool

	// Owned by the matching goroutine.
	names   *match.Names
	folder  *rollup.Folder
	matcher *match.Matcher
	graph   *serviceGraph
	origin  string
	flushes int64
}

// New returns a Service that stores what it finds with writer. It does nothing until Run.
func New(cfg Config, writer BlockWriter, log *slog.Logger, reg prometheus.Registerer) *Service {
	names := match.NewNames(cfg.Match.Limits)
	folder := rollup.New(cfg.Rollup, names)
	s := &Service{
		cfg: cfg, writer: writer, log: log.With("component", "ingest"),
		batches: make(chan *otlp.Batch, 4096), names: names, folder: folder, origin: newOrigin(),
	}
	s.metrics = newMetrics(reg, s)
	s.graph = newServiceGraph(names)
	reg.MustRegister(s.graph)
	s.matcher = match.New(cfg.Match, names, tee{folder, s.graph})
	return s
}

// newOrigin names this run of the process; no two runs write the same tokens.
func newOrigin() string {
	var b [8]byte
	rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// tee tells two sinks.
type tee struct {
	folder *rollup.Folder
	graph  *serviceGraph
}

func (t tee) Call(c *match.Call)         { t.folder.Call(c); t.graph.Call(c) }
func (t tee) Request(r *match.Request)   { t.folder.Request(r) }
func (t tee) Half(h *match.Half)         { t.folder.Half(h) }
func (t tee) Outcome(o *match.Outcome)   { t.folder.Outcome(o) }
func (t tee) Evidence(s *match.Evidence) { t.folder.Evidence(s) }

// Consume takes a batch over, or returns otlp.ErrOverloaded when there is no room for it now.
func (s *Service) Consume(ctx context.Context, b *otlp.Batch) error {
	n := int64(len(b.Spans))
	if s.full.Load() || s.queued.Load() > int64(s.cfg.MaxQueued) {
		return otlp.ErrOverloaded
	}
	s.queued.Add(n)
	select {
	case s.batches <- b:
		return nil
	case <-ctx.Done():
		s.queued.Add(-n)
		return ctx.Err()
	default:
		s.queued.Add(-n)
		return otlp.ErrOverloaded
	}
}

// Ready reports why spans cannot be taken now, or nil. A database that is away does not matter here until
// memory is full of rows for it.
func (s *Service) Ready() error {
	if s.full.Load() {
		return fmt.Errorf("%d rows wait for the database, the most that ingest.max_rows allows", s.rows.Load())
	}
	return nil
}

// Run matches and stores until ctx ends. The doors must have stopped by then: what they handed over is
// matched and stored before Run returns, within Config.DrainTimeout.
func (s *Service) Run(ctx context.Context) error {
	blocks := make(chan graph.Block)
	stored := make(chan struct{}, 1)
	g := new(errgroup.Group)
	g.Go(func() error { return s.store(ctx, blocks, stored) })
	s.match(ctx, blocks, stored)
	close(blocks)
	return g.Wait()
}

// match is the loop of the matching goroutine.
func (s *Service) match(ctx context.Context, blocks chan<- graph.Block, stored <-chan struct{}) {
	tick := time.NewTicker(s.cfg.FlushEvery)
	defer tick.Stop()
	busy := false
	for {
		select {
		case b := <-s.batches:
			s.take(b)
		case <-stored:
			busy = false
		case <-tick.C:
			s.matcher.Advance(time.Now())
			s.observe()
			if !busy {
				if b := s.flush(); b.Rows() > 0 {
					busy = true
					blocks <- b
				}
			}
			s.full.Store(s.folder.Rows() > s.cfg.MaxRows)
		case <-ctx.Done():
			for len(s.batches) > 0 {
				s.take(<-s.batches)
			}
			if b := s.flush(); b.Rows() > 0 {
				blocks <- b
			}
			return
		}
	}
}

func (s *Service) take(b *otlp.Batch) {
	s.matcher.Advance(time.Now())
	for i := range b.Spans {
		s.matcher.Add(b.Tenant, &b.Spans[i])
	}
	s.queued.Add(-int64(len(b.Spans)))
}

// flush cuts the next block.
func (s *Service) flush() graph.Block {
	b := s.folder.Flush()
	s.flushes++
	b.Token = fmt.Sprintf("%s-%d", s.origin, s.flushes)
	s.rows.Store(int64(len(b.CallSites) + len(b.Operations)))
	return b
}

// store writes blocks one after another, each until it is stored.
func (s *Service) store(ctx context.Context, blocks <-chan graph.Block, stored chan<- struct{}) error {
	var lost error
	for b := range blocks {
		if err := s.write(ctx, b); err != nil { // only when stopping: it did not get through in time
			lost = errors.Join(lost, fmt.Errorf("store the last %d rows: %w", len(b.CallSites)+len(b.Operations), err))
		}
		select {
		case stored <- struct{}{}:
		default:
		}
	}
	return lost
}

// write stores one block, trying again with growing, jittered pauses until it succeeds or, once ctx has
// ended, Config.DrainTimeout is over.
func (s *Service) write(ctx context.Context, b graph.Block) error {
	drain, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.cfg.DrainTimeout, cancel) })()
	pause := backoff{first: 200 * time.Millisecond, most: 10 * time.Second}
	for {
		start := time.Now()
		attempt, done := context.WithTimeout(drain, s.cfg.WriteTimeout)
		err := s.writer.Write(attempt, b)
		done()
		if err == nil {
			s.metrics.flushed(time.Since(start), b)
			return nil
		}
		if drain.Err() != nil {
			return err
		}
		s.metrics.writeErrors.Inc()
		wait := pause.next()
		s.log.Warn("rows are kept and written again", "err", err, "rows", len(b.CallSites)+len(b.Operations), "retry_in", wait.String())
		select {
		case <-time.After(wait):
		case <-drain.Done():
			return err
		}
	}
}

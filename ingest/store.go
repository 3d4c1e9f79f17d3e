package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"faultline/graph"
	"faultline/ingest/journal"
)

// block is a block under way, with where in the journal it ends.
type block struct {
	graph.Block
	at         journal.Position
	time       time.Time
	checkpoint checkpoint // to be saved before it is sent
}

// store writes blocks one after another, each until it is stored. It closes stored when it cannot go on:
// once ctx has ended, and with it the time to try.
func (s *Service) store(ctx context.Context, blocks <-chan block, stored chan<- block) {
	defer close(stored)
	drain, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.cfg.DrainTimeout, cancel) })()
	for b := range blocks {
		if err := s.write(drain, b); err != nil {
			s.log.Warn("rows not stored before the end; they are stored after the next start", "err", err, "rows", b.Rows())
			return
		}
		stored <- b
	}
}

// write stores one block. The journal up to its end, and the end itself, are on disk first: whatever is
// lost with the power, no row may be stored that another run would find differently.
func (s *Service) write(ctx context.Context, b block) error {
	return s.insist(ctx, b.Rows(), func(within time.Duration) error {
		if err := s.journal.Sync(); err != nil {
			return fmt.Errorf("sync the journal: %w", err)
		}
		if err := s.saveCheckpoint(b.checkpoint); err != nil {
			return err
		}
		return s.tryWrite(ctx, within, b.Block)
	})
}

// writeUntilStored stores a block that nothing on this machine's disk depends on.
func (s *Service) writeUntilStored(ctx context.Context, b graph.Block) error {
	return s.insist(ctx, b.Rows(), func(within time.Duration) error { return s.tryWrite(ctx, within, b) })
}

// pause is how long to wait before trying again what failed with err.
func (s *Service) pause(err error, again *backoff) time.Duration {
	if errors.Is(err, errOpen) {
		return s.breaker.wait()
	}
	s.metrics.writeErrors.Inc()
	return again.next()
}

// insist tries again with growing, jittered pauses until it succeeds or ctx ends. One attempt at a time is
// all that a database in trouble gets. One that is slow gets more time with each attempt that took too long,
// or it would never come to the end of a block.
func (s *Service) insist(ctx context.Context, rows int, try func(within time.Duration) error) error {
	again := backoff{first: 200 * time.Millisecond, most: 10 * time.Second}
	within := s.cfg.WriteTimeout
	for {
		start := time.Now()
		err := try(within)
		if err == nil {
			s.metrics.flushed(time.Since(start), rows)
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		if errors.Is(err, context.DeadlineExceeded) {
			within = min(2*within, mostPatience*s.cfg.WriteTimeout)
		}
		wait := s.pause(err, &again)
		s.log.Warn("rows are kept and written again", "err", err, "rows", rows, "retry_in", wait.String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// mostPatience is by how much longer than at first an attempt to store a block may take in the end.
const mostPatience = 16

func (s *Service) tryWrite(ctx context.Context, within time.Duration, b graph.Block) error {
	ctx, done := context.WithTimeout(ctx, within)
	defer done()
	return s.writer.Write(ctx, b)
}

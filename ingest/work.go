package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"faultline/ingest/journal"
)

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

package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"faultline/ingest/exchange"
	"faultline/ingest/journal"
	"faultline/ingest/otlp"
)

// runShared is Run for a process that is one of several: it publishes the records of its journal for all to
// see and, when it is its turn, matches those of all.
func (s *Service) runShared(ctx context.Context) error {
	// The oldest member leads, so a new one seldom takes over.
	member := fmt.Sprintf("%020d-%s", s.started.UnixNano(), s.replica)
	last := make(chan struct{}) // closed when everything is published
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := new(errgroup.Group)
	g.Go(func() error {
		defer cancel() // a relay that cannot go on must not leave the doors open
		return s.relay(ctx, exchange.NewPublisher(s.shared, member, s.replica), last)
	})
	g.Go(func() error { s.lead(ctx, member, last); return nil })
	g.Go(func() error { s.report(ctx); return nil })
	return g.Wait()
}

const (
	relayBytes = 32 << 20 // published at once, at most
	relayFew   = 1000     // requests for which it is worth not to wait for more
)

// relay publishes the journal until ctx ends, then what is left of it.
func (s *Service) relay(ctx context.Context, p *exchange.Publisher, last chan<- struct{}) error {
	published := sync.OnceFunc(func() { close(last) })
	defer published()
	saved := s.saved
	reader := s.journal.Read(saved.Stored)
	defer func() { _ = reader.Close() }() // it was only read
	speed := pace{factor: s.cfg.CatchUp}
	again := backoff{first: 200 * time.Millisecond, most: 10 * time.Second}
	var beaten time.Time
	for ctx.Err() == nil {
		if time.Since(beaten) >= exchange.Length {
			beaten = time.Now()
			if err := p.Beat(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("the exchange does not answer", "err", err)
			}
		}
		records, err := collect(reader, saved)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			speed = pace{factor: s.cfg.CatchUp}
		}
		if len(records) < relayFew { // few requests a block make many blocks
			sleep(ctx, exchange.Length/4)
			if len(records) == 0 {
				continue
			}
		}
		for {
			err = s.publish(ctx, p, &saved, records)
			if err == nil || ctx.Err() != nil {
				break
			}
			wait := s.pause(err, &again)
			s.log.Warn("records are kept and published again", "err", err, "records", len(records), "retry_in", wait.String())
			sleep(ctx, wait)
		}
		if err == nil {
			again.last = 0
		}
		speed.took(saved.Time)
		sleep(ctx, speed.wait())
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer cancel()
	s.publishRest(drain, p, saved)
	sleep(drain, exchange.Length) // the epoch published into last has to end
	if err := p.Beat(drain); err != nil {
		s.log.Warn("what was published last is matched when others find that this process has left", "err", err)
	}
	published()
	<-s.led
	if err := p.Leave(drain); err != nil {
		s.log.Warn("the others find out by themselves, some seconds later, that this process has left", "err", err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// publishRest publishes what came in last; what does not get through waits in the journal.
func (s *Service) publishRest(ctx context.Context, p *exchange.Publisher, saved checkpoint) {
	reader := s.journal.Read(saved.Stored)
	defer func() { _ = reader.Close() }() // it was only read
	for {
		records, err := collect(reader, saved)
		if err == nil && len(records) > 0 {
			err = s.publish(ctx, p, &saved, records)
		}
		if err != nil {
			s.log.Warn("records not published before the end; they are published after the next start", "err", err)
			return
		}
		if len(records) == 0 {
			return
		}
	}
}

// collect reads the records of the next block. If one was being published when the process ended, it is that
// again.
func collect(r *journal.Reader, saved checkpoint) (records []journal.Record, err error) {
	for size := 0; size < relayBytes || saved.Cut > saved.Stored; {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		rec.Meta, rec.Body = append([]byte(nil), rec.Meta...), append([]byte(nil), rec.Body...)
		records = append(records, rec)
		size += len(rec.Meta) + len(rec.Body)
		if rec.Position == saved.Cut {
			break
		}
	}
	return records, nil
}

// publish publishes a block, of which it puts down the end first, and lets go of what nobody will read again.
func (s *Service) publish(ctx context.Context, p *exchange.Publisher, saved *checkpoint, records []journal.Record) error {
	end := &records[len(records)-1]
	if err := s.journal.Sync(); err != nil {
		return err
	}
	saved.Cut = end.Position
	if err := s.saveCheckpoint(*saved); err != nil {
		return err
	}
	start := time.Now()
	if err := p.Publish(ctx, fmt.Sprintf("%s-%d", saved.Replica, end.Position), records); err != nil {
		return err
	}
	s.metrics.flushed(time.Since(start), len(records))
	saved.Stored, saved.Time = end.Position, end.Time
	s.stored.Store(end.Time.UnixNano())
	s.behind.Store(end.Time.UnixNano())
	if err := s.journal.Release(end.Position); err != nil {
		s.log.Warn("published records not deleted", "err", err)
	}
	return nil
}

// lead matches the shared log whenever it is the turn of this process, until ctx ends and what this process
// published last had its chance.
func (s *Service) lead(ctx context.Context, member string, last <-chan struct{}) {
	defer close(s.led)
	leader := exchange.NewLeader(s.shared, member, s.cfg.Match.Keep+s.cfg.Match.Wait, func() exchange.Machine { return &follower{s, s.newMachine()} })
	again := backoff{first: 500 * time.Millisecond, most: 10 * time.Second}
	tick := time.NewTicker(exchange.Length / 2)
	defer tick.Stop()
	step := func(ctx context.Context) {
		led := leader.Leads()
		err := leader.Step(ctx)
		if !leader.Leads() { // the machine is gone, or was never finished, and so is what it held
			s.closeSpill()
			if led {
				s.metrics.nothing()
			}
		}
		if behind, known := leader.Behind(); known && err == nil {
			s.matched.Store(time.Now().Add(-behind).UnixNano())
		}
		if err != nil && ctx.Err() == nil {
			wait := s.pause(err, &again)
			s.log.Warn("the shared log is read again", "err", err, "retry_in", wait.String())
			sleep(ctx, wait)
			return
		}
		again.last = 0
		if leader.Leads() != led {
			s.log.Info("matching the spans of all ingest processes", "leads", leader.Leads())
		}
	}
	for {
		select {
		case <-tick.C:
			step(ctx)
			continue
		case <-last:
		}
		break
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer cancel()
	step(drain)
}

// follower is the machine of the leader.
type follower struct {
	service *Service
	machine *machine
}

// Take decodes the records, on all cores, and matches them in their order.
func (f *follower) Take(records []exchange.Record, end time.Time) {
	batches := make([]*otlp.Batch, len(records))
	g := new(errgroup.Group)
	g.SetLimit(decoders)
	for i := range records {
		g.Go(func() error {
			b, err := f.service.batchOf(&records[i].Record)
			if err != nil {
				f.service.log.Error("record skipped", "replica", records[i].Replica, "position", int64(records[i].Position), "err", err)
				f.service.metrics.unreadable.Inc()
			}
			batches[i] = b
			return nil
		})
	}
	_ = g.Wait() // it has no errors
	for _, b := range batches {
		f.machine.take(0, end, b)
	}
	f.machine.take(0, end, nil)
}

// decoders is how many records are decoded at once.
const decoders = 4

// Speak makes the machine count from here on.
func (f *follower) Speak() {
	f.machine.silent = false
	f.service.metrics.skip(f.machine)
}

// Store stores what was found.
func (f *follower) Store(ctx context.Context, token string) error {
	f.service.metrics.observe(f.machine)
	b := f.machine.flush()
	if b.Rows() == 0 {
		return nil
	}
	b.Token = token
	return f.service.writeUntilStored(ctx, b)
}

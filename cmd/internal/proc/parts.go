package proc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Parts are the long-running parts of a process, each relying on those before it. They stop in the
// reverse order, one after the other, so that a part always outlives those that use it: requests end
// before what they are written to is flushed, and that is flushed before the store closes.
type Parts struct {
	log     *slog.Logger
	running []*part
	ended   chan *part
}

type part struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // how it ended; read after done
}

// NewParts returns no parts yet.
func NewParts(log *slog.Logger) *Parts {
	return &Parts{log: log.With("component", "proc"), ended: make(chan *part, 1)}
}

// Go starts a part. run serves until its context ends and returns when it has stopped; ending earlier
// stops the whole process. ctx gives the part its values, not its end.
func (p *Parts) Go(ctx context.Context, name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	started := &part{name: name, cancel: cancel, done: make(chan struct{})}
	p.running = append(p.running, started)
	go func() {
		defer cancel()
		started.err = run(ctx)
		close(started.done)
		select {
		case p.ended <- started: // the first to end is why the process stops
		default:
		}
	}()
}

// Close adds a part that only has to be closed.
func (p *Parts) Close(ctx context.Context, name string, end func() error) {
	p.Go(ctx, name, func(ctx context.Context) error {
		<-ctx.Done()
		return end()
	})
}

// Wait blocks until ctx ends or a part does, and then stops every part. A part gets timeout to stop; one
// that takes longer is reported and left behind. Wait may be called once, also after a failed start, with
// a context that has ended, to stop what was started.
func (p *Parts) Wait(ctx context.Context, timeout time.Duration) error {
	var errs []error
	select {
	case <-ctx.Done():
	case first := <-p.ended:
		if first.err == nil {
			errs = append(errs, fmt.Errorf("%s ended", first.name))
		}
		p.log.Warn("a part ended; stopping the others", "part", first.name)
	}
	for i := len(p.running) - 1; i >= 0; i-- {
		part := p.running[i]
		part.cancel()
		select {
		case <-part.done:
			if part.err != nil && !errors.Is(part.err, context.Canceled) {
				errs = append(errs, fmt.Errorf("%s: %w", part.name, part.err))
			}
			p.log.Debug("part stopped", "part", part.name)
		case <-time.After(timeout):
			errs = append(errs, fmt.Errorf("%s did not stop within %s", part.name, timeout))
		}
	}
	return errors.Join(errs...)
}

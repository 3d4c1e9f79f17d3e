// Package replay sends recorded traces to an OTLP/HTTP endpoint as if they happened now. It is an OTLP
// client: what it sends goes through the same door as everybody's spans.
package replay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Config says where to and how.
type Config struct {
	Endpoint    string  // base URL of an OTLP/HTTP endpoint
	KeepTime    bool    // leave time stamps as they are
	Speed       float64 // 1: at the pace at which the spans were made; 0: as fast as the endpoint takes them
	Concurrency int     // requests under way at once
}

// Summary tells what became of the files.
type Summary struct {
	Files, Requests int
	Sent, Rejected  int64         // spans
	Bytes           int64         // of the bodies sent
	Shift           time.Duration // by which time stamps were moved
	Took            time.Duration
	Messages        map[string]int // what the server said of rejected spans, and how often
	Problems        []error        // files and requests that did not get through; nothing else was held up by them
}

// Progress is told how many bytes of the requests have been dealt with, out of how many.
type Progress func(done, total int64)

// Run sends the files, which it reads twice: first to find the newest time stamp of all, so that one
// constant moves every stamp and the data end now. Files that cannot be read and requests that are refused
// are in the Summary, and the rest is sent all the same. The error is for what stopped everything.
func Run(ctx context.Context, cfg Config, files []string, progress Progress) (Summary, error) {
	start := time.Now()
	s := Summary{Files: len(files), Messages: map[string]int{}}
	files, cleanup, err := spool(files)
	if err != nil {
		return s, err
	}
	defer cleanup()

	first, err := survey(ctx, files)
	if err != nil {
		return s, err
	}
	if !cfg.KeepTime && first.newest > 0 {
		s.Shift = start.Sub(time.Unix(0, first.newest))
		if cfg.Speed > 0 { // the newest span ends now when it is sent
			s.Shift += time.Duration(float64(first.newest-first.oldest) / cfg.Speed)
		}
	}
	run := &run{cfg: cfg, sender: newSender(cfg.Endpoint, max(cfg.Concurrency, 1)), summary: &s, first: first, start: start, progress: progress}
	err = run.all(ctx, files)
	s.Took = time.Since(start)
	return s, err
}

// spool copies standard input to a file, since it has to be read twice.
func spool(files []string) ([]string, func(), error) {
	cleanup := func() {}
	out := make([]string, 0, len(files))
	for _, f := range files {
		if f != "-" {
			out = append(out, f)
			continue
		}
		h, err := os.CreateTemp("", "faultline-replay-*")
		if err != nil {
			return nil, cleanup, fmt.Errorf("keep standard input for a second pass: %w", err)
		}
		cleanup = func() { os.Remove(h.Name()) } //nolint:errcheck // a temporary file
		_, err = h.ReadFrom(os.Stdin)
		if err = errors.Join(err, h.Close()); err != nil {
			cleanup()
			return nil, func() {}, fmt.Errorf("keep standard input for a second pass: %w", err)
		}
		out = append(out, h.Name())
	}
	return out, cleanup, nil
}

// overview is what the first pass finds.
type overview struct {
	newest int64 // latest time stamp, Unix ns
	oldest int64 // least of the latest stamps of the requests: where the pace starts
	bytes  int64
}

// survey reads the files without sending. What is wrong with one shows again in the second pass.
func survey(ctx context.Context, files []string) (o overview, err error) {
	for _, f := range files {
		err := each(f, func(r request) error {
			if ns := r.newest(); ns > 0 {
				o.newest = max(o.newest, ns)
				if o.oldest == 0 || ns < o.oldest {
					o.oldest = ns
				}
			}
			o.bytes += int64(len(r.body))
			return ctx.Err()
		})
		if ctx.Err() != nil {
			return o, errors.Join(ctx.Err(), err)
		}
	}
	return o, nil
}

// run is the second pass.
type run struct {
	cfg      Config
	sender   *sender
	first    overview
	start    time.Time
	progress Progress

	mu      sync.Mutex
	summary *Summary
	done    int64
}

func (r *run) all(ctx context.Context, files []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(r.cfg.Concurrency, 1))
	for _, f := range files {
		err := each(f, func(req request) error {
			if err := r.pace(ctx, req); err != nil {
				return err
			}
			g.Go(func() error { r.one(ctx, req); return ctx.Err() })
			return ctx.Err()
		})
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			r.problem(err)
		}
	}
	return g.Wait()
}

// pace waits until it is the request's turn.
func (r *run) pace(ctx context.Context, req request) error {
	if r.cfg.Speed <= 0 {
		return nil
	}
	due := r.start.Add(time.Duration(float64(req.newest()-r.first.oldest) / r.cfg.Speed))
	select {
	case <-time.After(time.Until(due)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// one sends a request and notes what became of it.
func (r *run) one(ctx context.Context, req request) {
	spans, err := req.spans()
	var body []byte
	if err == nil {
		body, err = req.shifted(r.summary.Shift)
	}
	var a answer
	if err == nil {
		a, err = r.sender.send(ctx, body, req.json)
	}
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.summary
	s.Requests++
	s.Sent += int64(spans)
	s.Bytes += int64(len(body))
	if err != nil {
		s.Rejected += int64(spans)
		s.Problems = append(s.Problems, fmt.Errorf("%s: %w", req.where, err))
	}
	s.Rejected += a.rejected
	if a.message != "" {
		s.Messages[a.message]++
	}
	r.done += int64(len(req.body))
	if r.progress != nil {
		r.progress(r.done, r.first.bytes)
	}
}

func (r *run) problem(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.Problems = append(r.summary.Problems, err)
}

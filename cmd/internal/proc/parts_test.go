package proc

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPartsStopInReverse(t *testing.T) {
	var stopped []string
	serve := func(name string, takes time.Duration) func(context.Context) error {
		return func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(takes)
			stopped = append(stopped, name)
			return nil
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		parts := NewParts(slog.New(slog.DiscardHandler))
		parts.Go(ctx, "engine", serve("engine", time.Second))
		parts.Close(ctx, "store", func() error { stopped = append(stopped, "store"); return nil })
		parts.Go(ctx, "ingest", serve("ingest", 3*time.Second))
		parts.Go(ctx, "doors", serve("doors", 2*time.Second))
		time.AfterFunc(time.Minute, cancel)
		if err := parts.Wait(ctx, 10*time.Second); err != nil {
			t.Error(err)
		}
	})
	if want := []string{"doors", "ingest", "store", "engine"}; !slices.Equal(stopped, want) {
		t.Errorf("stopped in the order %v, want %v", stopped, want)
	}
}

func TestPartsEnds(t *testing.T) {
	until := func(d time.Duration, err error) func(context.Context) error {
		return func(ctx context.Context) error {
			select {
			case <-time.After(d):
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	broken := errors.New("broken pipe")
	tests := map[string]struct {
		start func(ctx context.Context, p *Parts)
		want  []string // one per line of the error
	}{
		"a part fails: the others are stopped": {
			func(ctx context.Context, p *Parts) {
				p.Go(ctx, "doors", until(time.Hour, nil))
				p.Go(ctx, "ingest", until(time.Second, broken))
			},
			[]string{"ingest: broken pipe"},
		},
		"a part ends without an error": {
			func(ctx context.Context, p *Parts) {
				p.Go(ctx, "doors", until(time.Second, nil))
			},
			[]string{"doors ended"},
		},
		"a failing close is told as well": {
			func(ctx context.Context, p *Parts) {
				p.Close(ctx, "store", func() error { return errors.New("disk full") })
				p.Go(ctx, "ingest", until(time.Second, broken))
			},
			[]string{"ingest: broken pipe", "store: disk full"},
		},
		"a part that hangs is left behind, the rest still stops": {
			func(ctx context.Context, p *Parts) {
				p.Close(ctx, "store", func() error { return errors.New("disk full") })
				p.Go(ctx, "doors", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Hour)
					return nil
				})
				p.Go(ctx, "demo", until(time.Second, broken))
			},
			[]string{"demo: broken pipe", "doors did not stop within 10s", "store: disk full"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parts := NewParts(slog.New(slog.DiscardHandler))
				tt.start(t.Context(), parts)
				err := parts.Wait(t.Context(), 10*time.Second)
				if err == nil {
					t.Fatal("no error")
				}
				if got := strings.Split(err.Error(), "\n"); !slices.Equal(got, tt.want) {
					t.Errorf("errors are %q, want %q", got, tt.want)
				}
				time.Sleep(2 * time.Hour) // what hangs ends within the bubble
			})
		})
	}
}

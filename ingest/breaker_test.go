package ingest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faultline/graph"
)

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(prometheus.NewRegistry())
		away := errors.New("connection refused")
		asked := 0
		ask := func(err error) error {
			return b.do(t.Context(), func() error { asked++; return err })
		}
		for range breakAfter {
			if err := ask(away); !errors.Is(err, away) {
				t.Fatalf("got %v", err)
			}
		}
		if err := ask(nil); !errors.Is(err, errOpen) || asked != breakAfter || b.open() != 1 {
			t.Fatalf("after %d failures: %v, asked %d times", breakAfter, err, asked)
		}
		// One asks when the pause is over; others are refused meanwhile.
		time.Sleep(b.wait())
		err := b.do(t.Context(), func() error {
			if err := ask(nil); !errors.Is(err, errOpen) {
				t.Errorf("beside the one that asks whether the database is back: %v", err)
			}
			return away
		})
		if !errors.Is(err, away) {
			t.Errorf("got %v", err)
		}
		// A minute without a database: few ask.
		asked = 0
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			_ = ask(away) // it is away
		}
		if asked < 4 || asked > 20 {
			t.Errorf("asked %d times in a minute", asked)
		}
		time.Sleep(10 * time.Second)
		for range 3 {
			if err := ask(nil); err != nil {
				t.Errorf("when the database is back: %v", err)
			}
		}
		if n := testutil.ToFloat64(b.refused); b.open() != 0 || n < 5000 {
			t.Errorf("open %v, %v refused", b.open(), n)
		}
	})
}

// A caller that gives up says nothing about the database.
func TestBreakerIgnoresWhoGivesUp(t *testing.T) {
	b := newBreaker(prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		_ = b.do(ctx, func() error { return ctx.Err() }) // it is what was asked for
	}
	if b.open() != 0 {
		t.Error("open")
	}
}

// TestFlappingDatabase: what comes and goes every few seconds is asked now and then, and in the end everything
// is stored, once.
func TestFlappingDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &blockLog{}
		s, reg, stop := start(t, place(t), w)
		for i := range 300 {
			w.setDown(i/7%2 == 0)
			if err := s.Consume(t.Context(), batch(t, 3)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		w.setDown(false)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if n := w.calls(); n != 900 {
			t.Errorf("%d calls stored, want 900", n)
		}
		if n, err := testutil.GatherAndCount(reg, "faultline_ingest_breaker_openings_total"); n != 1 || err != nil {
			t.Errorf("%d metrics, %v", n, err)
		}
		if testutil.ToFloat64(s.breaker.opened) == 0 {
			t.Error("the breaker never opened")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// slowLog takes its time for every block.
type slowLog struct {
	blockLog
	takes time.Duration
}

func (l *slowLog) Write(ctx context.Context, b graph.Block) error {
	select {
	case <-time.After(l.takes):
		return l.blockLog.Write(ctx, b)
	case <-ctx.Done():
		return fmt.Errorf("write: %w", ctx.Err())
	}
}

// TestVerySlowDatabase: one that needs longer for a block than an attempt may take gets there all the same.
func TestVerySlowDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowLog{takes: 3 * DefaultConfig().WriteTimeout}
		s, _, stop := start(t, place(t), w)
		if err := s.Consume(t.Context(), batch(t, 5)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := w.calls(); n != 5 {
			t.Errorf("%d calls stored, want 5", n)
		}
		w.takes = 0
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestDrainPace: an hour that waits in the journal is worked off at twice the speed at which it came, so that a
// database that is back is not overrun.
func TestDrainPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := place(t)
		cfg.MaxRows, cfg.MaxQueued = 50, 20 // the rest is read from the journal
		w := &blockLog{down: true}
		s, _, stop := start(t, cfg, w)
		for range 3600 {
			if err := s.Consume(t.Context(), batch(t, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		w.setDown(false)
		before, worst := s.behind.Load(), time.Duration(0)
		caught := 0
		for ; s.journalLag(time.Now()) > time.Second && caught < 3600; caught += 10 {
			time.Sleep(10 * time.Second)
			synctest.Wait()
			after := s.behind.Load()
			if caught > 0 && s.journalLag(time.Now()) > time.Second { // a minute may be taken at once at first, and the rest at the end
				worst = max(worst, time.Duration(after-before))
			}
			before = after
		}
		if worst > 22*time.Second {
			t.Errorf("%s of records were taken in 10 s", worst)
		}
		if caught < 1500 || caught > 2000 {
			t.Errorf("caught up with an hour after %d s, nothing more coming; twice the speed is 1800 s", caught)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := w.calls(); n != 3600 {
			t.Errorf("%d calls stored, want 3600", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

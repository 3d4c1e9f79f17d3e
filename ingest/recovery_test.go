package ingest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faultline/ingest/exchange"
	"faultline/ingest/journal"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Time in which the process was down is not caught up with: one that was killed comes back ten hours later, and senders are
// there before it has read its journal.
func TestGapInJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, w := place(t), &blockLog{down: true}
		s, _, stop := start(t, cfg, w)
		if err := s.Consume(t.Context(), batch(t, 5)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		w.setDown(false)
		time.Sleep(10 * time.Hour)
		reg := prometheus.NewRegistry()
		j, err := journal.Open(cfg.Journal, quiet(), reg)
		if err != nil {
			t.Fatal(err)
		}
		s = New(cfg, j, decoder, w, nil, "test", quiet(), reg)
		for range 3 {
			if err := s.Consume(t.Context(), batch(t, 5)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		begin := time.Now()
		for w.calls() < 20 && time.Since(begin) < 12*time.Hour {
			time.Sleep(time.Second)
			if time.Since(begin) < 2*time.Minute { // traffic goes on
				if err := s.Consume(t.Context(), batch(t, 1)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("the first 20 calls were stored after %s (journal lag %s)", took, s.journalLag(time.Now()))
		}
		cancel()
		<-done
		j.Close()
	})
}

// beats counts them.
type beats struct {
	*sharedLog
	mu sync.Mutex
	n  []time.Time
}

func (b *beats) Beat(ctx context.Context, m string, e exchange.Epoch, l time.Duration) (time.Time, error) {
	b.mu.Lock()
	b.n = append(b.n, time.Now())
	b.mu.Unlock()
	return b.sharedLog.Beat(ctx, m, e, l)
}

// Of several processes one comes back hours later; more than one block waits in its journal.
func TestGapOfOneOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, w := place(t), &blockLog{}
		log := &beats{sharedLog: &sharedLog{w: w}}
		reg := prometheus.NewRegistry()
		j, err := journal.Open(cfg.Journal, quiet(), reg)
		if err != nil {
			t.Fatal(err)
		}
		add := func(n, size int) {
			for range n {
				r, _ := recordOf(batch(t, size))
				if _, err := j.Append(t.Context(), r, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		add(40, 10_000) // more than relayBytes
		time.Sleep(10 * time.Hour)
		add(3, 10)
		s := New(cfg, j, decoder, w, log, "test", quiet(), reg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(30 * time.Second)
		b := batch(t, 1)
		if err := s.Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		time.Sleep(10 * time.Minute)
		log.mu.Lock()
		last := log.n[len(log.n)-1]
		log.mu.Unlock()
		if d := time.Since(last); d > time.Minute {
			t.Errorf("no beat for %s, %s after the start", d, time.Since(begin))
		}
		cancel()
		<-done
		j.Close()
	})
}

// unreadable is a journal with records whose file cannot be opened (EIO, EMFILE and the like).
func unreadable(t *testing.T, cfg Config, reg *prometheus.Registry) *journal.Journal {
	j, err := journal.Open(cfg.Journal, quiet(), reg)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := recordOf(batch(t, 5))
	if _, err := j.Append(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(cfg.Journal.Dir, "*.wal"))
	for _, f := range files {
		if err := os.Rename(f, f+".away"); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// A process that cannot read its journal any more ends, rather than to go on acknowledging what nobody will match.
func TestJournalUnreadable(t *testing.T) {
	for name, shared := range map[string]bool{"alone": false, "one of several": true} {
		t.Run(name, func(t *testing.T) {
			cfg := place(t)
			cfg.DrainTimeout = 200 * time.Millisecond
			reg := prometheus.NewRegistry()
			j := unreadable(t, cfg, reg)
			w := &blockLog{}
			var log exchange.Store
			if shared {
				log = &sharedLog{w: w}
			}
			s := New(cfg, j, decoder, w, log, "test", quiet(), reg)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := s.Run(ctx); err == nil || ctx.Err() != nil {
				t.Errorf("Run ended with %v", err)
			}
		})
	}
}

// What is stored ends with a segment, which is gone, and the block that was being stored is the next record.
func TestRecoverStoresTheBlockUnderWay(t *testing.T) {
	cfg := place(t)
	cfg.Journal.SegmentBytes, cfg.DrainTimeout = 4<<10, 200*time.Millisecond
	reg := prometheus.NewRegistry()
	j, err := journal.Open(cfg.Journal, quiet(), reg)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // each fills a segment
		r, _ := recordOf(batch(t, 30))
		if _, err := j.Append(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	w := &blockLog{}
	s := New(cfg, j, decoder, w, nil, "test", quiet(), reg)
	if err := s.saveCheckpoint(checkpoint{Replica: "r", Stored: 1, Time: time.Now(), Cut: 2}); err != nil {
		t.Fatal(err)
	}
	if err := j.Release(1); err != nil { // as advance does if the journal is not Writable
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); w.calls() < 60 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // between questions
	}
	if n := w.calls(); n != 60 {
		t.Errorf("%d calls stored, want 60", n)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Run does not return")
	}
}

// A leader that begins anew has new Names, and with them other numbers.
func TestServiceGraphOfSecondMachine(t *testing.T) {
	cfg := place(t)
	g := newServiceGraph(100)
	now := time.Now()
	for _, pair := range [][2]string{{"a", "b"}, {"x", "y"}} {
		m := newMachine(cfg, g)
		m.silent = false
		m.take(0, now, decode(t, bodyOf(pair, 3), now))
		m.take(0, now.Add(time.Minute), nil)
	}
	if s := g.series[sgKey{client: "x", server: "y"}]; s == nil || s.requests != 3 {
		t.Errorf("the calls x → y of the second machine are not counted as such: %+v", s)
	}
}

// While the process that matches for all is dead and not yet given up, the others say that what is stored is behind.
func TestStoreLagWithoutLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, w := place(t), &blockLog{}
		log := &sharedLog{w: w}
		reg := prometheus.NewRegistry()
		j, err := journal.Open(cfg.Journal, quiet(), reg)
		if err != nil {
			t.Fatal(err)
		}
		s := New(cfg, j, decoder, w, log, "test", quiet(), reg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		b := batch(t, 3)
		if err := s.Consume(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		lag := func(after time.Duration) time.Duration {
			time.Sleep(after)
			synctest.Wait()
			return s.storeLag(time.Now())
		}
		if d := lag(30 * time.Second); d != 0 {
			t.Errorf("%s behind while all is well", d)
		}
		remembers := func() bool { return testutil.ToFloat64(s.metrics.remembered) > 0 && s.spill != nil }
		if !remembers() {
			t.Error("who leads remembers nothing")
		}
		now := exchange.Epoch(time.Now().UnixNano() / int64(exchange.Length))
		if _, err := log.Beat(t.Context(), "00-dead", now, 30*time.Second); err != nil {
			t.Fatal(err)
		}
		if d := lag(25 * time.Second); d < 20*time.Second {
			t.Errorf("%s behind with a leader that is dead for 25 s", d)
		}
		if remembers() {
			t.Error("who does not lead any more still holds what it remembered")
		}
		if d := lag(20 * time.Second); d != 0 {
			t.Errorf("%s behind after another has taken over", d)
		}
		if !remembers() {
			t.Error("who leads again remembers nothing")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		j.Close()
	})
}

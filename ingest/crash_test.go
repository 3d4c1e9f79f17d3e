package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"faultline/graph"
)

// table keeps what blocks add up to, as storage would: each token once. Every so often it stores a block and
// loses the answer, or is away.
type table struct {
	blockLog
	chance *rand.Rand // its own, under mu
}

func (w *table) Write(ctx context.Context, b graph.Block) error {
	w.mu.Lock()
	trouble := w.chance.IntN(4)
	old, repeated := w.blocks[b.Token]
	w.mu.Unlock()
	if trouble == 0 {
		return errors.New("connection refused")
	}
	if repeated {
		if diff := cmp.Diff(rowsOf(old), rowsOf(b)); diff != "" {
			panic(fmt.Sprintf("block %s differs from the one stored before (-stored +sent):\n%s", b.Token, diff))
		}
	}
	if err := w.blockLog.Write(ctx, b); err != nil {
		return err
	}
	if trouble == 1 {
		return errors.New("the answer was lost")
	}
	return nil
}

// rowsOf is what a block says, in words.
func rowsOf(b graph.Block) map[string]graph.OutcomeStats {
	sums := map[string]graph.OutcomeStats{}
	addRows(sums, b)
	return sums
}

func addRows(sums map[string]graph.OutcomeStats, b graph.Block) {
	add := func(key string, s graph.OutcomeStats) {
		all := sums[key]
		all.Add(&s)
		if all.Empty() {
			delete(sums, key)
			return
		}
		sums[key] = all
	}
	stats := func(s graph.Stats) graph.OutcomeStats {
		return graph.OutcomeStats{Requests: s.Calls, Failed: s.Failed, Time: int64(s.Weight), FailedTimes: s.Client, Gaps: s.Server}
	}
	for _, r := range b.CallSites {
		add(fmt.Sprintf("call %s %s %s %s", r.Bucket, r.EdgeKey, r.CallerOperation, r.CalleeOperation), stats(r.Stats))
	}
	for _, r := range b.Operations {
		add(fmt.Sprintf("operation %s %s %s %s", r.Bucket, r.Node, r.Operation, r.Version), stats(r.Stats))
	}
	for _, r := range b.Outcomes {
		add(fmt.Sprintf("outcome %s %s %s %s", r.Bucket, r.Caller, r.Operation, r.Callee), r.OutcomeStats)
	}
	for _, r := range b.Halves {
		add(fmt.Sprintf("half %s %s %s %s", r.Bucket, r.Node, r.Side, r.Fate), graph.OutcomeStats{Requests: r.N})
	}
}

func (w *table) sums() map[string]graph.OutcomeStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	sums := map[string]graph.OutcomeStats{}
	for _, b := range w.blocks {
		addRows(sums, b)
	}
	return sums
}

// TestCrash ends the process again and again, at any moment, with a database that is away now and then and
// loses answers. What is acknowledged must be stored, once, and the same as if nothing had happened.
func TestCrash(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { crash(t, seed) })
		})
	}
}

func crash(t *testing.T, seed uint64) {
	chance := rand.New(rand.NewPCG(seed, 7))
	type delivery struct {
		wire []byte
		at   time.Duration
	}
	var traffic []delivery
	for i := range 60 {
		wire := body(1 + chance.IntN(5))
		for range 1 + chance.IntN(2) { // some come twice, late
			traffic = append(traffic, delivery{wire, time.Duration(i)*time.Second + time.Duration(chance.IntN(20_000))*time.Millisecond})
		}
	}
	// As if nothing had happened: one process, a database that is always there.
	calm := &blockLog{}
	begin := time.Now()
	s, _, stop := start(t, place(t), calm)
	for _, d := range traffic {
		if err := s.Consume(t.Context(), decode(t, d.wire, begin)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Minute)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	want := (&table{blockLog: blockLog{blocks: calm.blocks}}).sums()

	w := &table{chance: rand.New(rand.NewPCG(seed, 8))}
	cfg := place(t)
	s, _, stop = start(t, cfg, w)
	crashes := 0
	for i, d := range traffic {
		if err := s.Consume(t.Context(), decode(t, d.wire, time.Now())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(chance.IntN(1500)) * time.Millisecond)
		if chance.IntN(6) > 0 || i == 0 {
			continue
		}
		// The process dies here: another begins with the files as they are, and with a database that has
		// seen nothing that this one does on its way down.
		crashes++
		synctest.Wait()
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(cfg.Journal.Dir)); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		alive := &table{chance: rand.New(rand.NewPCG(seed, uint64(10+i)))}
		alive.blocks = maps.Clone(w.blocks)
		w.mu.Unlock()
		w.setDown(true)
		_ = stop()
		w, cfg.Journal.Dir = alive, dir
		s, _, stop = start(t, cfg, w)
		time.Sleep(time.Duration(chance.IntN(3000)) * time.Millisecond)
	}
	time.Sleep(2 * time.Minute)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, w.sums()); diff != "" {
		t.Errorf("after %d crashes (-calm +crashed):\n%s", crashes, diff)
	}
}

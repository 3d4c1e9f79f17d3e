package ingest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"faultline/graph"
	"faultline/ingest/exchange"
)

// breaker keeps all that a process wants of its database away from it while it is in trouble. After a few
// failures in a row it opens: nobody asks anything until a pause is over, then one does, to see whether the
// database is back, and the next pause is longer if not. Pauses are jittered, so that replicas that lost the
// database together do not come back together.
type breaker struct {
	mu       sync.Mutex
	failures int
	until    time.Time // nobody asks before; zero: closed
	probing  bool      // somebody is asking whether the database is back
	pauses   backoff

	opened, refused prometheus.Counter
}

// breakAfter is how many failures in a row open a breaker.
const breakAfter = 3

// errOpen says that the database was not asked.
var errOpen = errors.New("the database is in trouble and left alone for a while")

func newBreaker(reg prometheus.Registerer) *breaker {
	f := promauto.With(reg)
	b := &breaker{
		pauses: backoff{first: time.Second, most: 10 * time.Second},
		opened: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_ingest_breaker_openings_total", Help: "Times the database was left alone after failures in a row; each try that failed meanwhile counts again.",
		}),
		refused: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_ingest_breaker_refused_total", Help: "Operations on the database that were not tried because it is left alone.",
		}),
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "faultline_ingest_breaker_open", Help: "Whether the database is left alone because it is in trouble: 1 or 0.",
	}, b.open)
	return b
}

// open is 1 while the breaker is open.
func (b *breaker) open() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return 0
	}
	return 1
}

// do asks the database something, unless it is left alone: then it returns errOpen. An end of ctx that is none
// of the database's doing says nothing about it.
func (b *breaker) do(ctx context.Context, ask func() error) error {
	if !b.enter() {
		b.refused.Inc()
		return errOpen
	}
	err := ask()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch {
	case err == nil || errors.Is(err, exchange.ErrStale):
		b.failures, b.until, b.pauses.last = 0, time.Time{}, 0
	case errors.Is(ctx.Err(), context.Canceled):
	default:
		if b.failures++; b.failures >= breakAfter {
			b.until = time.Now().Add(b.pauses.next())
			b.opened.Inc()
		}
	}
	return err
}

func (b *breaker) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return true
	}
	if b.probing || time.Now().Before(b.until) {
		return false
	}
	b.probing = true
	return true
}

// wait is how long whoever got errOpen should wait before asking again.
func (b *breaker) wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(time.Until(b.until), 0) + 50*time.Millisecond + rand.N(50*time.Millisecond)
}

// guardedWriter is a Writer behind a breaker.
type guardedWriter struct {
	Writer
	breaker *breaker
}

func (g guardedWriter) Write(ctx context.Context, b graph.Block) error {
	return g.breaker.do(ctx, func() error { return g.Writer.Write(ctx, b) })
}

func (g guardedWriter) WritePipeline(ctx context.Context, r graph.PipelineRow) error {
	return g.breaker.do(ctx, func() error { return g.Writer.WritePipeline(ctx, r) })
}

// guardedStore is the place where processes meet, behind a breaker.
type guardedStore struct {
	exchange.Store
	breaker *breaker
}

func (g guardedStore) Beat(ctx context.Context, member string, said exchange.Epoch, lease time.Duration) (now time.Time, err error) {
	err = g.breaker.do(ctx, func() (err error) { now, err = g.Store.Beat(ctx, member, said, lease); return err })
	return now, err
}

func (g guardedStore) Publish(ctx context.Context, b exchange.Block) error {
	return g.breaker.do(ctx, func() error { return g.Store.Publish(ctx, b) })
}

func (g guardedStore) State(ctx context.Context) (s exchange.State, err error) {
	err = g.breaker.do(ctx, func() (err error) { s, err = g.Store.State(ctx); return err })
	return s, err
}

func (g guardedStore) SetClosing(ctx context.Context, e exchange.Epoch) error {
	return g.breaker.do(ctx, func() error { return g.Store.SetClosing(ctx, e) })
}

func (g guardedStore) SetStored(ctx context.Context, e exchange.Epoch) error {
	return g.breaker.do(ctx, func() error { return g.Store.SetStored(ctx, e) })
}

func (g guardedStore) Epochs(ctx context.Context, after, upTo exchange.Epoch) (all []exchange.Epoch, err error) {
	err = g.breaker.do(ctx, func() (err error) { all, err = g.Store.Epochs(ctx, after, upTo); return err })
	return all, err
}

func (g guardedStore) Records(ctx context.Context, e exchange.Epoch) (all []exchange.Record, err error) {
	err = g.breaker.do(ctx, func() (err error) { all, err = g.Store.Records(ctx, e); return err })
	return all, err
}

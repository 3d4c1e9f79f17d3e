package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// timing is how patient an engine's supervisor is.
type timing struct {
	lockWait     time.Duration // for a predecessor that was just killed to let go of the data directory
	stop         time.Duration // for an orderly stop
	ping         time.Duration // between two signs of life
	silence      time.Duration // without a sign of life until the engine is taken for hung and killed
	backoffFirst time.Duration // before the first restart; doubled for each further one in a row
	backoffMax   time.Duration
	settled      time.Duration // of running after which the next backoff is the first again
}

func defaultTiming() timing {
	return timing{
		lockWait:     3 * time.Second,
		stop:         15 * time.Second,
		ping:         10 * time.Second,
		silence:      time.Minute,
		backoffFirst: 200 * time.Millisecond,
		backoffMax:   30 * time.Second,
		settled:      time.Minute,
	}
}

// Engine is a running engine, restarted whenever it ends until Close.
type Engine struct {
	cfg     Config
	timing  timing
	library string
	dir     dataDir
	access  Access
	log     *slog.Logger
	metrics *metrics

	cancel context.CancelFunc
	done   chan struct{} // closed when supervise has returned
	err    error         // how the last stop went; read after done
}

type metrics struct {
	up       prometheus.Gauge
	restarts prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		up: f.NewGauge(prometheus.GaugeOpts{
			Name: "faultline_engine_up", Help: "Whether the embedded engine runs and has answered: 1 or 0.",
		}),
		restarts: f.NewCounter(prometheus.CounterOpts{
			Name: "faultline_engine_restarts_total", Help: "Starts of the embedded engine after it had ended unasked.",
		}),
	}
}

// Start starts an engine and returns when it answers; ctx and cfg.StartTimeout bound that wait. From then
// on it is kept running: when it ends or hangs it is started again, on the same address and with the same
// password, so that connection pools recover by themselves. Close stops it.
//
// The errors a person can mend are ErrPlatform, ErrNotInstalled, ErrLocked, ErrDiskFull and ErrPermission.
func Start(ctx context.Context, cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Engine, error) {
	return start(ctx, cfg, defaultTiming(), log, reg)
}

func start(ctx context.Context, cfg Config, timing timing, log *slog.Logger, reg prometheus.Registerer) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := checkPlatform(); err != nil {
		return nil, err
	}
	library, err := resolveLibrary(cfg.Library)
	if err != nil {
		return nil, err
	}
	dir, password, err := prepareDataDir(cfg)
	if err != nil {
		return nil, err
	}
	addr, err := freePort(ctx)
	if err != nil {
		return nil, err
	}

	life, cancel := context.WithCancel(context.Background())
	e := &Engine{
		cfg: cfg, timing: timing, library: library, dir: dir,
		access:  Access{Addr: addr, User: user, Password: password, Database: database},
		log:     log.With("component", "engine"),
		metrics: newMetrics(reg),
		cancel:  cancel,
		done:    make(chan struct{}),
	}
	started := make(chan error, 1)
	go e.supervise(ctx, life, started)
	if err := <-started; err != nil {
		cancel()
		<-e.done
		return nil, fmt.Errorf("start the embedded engine: %w", err)
	}
	return e, nil
}

// Access returns how to reach the engine.
func (e *Engine) Access() Access { return e.access }

// Close stops the engine in order and returns when it is gone, at the latest after some 15 seconds. Its
// error says that the engine had to be killed, which loses nothing that was acknowledged. Close may be
// called again.
func (e *Engine) Close() error {
	e.cancel()
	<-e.done
	return e.err
}

// supervise runs the engine until life ends. The outcome of the first start, bounded by ctx, goes to started.
func (e *Engine) supervise(ctx, life context.Context, started chan<- error) {
	defer close(e.done)
	// The kernel kills a child when the thread that started it ends. This one is ours until we return.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	p, err := e.firstStart(ctx)
	started <- err
	if err != nil {
		return
	}
	backoff := e.timing.backoffFirst
	for {
		e.metrics.up.Set(1)
		since := time.Now()
		err := e.watch(life, p)
		e.metrics.up.Set(0)
		if life.Err() != nil {
			stop, cancel := context.WithTimeout(context.WithoutCancel(life), e.timing.stop)
			defer cancel()
			e.err = p.stop(stop, e.access)
			return
		}
		if time.Since(since) > e.timing.settled {
			backoff = e.timing.backoffFirst
		}
		e.log.Error("engine ended; starting it again", "err", err, "after", time.Since(since), "engine_log", e.dir.log())
		if p = e.restart(life, &backoff); p == nil {
			return
		}
	}
}

// firstStart starts the engine, trying again what may cure itself: the port was taken between choosing
// and using it, or a predecessor that was killed is still going away.
func (e *Engine) firstStart(ctx context.Context) (*process, error) {
	lockDeadline := time.Now().Add(e.timing.lockWait)
	for tries := 1; ; tries++ {
		p, err := e.startOnce(ctx)
		switch {
		case errors.Is(err, errPortTaken) && tries < 10:
			if e.access.Addr, err = freePort(ctx); err != nil {
				return nil, err
			}
		case errors.Is(err, ErrLocked) && time.Now().Before(lockDeadline):
			time.Sleep(e.timing.lockWait / 10)
		default:
			return p, err
		}
	}
}

// restart starts the engine until it runs, or returns nil because life ended. It leaves in backoff how long
// the next restart in a row has to wait.
func (e *Engine) restart(life context.Context, backoff *time.Duration) *process {
	for {
		wait := *backoff/2 + rand.N(*backoff/2+1) // jitter: many processes may have been hit by one cause
		*backoff = min(2**backoff, e.timing.backoffMax)
		select {
		case <-life.Done():
			return nil
		case <-time.After(wait):
		}
		e.metrics.restarts.Inc()
		p, err := e.startOnce(life)
		if err == nil {
			e.log.Info("engine is back")
			return p
		}
		if life.Err() == nil {
			e.log.Error("engine does not start; trying again", "err", err, "retry_in_at_most", *backoff)
		}
	}
}

// startOnce starts the engine and waits until it answers.
func (e *Engine) startOnce(ctx context.Context) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.StartTimeout)
	defer cancel()
	begin := time.Now()
	p, err := startProcess(e.library, e.access.Addr, e.dir, e.log)
	if err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx, e.access); err != nil {
		p.kill()
		return nil, err
	}
	e.log.Info("engine runs", "addr", e.access.Addr, "pid", p.cmd.Process.Pid, "data_dir", string(e.dir), "took", time.Since(begin))
	return p, nil
}

// watch returns when the process is gone, with the reason, or when life ends. A process that gives no sign
// of life for long is killed.
func (e *Engine) watch(life context.Context, p *process) error {
	ticker := time.NewTicker(e.timing.ping)
	defer ticker.Stop()
	seen := time.Now()
	for {
		select {
		case <-life.Done():
			return life.Err()
		case <-p.exited:
			return p.err
		case <-ticker.C:
			ctx, cancel := context.WithTimeout(life, e.timing.ping)
			err := ping(ctx, e.access)
			cancel()
			if err == nil {
				seen = time.Now()
			} else if time.Since(seen) > e.timing.silence && life.Err() == nil {
				p.kill()
				return fmt.Errorf("no answer for %s: %w", time.Since(seen).Round(time.Second), err)
			}
		}
	}
}

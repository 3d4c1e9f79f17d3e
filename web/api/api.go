// Package api answers /api/v1 as docs/api/openapi.yaml describes it. Handlers parse, ask the Reader, and
// translate; what is wrong with a request or with storage becomes an RFC 9457 problem in one place.
//
// The graph is served under pressure: equal questions asked at the same time are asked of storage once, a
// bounded number of questions is under way at once, and when storage is slow or away the last good answer to
// the same question is given again, marked stale.
package api

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"faultline/graph"
	"faultline/web/api/gen"
)

// Reader is where answers come from. Windows in answers are those asked for, moved outward to whole
// buckets. A node or edge that storage does not know in the window, or a trace that it does not keep, is
// graph.ErrNotFound. Pipeline returns reports of every process in the window: at least its first and its last
// and those around a restart, in any order.
type Reader interface {
	Graph(ctx context.Context, tenant string, w graph.Window) (graph.Graph, error)
	Operations(ctx context.Context, tenant string, w graph.Window, id graph.NodeID) ([]graph.OperationStats, graph.Window, error)
	AllOperations(ctx context.Context, tenant string, w graph.Window) ([]graph.OperationRow, error)
	CallSites(ctx context.Context, tenant string, w graph.Window, key graph.EdgeKey) ([]graph.CallSite, graph.Window, error)
	NodeSeries(ctx context.Context, tenant string, w graph.Window, step time.Duration, id graph.NodeID) ([]graph.Point, error)
	OperationSeries(ctx context.Context, tenant string, w graph.Window, step time.Duration, id graph.NodeID, operation string) ([]graph.Point, error)
	EdgeSeries(ctx context.Context, tenant string, w graph.Window, step time.Duration, key graph.EdgeKey) ([]graph.Point, error)
	Outcomes(ctx context.Context, tenant string, w graph.Window, node graph.NodeID) ([]graph.OutcomeRow, graph.Window, error)
	Halves(ctx context.Context, tenant string, w graph.Window) ([]graph.HalfRow, graph.Window, error)
	Trace(ctx context.Context, tenant string, id graph.TraceID) (graph.Trace, error)
	Traces(ctx context.Context, tenant string, q graph.TraceQuery) ([]graph.TraceSummary, error)
	Pipeline(ctx context.Context, w graph.Window) ([]graph.PipelineRow, error)
	Changed(ctx context.Context, tenant string) (time.Time, error)
	Ping(ctx context.Context) error
}

// Config bounds the API.
type Config struct {
	Deadline     time.Duration `yaml:"deadline"`      // for one answer from storage
	Concurrent   int           `yaml:"concurrent"`    // questions to storage at once; more wait for their turn until the deadline
	KeepGraphs   int           `yaml:"keep_graphs"`   // last good graphs kept for when storage is away
	EventStreams int           `yaml:"event_streams"` // open /events connections at once
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Deadline: 10 * time.Second, Concurrent: 8, KeepGraphs: 32, EventStreams: 500}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	for name, ok := range map[string]bool{
		"deadline": c.Deadline > 0, "concurrent": c.Concurrent > 0, "keep_graphs": c.KeepGraphs > 0, "event_streams": c.EventStreams > 0,
	} {
		if !ok {
			errs = append(errs, errors.New(name+" must be positive"))
		}
	}
	return errors.Join(errs...)
}

// tenant is the one tenant there is.
const tenant = "default"

// API answers requests. It implements gen.ServerInterface.
type API struct {
	cfg      Config
	reader   Reader
	analyst  Analyst
	log      *slog.Logger
	now      func() time.Time
	slots    *semaphore.Weighted
	thinking *semaphore.Weighted // what takes long and asks storage nothing
	flight   singleflight.Group
	last     *lru.Cache[string, graph.Graph] // by question
	events   *hub
}

var _ gen.ServerInterface = (*API)(nil)

// New returns an API that reads from reader and tells what analyst finds. Its event streams end when ctx
// does.
func New(ctx context.Context, cfg Config, reader Reader, analyst Analyst, log *slog.Logger) *API {
	last, err := lru.New[string, graph.Graph](max(cfg.KeepGraphs, 1))
	if err != nil { // only for a size below one
		panic(err)
	}
	return &API{
		cfg: cfg, reader: reader, analyst: analyst, log: log.With("component", "api"), now: time.Now,
		slots: semaphore.NewWeighted(int64(max(cfg.Concurrent, 1))), thinking: semaphore.NewWeighted(2), last: last,
		events: newHub(ctx, cfg.EventStreams, reader),
	}
}

// Register adds the routes to r, which stands for /api/v1.
func (a *API) Register(r gin.IRouter) {
	gen.RegisterHandlersWithOptions(r, a, gen.GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) { a.fail(c, badRequestError(err.Error())) },
	})
}

// ask runs one question to storage under the deadline, when its turn comes.
func (a *API) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Deadline)
	defer cancel()
	if err := a.slots.Acquire(ctx, 1); err != nil {
		return errBusy
	}
	defer a.slots.Release(1)
	return question(ctx)
}

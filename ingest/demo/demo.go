// Package demo makes the traffic of a shop that does not exist: seventeen services with HTTP and gRPC
// calls, databases, caches, queues and services of others, in which things go wrong on a schedule. It is an
// OTLP client and uses the OpenTelemetry SDK as any service would, so that it also tests the door it sends
// to. docs/demo.md shows the shop and its faults.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says where to and how much.
type Config struct {
	Endpoint string  // host:port of OTLP over gRPC
	TLS      bool    // whether the endpoint expects TLS
	Rate     float64 // requests of users per second, on average
	Seed     uint64  // of the simulation
}

// DefaultConfig sends a little to this machine.
func DefaultConfig() Config { return Config{Endpoint: "127.0.0.1:4317", Rate: 8, Seed: 1} }

// Validate reports every mistake.
func (c Config) Validate() error {
	var errs []error
	if c.Endpoint == "" {
		errs = append(errs, errors.New("the endpoint is missing: host:port of OTLP over gRPC"))
	} else if _, _, err := net.SplitHostPort(c.Endpoint); err != nil || strings.Contains(c.Endpoint, "/") {
		errs = append(errs, fmt.Errorf("the endpoint is %q and must be host:port of OTLP over gRPC, such as 127.0.0.1:4317", c.Endpoint))
	}
	if c.Rate <= 0 || c.Rate > 2000 {
		errs = append(errs, errors.New("the rate must be over 0 and at most 2000 requests a second"))
	}
	return errors.Join(errs...)
}

const (
	tick         = 100 * time.Millisecond
	backgroundIn = 15 * time.Second // between runs of the background work
	lastExport   = 5 * time.Second
)

// Run makes traffic until ctx ends, and then sends what is left. An endpoint that is away is waited for.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	exporter, err := dial(ctx, cfg)
	if err != nil {
		return err
	}
	e := newEmitter(func() sdktrace.SpanProcessor {
		return sdktrace.NewBatchSpanProcessor(sharedExporter{exporter}, sdktrace.WithBatchTimeout(time.Second))
	})
	log = log.With("component", "demo")
	log.Info("demo traffic starts", "endpoint", cfg.Endpoint, "requests_per_second", cfg.Rate)
	t := newTraffic(cfg)
	start := time.Now()
	names := ""
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return e.close(ctx, exporter)
		case now := <-ticker.C:
			since := now.Sub(start)
			if s := fmt.Sprint(faultNames(active(since))); s != names {
				names = s
				log.Info("faults in the demo changed", "faults", faultNames(active(since)))
			}
			t.tick(since, func(spans []span) { e.emit(spans, now) })
		}
	}
}

// traffic is what users ask for, and what the shop does by itself.
type traffic struct {
	world          *world
	rate           float64
	due            float64 // requests
	nextBackground time.Duration
}

func newTraffic(cfg Config) *traffic {
	return &traffic{world: newWorld(cfg.Seed), rate: cfg.Rate, nextBackground: backgroundIn}
}

// tick makes the traces of one tick that ends so long after the start.
func (t *traffic) tick(since time.Duration, emit func([]span)) {
	on := active(since)
	for t.due += t.rate * wave(since) * tick.Seconds(); t.due >= 1; t.due-- {
		emit(t.world.request(t.world.pick(), on))
	}
	if since >= t.nextBackground {
		t.nextBackground += backgroundIn
		emit(t.world.background(on))
	}
}

func faultNames(on []fault) []string {
	names := make([]string, len(on))
	for i, f := range on {
		names[i] = f.name
	}
	return names
}

// wave makes the load rise and fall by 40 % every ten minutes.
func wave(since time.Duration) float64 {
	return 1 + 0.4*math.Sin(2*math.Pi*since.Minutes()/10)
}

// pick draws what the next user asks for.
func (w *world) pick() string {
	x := w.r.Float64()
	for _, e := range entries {
		if x -= e.share; x < 0 {
			return e.operation
		}
	}
	return entries[0].operation
}

func dial(ctx context.Context, cfg Config) (sdktrace.SpanExporter, error) {
	options := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(cfg.Endpoint), otlptracegrpc.WithCompressor("gzip")}
	if !cfg.TLS {
		options = append(options, otlptracegrpc.WithInsecure())
	}
	exporter, err := otlptracegrpc.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", cfg.Endpoint, err)
	}
	return exporter, nil
}

// sharedExporter lets the providers of all services use one connection; none of them may close it.
type sharedExporter struct{ sdktrace.SpanExporter }

func (sharedExporter) Shutdown(context.Context) error { return nil }

// emitter turns simulated traces into spans of the SDK.
type emitter struct {
	providers []*sdktrace.TracerProvider
	tracers   map[string]trace.Tracer
}

// newEmitter gives each service a processor of its own.
func newEmitter(processor func() sdktrace.SpanProcessor) *emitter {
	e := &emitter{tracers: map[string]trace.Tracer{}}
	for _, s := range services {
		p := sdktrace.NewTracerProvider(
			sdktrace.WithSpanProcessor(processor()),
			sdktrace.WithResource(resource.NewSchemaless(
				attribute.String("service.name", s.name), attribute.String("service.namespace", namespace),
				attribute.String("service.version", s.version), attribute.String("service.criticality", s.tier),
				attribute.String("service.instance.id", s.name+"-7c9f6d5b8-x2k4p"),
				attribute.String("deployment.environment.name", environment),
				attribute.String("telemetry.sdk.language", s.language), attribute.String("telemetry.sdk.name", "opentelemetry"),
				attribute.String("k8s.deployment.name", s.name), attribute.String("k8s.pod.name", s.name+"-7c9f6d5b8-x2k4p"),
			)))
		e.providers = append(e.providers, p)
		e.tracers[s.name] = p.Tracer("shop")
	}
	return e
}

// emit sends a trace as one that ends now.
func (e *emitter) emit(spans []span, now time.Time) {
	var length time.Duration
	for _, s := range spans {
		length = max(length, s.end)
	}
	base := now.Add(-length)
	started := make([]trace.Span, len(spans))
	for i := range spans {
		s := &spans[i]
		options := []trace.SpanStartOption{
			trace.WithTimestamp(base.Add(s.start)), trace.WithSpanKind(sdkKinds[s.kind]), trace.WithAttributes(sdkAttributes(s.attrs)...),
		}
		ctx := context.Background()
		if s.parent >= 0 {
			parent := started[s.parent].SpanContext()
			if spans[s.parent].service != s.service {
				parent = parent.WithRemote(true)
			}
			ctx = trace.ContextWithSpanContext(ctx, parent)
		}
		if s.link >= 0 {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: started[s.link].SpanContext()}))
		}
		_, started[i] = e.tracers[s.service.name].Start(ctx, s.name, options...) //nolint:spancheck // they end in the loop below
	}
	for i := range spans {
		s := &spans[i]
		if s.failed {
			started[i].SetStatus(codes.Error, s.problem)
		}
		started[i].End(trace.WithTimestamp(base.Add(s.end)))
	}
}

var sdkKinds = [...]trace.SpanKind{
	internal: trace.SpanKindInternal, server: trace.SpanKindServer, client: trace.SpanKindClient,
	producer: trace.SpanKindProducer, consumer: trace.SpanKindConsumer,
}

func sdkAttributes(attrs []attr) []attribute.KeyValue {
	out := make([]attribute.KeyValue, len(attrs))
	for i, a := range attrs {
		switch v := a.value.(type) {
		case string:
			out[i] = attribute.String(a.key, v)
		case int64:
			out[i] = attribute.Int64(a.key, v)
		default:
			panic(fmt.Sprintf("attribute %s is a %T", a.key, v))
		}
	}
	return out
}

// close sends what is left.
func (e *emitter) close(ctx context.Context, exporter sdktrace.SpanExporter) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastExport)
	defer cancel()
	for _, p := range e.providers {
		p.Shutdown(last) //nolint:errcheck // an endpoint that is away loses the last second of a demo
	}
	return exporter.Shutdown(last)
}

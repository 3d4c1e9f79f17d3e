package proc

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// unsampled goes with every export. A receiver that traces its requests, this process included, finds a
// parent that was not sampled and so records no span for the request that brings our spans; otherwise
// sending a span would make a span to send, without end. This holds for receivers that, like ours, follow
// their parent's decision; one that does not adds one span to each export.
var unsampled = map[string]string{"traceparent": "00-fa017115e1f7ace00000000000000001-fa01711500000001-00"}

// lastExport bounds the export of what is left when tracing stops.
const lastExport = 5 * time.Second

// Tracing sends spans of the process's own work to an OTLP endpoint.
type Tracing struct{ provider *sdktrace.TracerProvider }

// StartTracing makes the process trace itself: it sets the global TracerProvider and propagator. service
// is the process's name in those traces. endpoint is http(s)://host[:port][/path] for OTLP over HTTP, or
// host:port, grpc://host:port or grpcs://host:port for OTLP over gRPC; without a path /v1/traces is used.
func StartTracing(ctx context.Context, endpoint, service string, log *slog.Logger) (*Tracing, error) {
	exporter, err := newExporter(ctx, endpoint)
	if err != nil {
		return nil, fmt.Errorf("trace to %s: %w", endpoint, err)
	}
	instance, _ := os.Hostname() // unknown is fine: the attribute is then empty
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", service),
			attribute.String("service.namespace", "faultline"),
			attribute.String("service.version", Version),
			attribute.String("service.instance.id", instance),
		)),
	)
	log = log.With("component", "self_traces")
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("own spans were not sent", "err", err) }))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return &Tracing{provider}, nil
}

// Run waits for the end of ctx and then sends what is left.
func (t *Tracing) Run(ctx context.Context) error {
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastExport)
	defer cancel()
	if err := t.provider.Shutdown(last); err != nil {
		return fmt.Errorf("send the last own spans: %w", err)
	}
	return nil
}

func newExporter(ctx context.Context, endpoint string) (*otlptrace.Exporter, error) {
	if !strings.Contains(endpoint, "://") {
		endpoint = "grpc://" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "http", "https":
		if u.Path == "" || u.Path == "/" {
			u.Path = "/v1/traces"
		}
		return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()), otlptracehttp.WithHeaders(unsampled))
	case "grpc", "grpcs":
		options := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(u.Host), otlptracegrpc.WithHeaders(unsampled)}
		if u.Scheme == "grpc" {
			options = append(options, otlptracegrpc.WithInsecure())
		}
		return otlptracegrpc.New(ctx, options...)
	}
	return nil, fmt.Errorf("%s:// is not known; use http, https, grpc or grpcs", u.Scheme)
}

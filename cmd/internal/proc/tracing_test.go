package proc

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// traceRequest does what a receiver that traces its requests does before it reads one.
func traceRequest(ctx context.Context, carrier propagation.TextMapCarrier, name string) {
	ctx = otel.GetTextMapPropagator().Extract(ctx, carrier)
	_, span := otel.Tracer("test").Start(ctx, name)
	span.End()
}

type grpcSink struct {
	collector.UnimplementedTraceServiceServer
	receive func(ctx context.Context, r *collector.ExportTraceServiceRequest)
}

func (s grpcSink) Export(ctx context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.receive(ctx, r)
	return &collector.ExportTraceServiceResponse{}, nil
}

// A process that traces its requests and sends the traces to itself must fall silent when nobody else
// calls: the request that brings the spans makes none.
func TestSelfTracesDoNotFeedOnThemselves(t *testing.T) {
	var requests atomic.Int64
	names := make(chan string, 100)
	receive := func(r *collector.ExportTraceServiceRequest) {
		requests.Add(1)
		for _, rs := range r.GetResourceSpans() {
			service := slices.IndexFunc(rs.GetResource().GetAttributes(), func(a *common.KeyValue) bool { return a.GetKey() == "service.name" })
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					names <- rs.GetResource().GetAttributes()[service].GetValue().GetStringValue() + " " + s.GetName()
				}
			}
		}
	}

	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		traceRequest(r.Context(), propagation.HeaderCarrier(r.Header), r.URL.Path)
		if r.URL.Path != "/v1/traces" {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		req := new(collector.ExportTraceServiceRequest)
		if err := proto.Unmarshal(body, req); err != nil {
			t.Error(err)
		}
		receive(req)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer web.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, grpcSink{receive: func(ctx context.Context, r *collector.ExportTraceServiceRequest) {
		md, _ := metadata.FromIncomingContext(ctx)
		traceRequest(ctx, propagation.HeaderCarrier(http.Header{"Traceparent": md.Get("traceparent")}), "export")
		receive(r)
	}})
	go func() { _ = server.Serve(l) }()
	defer server.Stop()

	for name, endpoint := range map[string]string{
		"http":                web.URL,
		"http with its path":  web.URL + "/v1/traces",
		"grpc":                "grpc://" + l.Addr().String(),
		"grpc without scheme": l.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			requests.Store(0)
			tracing, err := StartTracing(t.Context(), endpoint, "faultline-test", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer otel.SetTracerProvider(sdktrace.NewTracerProvider()) // the next case starts afresh
			resp, err := http.Get(web.URL + "/api/v1/graph")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()

			// Each flush sends what the one before made. The first has the request's span, the others nothing.
			for range 3 {
				if err := tracing.provider.ForceFlush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := <-names; got != "faultline-test /api/v1/graph" {
				t.Errorf("span is %q", got)
			}
			if n := requests.Load(); n != 1 || len(names) != 0 {
				t.Errorf("%d exports, %d more spans; want 1 export and no more spans", n, len(names))
			}
			ctx, stop := context.WithCancel(t.Context())
			stop()
			if err := tracing.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStartTracingRefusesOtherSchemes(t *testing.T) {
	_, err := StartTracing(t.Context(), "ftp://h", "x", slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "use http, https, grpc or grpcs") {
		t.Errorf("error is %v", err)
	}
}
